from __future__ import annotations

import os
from pathlib import Path

import pytest

from creds_session.facts.collection_state import KeyringForm
from creds_session.facts.machine import PathKind
from creds_session.probe.activation import probe_activations
from creds_session.probe.client import probe_client
from creds_session.probe.home import look_at, probe_home, probe_runtime
from creds_session.probe.login_log import from_journal, from_text
from creds_session.probe.units import parse

SEALED = b"GnomeKeyring\n\r\0\n" + bytes(4 + 4 + 52 + 4 + 4)


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (SEALED, KeyringForm.SEALED),
        (b"[keyring]\ndisplay-name=Login\n", KeyringForm.PLAIN),
        (b"\n[keyring]\n", KeyringForm.PLAIN),
        (SEALED[:-1], KeyringForm.BROKEN),
        (b"[keyring]\ndisplay-name=Login\n[1]\nsecret=one\ntwo\n", KeyringForm.BROKEN),
        (b"", KeyringForm.EMPTY),
        (b"nonsense", KeyringForm.BROKEN),
    ],
)
def test_the_first_bytes_tell_what_a_keyring_is(
    tmp_path: Path, content: bytes, form: KeyringForm
) -> None:
    folder = tmp_path / ".local/share/keyrings"
    folder.mkdir(parents=True)
    (folder / "login.keyring").write_bytes(content)
    (folder / "default").write_text("work\n")
    facts = probe_home({"HOME": str(tmp_path)})
    assert facts.form is form
    assert (facts.keyrings, facts.default) == (("login.keyring",), "work")
    assert facts.folder.kind is PathKind.FOLDER
    assert facts.free_bytes is not None
    assert not facts.is_read_only


def test_a_home_without_keyrings_is_looked_at_all_the_same(tmp_path: Path) -> None:
    facts = probe_home({"HOME": str(tmp_path / "gone")})
    assert facts.home.kind is PathKind.ABSENT
    assert facts.form is KeyringForm.UNKNOWN
    assert facts.free_bytes is not None


def test_what_is_at_a_path_is_told(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    (tmp_path / "file").touch(mode=0o640)
    os.mkfifo(tmp_path / "fifo")
    kinds = {name: look_at(str(tmp_path / name)).kind for name in ("link", "file", "fifo", "none")}
    assert kinds == {
        "link": PathKind.DANGLING,
        "file": PathKind.FILE,
        "fifo": PathKind.OTHER,
        "none": PathKind.ABSENT,
    }
    assert look_at(str(tmp_path / "file")).is_open_to_others
    assert look_at(str(tmp_path / "file/below")).kind is PathKind.ABSENT


def test_a_link_is_told_as_one_and_by_what_it_leads_to(tmp_path: Path) -> None:
    top = tmp_path.resolve()
    (top / "real").mkdir()
    (top / "real" / "file").touch(mode=0o640)
    (top / "way").symlink_to("real")
    (top / "real" / "link").symlink_to("file")
    found = look_at(f"{top}/way/link")
    assert (found.kind, found.mode, found.is_link) == (PathKind.FILE, 0o640, True)
    assert found.links == (f"{top}/way is a link to real", f"{top}/real/link is a link to file")
    assert found.redirection == found.links[0]
    through = look_at(f"{top}/way/file")
    assert (through.is_link, through.links) == (False, found.links[:1])
    assert look_at(f"{top}/way/").is_link
    plain = look_at(f"{top}/real/file")
    assert (plain.is_link, plain.links) == (False, ())
    assert "/tmp can be changed by others" in plain.redirection or not plain.redirection


def test_what_root_alone_decides_has_no_redirection() -> None:
    assert look_at("/etc/passwd").redirection == ""
    assert look_at(f"/proc/{os.getpid()}/nothing").kind is PathKind.ABSENT


def test_a_fifo_in_the_keyrings_place_holds_nobody_up(tmp_path: Path) -> None:
    folder = tmp_path / "keyrings"
    folder.mkdir()
    os.mkfifo(folder / "login.keyring")
    os.mkfifo(folder / "default")
    facts = probe_home({"HOME": "/", "XDG_DATA_HOME": str(tmp_path)})
    assert (facts.login.kind, facts.default) == (PathKind.OTHER, None)


def test_the_runtime_directory_and_the_socket_are_looked_at(tmp_path: Path) -> None:
    environ = {
        "XDG_RUNTIME_DIR": str(tmp_path),
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/bus,guid=1",
    }
    facts = probe_runtime(environ)
    assert facts.named is not None
    assert facts.named.kind is PathKind.FOLDER
    assert facts.bus_socket is not None
    assert (facts.bus_socket.path, facts.bus_socket.kind) == (f"{tmp_path}/bus", PathKind.ABSENT)


def test_units_are_read_one_block_each() -> None:
    text = (
        "Id=a.socket\nLoadState=loaded\nActiveState=active\nSubState=running\nResult=success\n"
        "\nMainPID=7\nId=a.service\nLoadState=masked\nActiveState=inactive\nSubState=dead\n"
    )
    told = parse(text)
    assert told["a.socket"].sub == "running"
    assert (told["a.service"].main_pid, told["a.service"].is_masked) == (7, True)


def test_the_journal_is_read_line_by_line_and_what_is_no_text_left_out() -> None:
    text = (
        '{"MESSAGE":"one","__REALTIME_TIMESTAMP":"1000000","_PID":"7","SYSLOG_IDENTIFIER":"sshd"}\n'
        '{"MESSAGE":[1,2],"__REALTIME_TIMESTAMP":"2000000"}\n'
        "nonsense\n"
    )
    (line,) = from_journal(text)
    assert line == (1.0, "sshd", 7, "one")


def test_a_log_file_is_read_in_both_its_shapes() -> None:
    old = "Nov 24 10:25:14 vm sshd[99]: Accepted password for alice"
    new = "2026-11-24T10:25:14.023+00:00 vm sshd-session[98]: gkr-pam: unlocked login keyring"
    first, second = from_text(f"{old}\n{new}\nnonsense\n")
    assert first == (0.0, "sshd", 99, "Accepted password for alice")
    assert second[1:] == ("sshd-session", 98, "gkr-pam: unlocked login keyring")
    assert second.when > 1e9


def test_keyrings_own_configuration_and_the_hook_are_seen(tmp_path: Path) -> None:
    folder = tmp_path / ".config/python_keyring"
    folder.mkdir(parents=True)
    (folder / "keyringrc.cfg").write_text("[backend]\ndefault-keyring=mine.Mine\n")
    (tmp_path / ".config/creds-session").mkdir()
    (tmp_path / ".config/creds-session/no-hook").touch()
    facts = probe_client({"HOME": str(tmp_path), "SSH_AUTH_SOCK": "/gone/keyring/ssh"})
    assert facts.configured_backend == "mine.Mine"
    assert facts.hook_is_off.endswith("no-hook")
    assert facts.ssh_socket is not None
    assert facts.ssh_socket.kind is PathKind.ABSENT
    (folder / "keyringrc.cfg").write_text("nonsense")
    assert probe_client({"HOME": str(tmp_path)}).configured_backend == ""


def test_the_first_file_for_the_name_counts(tmp_path: Path) -> None:
    services = tmp_path / "dbus-1/services"
    services.mkdir(parents=True)
    (services / "a.service").write_text("[D-BUS Service]\nName=other\nExec=/bin/true\n")
    own = "[D-BUS Service]\nName=org.freedesktop.secrets\nExec=/nonexistent/x --start\n"
    (services / "b.service").write_text(own)
    first, *_ = probe_activations({"XDG_DATA_HOME": str(tmp_path)})
    assert (first.path, first.is_there) == (str(services / "b.service"), False)
