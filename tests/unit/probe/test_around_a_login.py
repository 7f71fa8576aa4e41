"""What decides the words about a login: file systems, start-up files, SELinux, versions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from creds_session.facts.machine import InitFacts
from creds_session.facts.snapshot import FirstLoginFacts
from creds_session.probe import host
from creds_session.probe.client import probe_client
from creds_session.probe.home import file_system_of
from creds_session.probe.host import probe_init
from creds_session.probe.installation import Packages, probe_first_login
from creds_session.probe.snapshot import probe
from creds_session.session.unlock import unlocked_note
from creds_session.system.files.root import Root
from tests.unit.system.bus.test_connection import dbus_daemon

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw - autofs systemd-1 rw,fd=1
31 30 0:41 / /home/alice rw,relatime - nfs4 srv:/home/alice rw,vers=4.2,sec=krb5p,addr=10.0.0.1
32 22 0:42 / /home/a\\040b rw - nfs4 srv:/b rw,sec=sys
33 22 0:43 / /home/bob rw - tmpfs tmpfs rw
34 22 0:44 / /home/bob rw - ecryptfs /x rw
nonsense
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/root", "ext4"),
        ("/home/alice", "nfs4 sec=krb5p"),
        ("/home/alice/.local", "nfs4 sec=krb5p"),
        ("/home/alice2", "autofs"),
        ("/home/a b", "nfs4 sec=sys"),
        ("/home/bob", "ecryptfs"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_the_nearest_mount(path: str, expected: str) -> None:
    assert file_system_of(path, MOUNTS) == expected
    assert file_system_of(path, "") == ""


def test_a_line_that_starts_the_daemon_is_named_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / ".profile").write_text(
        "# gnome-keyring-daemon\necho canary | gnome-keyring-daemon --unlock\n"
    )
    (tmp_path / ".bashrc").write_text("\n\neval $(gnome-keyring-daemon --replace)\n")
    found = probe_client({"HOME": str(tmp_path)})
    assert found.starts_daemon == (f"{tmp_path}/.profile:2", f"{tmp_path}/.bashrc:3")
    assert "canary" not in repr(found)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, False),
        ({"authorized_keys": ""}, False),
        ({"authorized_keys": "key"}, True),
        ({"authorized_keys2": "key"}, True),
    ],
)
def test_keys_for_a_login_are_seen(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str],
    expected: bool,
) -> None:
    (tmp_path / ".ssh").mkdir()
    for name, text in files.items():
        (tmp_path / ".ssh" / name).write_text(text)

    class Account:
        pw_name = "alice"
        pw_dir = str(tmp_path)
        pw_shell = "/bin/sh"

    monkeypatch.setattr("pwd.getpwuid", lambda _uid: Account)
    assert probe_client({"HOME": "/elsewhere"}).has_ssh_keys is expected


def test_a_refusal_is_remembered_until_the_keyring_was_unlocked(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    environ = {
        "HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "DBUS_SESSION_BUS_ADDRESS": "unix:path=/x",
    }
    assert not probe_client(environ).was_refused
    unlocked_note.note_refusal(environ)
    assert probe_client(environ).was_refused
    unlocked_note.note(environ, os.getpid())
    assert not probe_client(environ).was_refused
    unlocked_note.forget(environ)  # as `creds lock` does
    assert probe_client(environ).was_locked
    unlocked_note.note(environ, os.getpid())
    assert not probe_client(environ).was_locked
    unlocked_note.note_refusal({"XDG_RUNTIME_DIR": str(tmp_path / "gone")})
    unlocked_note.note_refusal({})


@pytest.mark.parametrize(("text", "mode"), [("1", "enforcing"), ("0\n", "permissive"), (None, "")])
def test_selinux_is_asked_of_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, mode: str
) -> None:
    monkeypatch.setattr(host, "SELINUX", str(tmp_path))
    if text is not None:
        (tmp_path / "enforce").write_text(text)
    assert probe_init(None, Packages(Root(tmp_path))).selinux == mode


@pytest.mark.parametrize(
    ("context", "is_confined"),
    [
        ("staff_u:staff_r:staff_t:s0", True),
        ("user_u:user_r:user_t:s0", True),
        ("sysadm_u:sysadm_r:sysadm_t", True),
        ("unconfined_u:unconfined_r:unconfined_t:s0", False),
        ("system_u:system_r:initrc_t:s0", False),
        ("kernel", False),
        ("", False),
    ],
)
def test_who_is_confined(context: str, is_confined: bool) -> None:
    assert InitFacts(selinux="enforcing", selinux_context=context).is_confined is is_confined
    assert not InitFacts(selinux="permissive", selinux_context=context).is_confined


@pytest.mark.parametrize(
    ("version", "breaks"), [("42.1-1", True), ("50.0-2", True), ("51.1-3", False), ("1:52", False)]
)
def test_a_new_daemon_serves_a_keyring_that_is_made_through_its_socket(
    tmp_path: Path,
    version: str,
    breaks: bool,
) -> None:
    root = Root(tmp_path)
    unit = "usr/lib/systemd/user/gnome-keyring-daemon.socket"
    wants = "etc/systemd/user/sockets.target.wants"
    for place in (unit, "var/lib/dpkg/status"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / unit).touch()
    (tmp_path / wants).mkdir(parents=True)
    (tmp_path / wants / "gnome-keyring-daemon.socket").symlink_to(f"/{unit}")
    status = f"Package: gnome-keyring\nStatus: install ok installed\nVersion: {version}\n\n"
    (tmp_path / "var/lib/dpkg/status").write_text(status)
    found = probe_first_login(root)
    assert isinstance(found, FirstLoginFacts)
    assert found.breaks_first_login is breaks


def test_another_bus_that_answers_is_found_if_the_named_one_does_not(short: Path) -> None:
    environ = {
        "HOME": str(short),
        "XDG_RUNTIME_DIR": str(short),
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={short}/gone",
    }
    with dbus_daemon(short) as address:
        assert probe(environ, Root(), 60).bus.elsewhere == address
    assert probe(environ, Root(), 5).bus.elsewhere == ""
