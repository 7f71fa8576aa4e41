"""What a run that was killed left behind, and which commands undo it."""

from __future__ import annotations

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


@pytest.mark.parametrize("option", ["--dry-run", "-n"])
def test_a_dry_run_of_apply_undoes_nothing_and_says_so(
    root: Root, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    before = content(root)
    call(monkeypatch, root, "apply", option)
    assert content(root) == before
    told = capsys.readouterr().err
    assert "an earlier run has not finished its change" in told
    assert "--dry-run changes nothing" in told
    assert "is undone now" not in told


def test_the_judge_of_a_change_undoes_nothing_and_says_so(
    root: Root, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(root)
    call(monkeypatch, root, "judge", "--before", str(root.directory))
    assert content(root) == before
    told = capsys.readouterr().err
    assert "an earlier run has not finished its change" in told
    assert "judge changes nothing" in told


@pytest.mark.parametrize("command", ["apply", "check"])
def test_another_command_undoes_it_first(
    root: Root, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    call(monkeypatch, root, command)
    told = capsys.readouterr().err
    assert "is undone now" in told
    assert f"reverted {SSHD}" in told
    assert HALF not in content(root).values()
