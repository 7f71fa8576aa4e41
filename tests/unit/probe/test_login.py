from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from creds_session.probe import login
from creds_session.probe.login import probe_session
from creds_session.system.processes.commands import Completed
from tests.unit.children import end_within, run_child

ME = os.getuid()


@pytest.mark.parametrize(
    ("content", "method"),
    [
        ("publickey ssh-ed25519 AAAA\n", "publickey"),
        ("password\n", "password"),
        ("keyboard-interactive/pam\npassword\n", "password"),
        ("publickey ssh-ed25519 AAAA\nkeyboard-interactive/pam\n", "keyboard-interactive/pam"),
        ("password\npublickey ssh-ed25519 AAAA\n", "password"),
        ("hostbased\npublickey ssh-ed25519 AAAA\n", "hostbased"),
        ("", None),
    ],
)
def test_probe_session_knows_the_method_where_sshd_tells_it(
    tmp_path: Path, content: str, method: str | None
) -> None:
    (tmp_path / "auth").write_text(content)
    environ = {"SSH_USER_AUTH": str(tmp_path / "auth"), "SSH_CONNECTION": "::1 5 ::1 22"}
    facts = probe_session(environ)
    assert (facts.uid, facts.by_ssh, facts.login_method) == (ME, True, method)


def test_probe_session_of_no_ssh_knows_no_method(tmp_path: Path) -> None:
    assert probe_session({}).login_method is None
    assert not probe_session({}).by_ssh
    assert probe_session({"SSH_USER_AUTH": str(tmp_path / "gone")}).login_method is None


FORGED = "Failed password for invalid user Accepted password for {} from ::1 port 5 from ::1"


@pytest.mark.parametrize(
    ("lines", "method"),
    [
        (["Accepted publickey for {} from ::1 port 5 ssh2: ED25519 x"], "publickey"),
        (["Accepted password for {} from ::1 port 55 ssh2"], None),
        (["Accepted password for other from ::1 port 5 ssh2"], None),
        (["Accepted publickey for {} from ::1 port 5 ssh2", FORGED], "publickey"),
        ([FORGED], None),
        (
            ["Accepted password for {} from ::1 port 5", "Accepted publickey for {} from x port 5"],
            "publickey",
        ),
        (
            ["Partial password for {} from ::1 port 5", "Accepted publickey for {} from x port 5"],
            "password",
        ),
        (["Partial password for {} from ::1 port 5 ssh2"], None),
    ],
)
def test_probe_session_believes_sshd_and_no_user_name(
    monkeypatch: pytest.MonkeyPatch, lines: list[str], method: str | None
) -> None:
    asked: list[str] = []

    def journal(argv: list[str], **_: object) -> Completed:
        asked.extend(argv)
        return Completed(0, "\n".join(lines).format(*[user] * 3) + "\n", "")

    user = pwd.getpwuid(ME).pw_name
    monkeypatch.setattr(login, "run", journal)
    assert probe_session({"SSH_CONNECTION": "::1 5 ::1 22"}).login_method == method
    assert "_UID=0" in asked


@pytest.mark.parametrize("kind", ["fifo", "bytes"])
def test_probe_session_stands_any_file_that_the_variable_names(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "auth"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.write_bytes(b"\xff\n")

    def look() -> None:
        end_within(2)
        probe_session({"SSH_USER_AUTH": str(path)})

    assert run_child(look) == 0
