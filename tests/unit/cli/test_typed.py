"""A hint that repeats a command repeats the one that was typed."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from creds_session.cli import boundary
from creds_session.cli.boundary import run
from creds_session.cli.creds import main
from creds_session.cli.doctor import main as doctor
from creds_session.cli.setup_pam import main as setup_pam
from creds_session.errors import CannotWrite, NotPermitted
from creds_session.system.files.root import Root
from tests.unit.children import run_child
from tests.unit.images import SSHD
from tests.unit.setup_pam.test_plan import root

__all__ = ["root"]

NOBODY = 65_534
MAINS = {"creds": main._main, "creds-doctor": doctor._main, "creds-setup-pam": setup_pam._main}
OF_ROOT = [
    "creds-setup-pam revert",
    "creds-setup-pam confirm",
    "creds-setup-pam apply",
    "creds-setup-pam --json revert",
    "creds-setup-pam --root / revert",
    "creds-setup-pam revert --root=/",
    "creds-setup-pam --service sshd --service login apply --skip-root",
    "creds-setup-pam apply --try alice --confirm-within 10m",
    "creds-setup-pam --service 'my service' apply --try 'a$b'",
    "creds-doctor --user root --report 'my ticket.html' -v",
]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture(autouse=True)
def sudo(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Say whether sudo is installed; it is, to begin with."""

    def set_it(is_installed: bool) -> None:
        path = "/usr/bin/sudo" if is_installed else None
        monkeypatch.setattr("creds_session.system.processes.proc.find_program", lambda _: path)

    set_it(True)
    return set_it


def told_to_nobody(told: Path, line: str) -> tuple[int, str]:
    """Run a command as a user who is not root; return its exit code and what it says."""
    words = shlex.split(line)

    def act() -> None:
        with told.open("w") as file, contextlib.redirect_stderr(file):
            os.setuid(NOBODY)
            code = run(MAINS[words[0]], words[0])
            file.flush()
            os._exit(code)

    return run_child(act), told.read_text()


@needs_root
def test_root_is_told_to_read_what_this_user_cannot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    closed = tmp_path / "pam.d.old"
    closed.mkdir(mode=0o700)
    line = f"creds-setup-pam judge --before {closed}"
    monkeypatch.setattr("sys.argv", shlex.split(line))
    code, told = told_to_nobody(tmp_path / "told", line)
    assert code == 77, told
    assert told.splitlines()[-1].strip() == f"run it as root: sudo {line}"


@needs_root
@pytest.mark.parametrize("line", OF_ROOT)
def test_root_is_told_to_run_what_was_typed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str
) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/local/sbin/x", *shlex.split(line)[1:]])
    code, told = told_to_nobody(tmp_path / "told", line)
    assert code == 77, told
    assert told.splitlines()[-1].strip() == f"run it as root: sudo {line}"


@needs_root
def test_without_sudo_it_is_not_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sudo: Callable[[bool], None]
) -> None:
    sudo(False)  # noqa: FBT003
    line = "creds-setup-pam --service sshd revert"
    monkeypatch.setattr("sys.argv", shlex.split(line))
    _, told = told_to_nobody(tmp_path / "told", line)
    assert told.splitlines()[-1].strip() == f"run it as root: {line}"


def hint_of(error: Exception, program: str) -> str:
    def fail() -> int:
        raise error

    with contextlib.redirect_stderr(io.StringIO()) as told:
        run(fail, program)
    return told.getvalue().partition("\n")[2].strip()


def test_root_who_may_do_no_more_is_not_told_to_become_root(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["creds-setup-pam", "apply"])
    error = CannotWrite("no", hint="look with: ls -ld /", root_may=True)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert hint_of(error, "creds-setup-pam") == "look with: ls -ld /"
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert hint_of(error, "creds-setup-pam") == "run it as root: sudo creds-setup-pam apply"


def test_a_person_is_not_told_to_write_their_own_files_as_root(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["creds", "hook", "install"])
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert hint_of(CannotWrite("no", hint="look", root_may=True), "creds") == "look"
    assert hint_of(NotPermitted("no"), "creds") == ""


def test_an_image_is_reverted_by_the_command_that_apply_names(
    monkeypatch: pytest.MonkeyPatch, root: Root
) -> None:
    before = root.read(SSHD)
    words = ["--root", str(root.directory), "apply"]
    monkeypatch.setattr("sys.argv", ["creds-setup-pam", *words])
    with contextlib.redirect_stderr(io.StringIO()) as told:
        assert run(setup_pam._main, "creds-setup-pam") == 0
    assert root.read(SSHD) != before
    assert "log in again" not in told.getvalue(), "nobody logs in to an image"
    named = told.getvalue().partition("`")[2].partition("`")[0]
    assert named == f"creds-setup-pam --root {root.directory} revert"
    monkeypatch.setattr("sys.argv", shlex.split(named))
    with contextlib.redirect_stderr(io.StringIO()):
        assert run(setup_pam._main, "creds-setup-pam") == 0
    assert root.read(SSHD) == before


@needs_root
@pytest.mark.parametrize(
    ("line", "repeated"),
    [
        ("creds get emcli 'sys man'", "creds get emcli 'sys man'"),
        ("creds put emcli sysman --encrypted", "creds put emcli sysman --encrypted"),
        ("creds -- unlock --create", "creds unlock --create"),
        (
            "creds run db alice --fd 63 -- mysql -pcanary",
            "creds run db alice --fd 63 -- COMMAND...",
        ),
        ("creds run db alice --env PGPASSWORD=canary -- psql", "creds run ..."),
        ("creds run db alice -ecanary -- psql", "creds run ..."),
        ("creds put db alice --password-credential=canary", "creds put ..."),
    ],
)
def test_root_with_the_home_of_a_user_is_told_to_run_what_was_typed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, repeated: str
) -> None:
    os.chown(tmp_path, 12, 34)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("sys.argv", shlex.split(line))
    with contextlib.redirect_stderr(io.StringIO()) as told:
        assert boundary.run(main._main, "creds") == 64
    assert told.getvalue().splitlines()[-1].strip() == f"run it as alice: {repeated}"
    assert "canary" not in told.getvalue()
