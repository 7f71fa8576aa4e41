"""The login from the controller, with a stand-in for ssh that asks as sshd and sudo do."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SSH = r"""#!/bin/bash
# Stands in for ssh: keeps its arguments, asks for a password, then runs the command line.
printf '%s\n' "$@" >"$HOME/arguments"
cat /proc/$$/environ >"$HOME/environment"
case " $* " in
*BatchMode=yes*) test -e "$HOME/key" || { echo 'Permission denied (publickey).' >&2; exit 255; }
    exit 0 ;;
esac
[ ! -e "$HOME/silent" ] || exec sleep 60
[ ! -e "$HOME/loud" ] || { printf 'x%.0s' {1..20000}; echo; echo 'the end'; exit 255; }
stty -echo
printf "deploy@host's password: "
read -r password
stty echo
[ ! -e "$HOME/echo" ] || printf '%s\n' "no entry with $password"
[ "$password" = "it's \$(id)" ] || { echo 'Permission denied, please try again.'; exit 255; }
for word in "$@"; do :; done
PATH="$HOME/bin:$PATH" sh -c "$word"
"""
SUDO = r"""#!/bin/bash
stty -echo
printf '%s' "$3"
read -r password
stty echo
[ "$password" = root ] || { printf 'Sorry, try again.\n%s' "$3"; read -r password; exit 1; }
shift 4
exec "$@"
"""
PASSWORD = "it's $(id)"


@pytest.fixture
def login(plugin: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, text in {"ssh": SSH, "bin/sudo": SUDO}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return plugin("plugin_utils.login")


def test_a_login_by_password_runs_a_command_as_root(login: Any, tmp_path: Path) -> None:
    target = login.Target("host", 2222, ["-o", "X=y"], timeout=20)
    code, output = login.by_password(
        target, "deploy", PASSWORD, ["sh", "-c", "echo 'a b'; exit 3"], "root"
    )
    assert code == 3
    assert "a b" in output
    arguments = (tmp_path / "arguments").read_text()
    assert "ControlPath=none" in arguments  # a new connection, whatever the configuration says
    assert "PubkeyAuthentication=no" in arguments
    assert PASSWORD not in arguments
    assert PASSWORD not in (tmp_path / "environment").read_text()


def test_root_needs_no_sudo(login: Any) -> None:
    target = login.Target("host", timeout=20)
    assert login.by_password(target, "root", PASSWORD, ["sh", "-c", "exit 0"])[0] == 0


def test_a_wrong_password_is_a_failed_login(login: Any) -> None:
    with pytest.raises(login.LoginFailed, match="Permission denied"):
        login.by_password(login.Target("host", timeout=20), "deploy", "wrong", [])


def test_sudo_that_refuses_is_a_failed_login(login: Any) -> None:
    with pytest.raises(login.LoginFailed, match="sudo refused the password"):
        login.by_password(login.Target("host", timeout=20), "deploy", PASSWORD, ["true"], "wrong")


def test_a_host_that_says_nothing_times_out(login: Any, tmp_path: Path) -> None:
    (tmp_path / "silent").touch()
    with pytest.raises(login.LoginFailed, match="timed out after 1 s"):
        login.by_password(login.Target("host", timeout=1), "deploy", PASSWORD)


def test_a_password_that_the_host_prints_is_in_no_message(login: Any, tmp_path: Path) -> None:
    (tmp_path / "echo").touch()
    target = login.Target("host", timeout=20)
    code, output = login.by_password(target, "deploy", PASSWORD, ["echo", PASSWORD], "root")
    assert code == 0
    assert "no entry with ********" in output
    assert PASSWORD not in output
    with pytest.raises(login.LoginFailed) as failed:
        login.by_password(target, "deploy", "wrong  password", [])
    assert "no entry with ********" in str(failed.value)
    assert "wrong" not in str(failed.value)


def test_only_the_end_of_what_a_host_says_is_kept(login: Any, tmp_path: Path) -> None:
    (tmp_path / "loud").touch()
    with pytest.raises(login.LoginFailed, match=r"xxx the end$") as failed:
        login.by_password(login.Target("host", timeout=20), "deploy", PASSWORD)
    assert len(str(failed.value)) < 2100


def test_a_login_by_key(login: Any, tmp_path: Path) -> None:
    target = login.Target("host", timeout=20)
    with pytest.raises(login.LoginFailed, match="the login by SSH key failed: Permission denied"):
        login.by_key(target, "deploy")
    (tmp_path / "key").touch()
    login.by_key(target, "deploy", "/key")
    assert "-i\n/key\n" in (tmp_path / "arguments").read_text()
