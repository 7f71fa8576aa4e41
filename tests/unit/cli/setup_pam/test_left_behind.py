"""What a run that was killed left behind, and which commands undo it."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from creds_session.cli.setup_pam.main import main
from creds_session.setup_pam.transaction import FileChange, change
from creds_session.system.files.root import Root
from tests.unit.children import run_child
from tests.unit.examples import WITHOUT_RULES
from tests.unit.images import SSHD, make_image

HALF = b"auth required pam_deny.so\n"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """Return an image in which a run was killed after it had changed a file."""
    root = make_image(tmp_path / "image")
    killed = run_child(lambda: change(root, (FileChange(SSHD, WITHOUT_RULES, HALF),), die))
    assert killed == -signal.SIGKILL
    assert root.path(SSHD).read_bytes() == HALF
    return root


def content(root: Root) -> Mapping[str, bytes]:
    return {str(path): path.read_bytes() for path in root.directory.rglob("*") if path.is_file()}


def call(monkeypatch: pytest.MonkeyPatch, root: Root, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["creds-setup-pam", "--root", str(root.directory), *words])
    return main()


LOOKING = (
    ("apply", "--dry-run"),
    ("apply", "-n"),
    ("check",),
    ("diff",),
    ("explain",),
    ("explain", "--files"),
    ("simulate", "--call", "authenticate"),
    ("judge", "--before", "/"),
    (),
)


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_a_command_that_only_looks_undoes_nothing_and_says_what_does(
    root: Root,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    before = content(root)
    call(monkeypatch, root, *(str(root.directory) if word == "/" else word for word in words))
    assert content(root) == before
    told = capsys.readouterr().err
    assert "an earlier run has not finished its change" in told
    assert "is undone now" not in told
    for command in ("apply", "revert"):
        assert f"`creds-setup-pam --root {root.directory} {command}`" in told


@pytest.mark.parametrize("command", ["check", "diff"])
def test_a_change_is_needed_as_long_as_one_is_not_finished(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    """The files have all rules: the run was killed after it had written them."""
    root = make_image(tmp_path / "image")
    call(monkeypatch, root, "apply")
    whole = root.path(SSHD).read_bytes()
    files = (FileChange(SSHD, whole, whole + b"# the end\n"),)
    assert run_child(lambda: change(root, files, die)) == -signal.SIGKILL
    capsys.readouterr()
    assert call(monkeypatch, root, "--json", command) == 1
    values = json.loads(capsys.readouterr().out)
    assert (values["change_needed"], values["unfinished_run"]) == (False, True)
    call(monkeypatch, root, "apply")
    capsys.readouterr()
    assert call(monkeypatch, root, "--json", command) == 0
    assert json.loads(capsys.readouterr().out)["unfinished_run"] is False


def test_nobody_is_asked_to_change_files_that_are_half_changed(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(question: str) -> bool:
        raise AssertionError(question)

    monkeypatch.setattr("creds_session.cli.setup_pam.apply.is_interactive", lambda: True)
    monkeypatch.setattr("creds_session.cli.setup_pam.apply.confirm", ask)
    before = content(root)
    assert call(monkeypatch, root) == 1
    assert content(root) == before


def test_apply_undoes_it_first(
    root: Root, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call(monkeypatch, root, "apply")
    told = capsys.readouterr().err
    assert "is undone now" in told
    assert f"reverted {SSHD}" in told
    assert HALF not in content(root).values()


def test_revert_undoes_it(
    root: Root, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, root, "revert") == 0
    assert "is undone now" in capsys.readouterr().err
    assert root.path(SSHD).read_bytes() == WITHOUT_RULES
