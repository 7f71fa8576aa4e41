"""What creds-setup-pam prints, and exits with, where not all can be had."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from creds_session.cli.setup_pam import check
from creds_session.cli.setup_pam.main import main
from creds_session.facts.machine import PolicyRefusal
from creds_session.probe import host
from creds_session.system.files.root import Root
from tests.unit.images import SSHD, make_image, write

JUMP = b"""\
auth [success=1 default=ignore] pam_unix.so
auth requisite pam_deny.so
auth required pam_permit.so
account required pam_unix.so
"""
SESSION = b"session required pam_unix.so\nsession optional pam_systemd.so\n"
PASSED_BY = b"auth sufficient pam_faillock.so authsucc\n" + JUMP + SESSION
IN_PART = JUMP + b"password sufficient pam_unix.so\n" + SESSION


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_image(tmp_path)
    return tmp_path


def call(monkeypatch: pytest.MonkeyPatch, root: Path, line: str) -> int:
    argv = ["creds-setup-pam", "--root", str(root), "--service", "sshd", *line.split()]
    monkeypatch.setattr(sys, "argv", argv)
    return main()


def put(root: Path, content: bytes) -> Path:
    place = root / SSHD.lstrip("/")
    place.write_bytes(content)
    return place


def test_check_prints_its_table_where_a_group_cannot_be_had(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = put(root, IN_PART)
    assert call(monkeypatch, root, "check") == 1
    shown = capsys.readouterr()
    assert [line.split()[1] for line in shown.out.splitlines() if line.startswith("sshd")] == [
        "auth",
        "password",
        "session",
    ]
    assert "/etc/pam.d/sshd:5: pam_unix.so ends the stack" in shown.err
    assert "--only-add" in shown.err
    assert call(monkeypatch, root, "apply") == 1
    assert place.read_bytes().count(b"pam_gnome_keyring.so") == 2
    assert "sshd password: " in capsys.readouterr().err
    assert call(monkeypatch, root, "revert") == 0
    assert place.read_bytes() == IN_PART


def test_apply_changes_nothing_on_request_if_a_group_cannot_be_had(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = put(root, IN_PART)
    assert call(monkeypatch, root, "apply --complete --dry-run") == 65
    dry = capsys.readouterr()
    assert dry.out == ""
    assert call(monkeypatch, root, "apply --complete") == 65
    shown = " ".join(capsys.readouterr().err.split())
    assert "sshd password: /etc/pam.d/sshd: no safe place for the password rule" in shown
    assert "with --complete nothing was changed" in shown
    assert " ".join(dry.err.split()) == shown
    assert place.read_bytes() == IN_PART
    put(root, JUMP + SESSION)
    assert call(monkeypatch, root, "apply --complete --dry-run") == 1
    assert call(monkeypatch, root, "apply --complete") == 0
    assert call(monkeypatch, root, "apply --complete") == 0
    assert call(monkeypatch, root, "revert") == 0


def test_apply_prints_the_same_diff_and_reasons_as_diff(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(root, JUMP + SESSION)
    shown = {}
    for command in ("diff", "apply"):
        call(monkeypatch, root, f"{command} --json")
        shown[command] = json.loads(capsys.readouterr().out)
    assert shown["diff"]["diff"]
    assert shown["diff"]["reasons"]
    for name, value in shown["diff"].items():
        assert shown["apply"][name] == value


def test_a_wrong_password_that_is_let_in_is_said_by_each_command(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = put(root, PASSED_BY)
    for command, code in {"check": 1, "diff": 1, "apply": 65}.items():
        assert call(monkeypatch, root, command) == code
        told = capsys.readouterr().err
        assert "sshd lets people in with a WRONG PASSWORD" in told
        assert "  remove /etc/pam.d/sshd:1 (pam_faillock.so); do this yourself" in told
    assert place.read_bytes() == PASSED_BY


def test_nothing_is_said_to_be_in_place_where_nothing_is(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(root, b"auth required pam_permit.so\n" + SESSION)
    call(monkeypatch, root, "apply")
    call(monkeypatch, root, "apply")
    told = capsys.readouterr().err
    assert "in place and reached" not in told
    assert "nothing was changed: sshd auth: no module here asks for a password" in told


def test_the_next_run_of_a_configuration_management_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(root, b"# Ansible managed\n" + JUMP + SESSION)
    assert call(monkeypatch, root, "diff") == 1
    assert "is managed by Ansible" in capsys.readouterr().err


def test_a_link_into_a_store_is_not_written_through(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(Root(root), "/nix/store/abc-sshd.pam", JUMP + SESSION)
    place = root / SSHD.lstrip("/")
    place.unlink()
    place.symlink_to("/nix/store/abc-sshd.pam")
    assert call(monkeypatch, root, "check") == 1
    assert "security.pam.services.sshd.enableGnomeKeyring" in capsys.readouterr().err
    assert call(monkeypatch, root, "apply") == 65
    assert (root / "nix/store/abc-sshd.pam").read_bytes() == JUMP + SESSION


@pytest.mark.parametrize(
    ("enforce", "is_here", "is_said"),
    [
        ("1", True, True),
        ("0", True, False),
        ("1", False, False),
    ],
)
def test_what_selinux_allows_is_said_not_to_be_judged(
    root: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    enforce: str,
    *,
    is_here: bool,
    is_said: bool,
) -> None:
    kernel = tmp_path_factory.mktemp("selinux")
    (kernel / "enforce").write_text(enforce)
    monkeypatch.setattr(host, "SELINUX", str(kernel))
    monkeypatch.setattr(Root, "is_running_system", property(lambda _root: is_here))
    put(root, JUMP + SESSION)
    call(monkeypatch, root, "check")
    assert ("SELinux is enforcing here" in capsys.readouterr().err) is is_said


EXECUTE = PolicyRefusal("sshd_t", "gkeyringd_exec_t", "file", ("execute",))
SEARCH = PolicyRefusal("sshd_t", "gnome_keyring_tmp_t", "dir", ("search",))


@pytest.mark.parametrize(
    ("refused", "line", "said"),
    [
        ((), "lets a login by ssh start and reach the keyring daemon", ()),
        (
            (EXECUTE, SEARCH),
            "does not let a login by ssh start the keyring daemon",
            (EXECUTE.rule, SEARCH.rule, "no login unlocks a keyring", "--explain selinux-refuses"),
        ),
        (
            (SEARCH,),
            "does not let a login by ssh reach the keyring daemon",
            (SEARCH.rule, "if the daemon is running already", "--explain selinux-refuses"),
        ),
        (None, "", ("the policy could not be asked",)),
    ],
)
def test_what_selinux_policy_refuses_is_said(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    refused: tuple[PolicyRefusal, ...] | None,
    line: str,
    said: tuple[str, ...],
) -> None:
    monkeypatch.setattr(check, "selinux_mode", lambda: "enforcing")
    monkeypatch.setattr(check, "refused_to_logins", lambda _root: refused)
    monkeypatch.setattr(Root, "is_running_system", property(lambda _root: True))
    put(root, JUMP + SESSION)
    call(monkeypatch, root, "check")
    shown = capsys.readouterr()
    lines = [one for one in shown.out.splitlines() if one.startswith("selinux")]
    assert lines == ([f"selinux  policy    {line}"] if line else [])
    assert all(word in shown.err for word in said)
    assert ("SELinux" in shown.err) is bool(said)
    call(monkeypatch, root, "check --json")
    told = json.loads(capsys.readouterr().out)["selinux"]
    rules = [one.rule for one in refused or ()]
    assert told == {"judged": refused is not None, "refused": rules}


def test_json_says_nothing_of_selinux_where_it_is_not_enforcing(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(root, JUMP + SESSION)
    call(monkeypatch, root, "check --json")
    assert json.loads(capsys.readouterr().out)["selinux"] is None
