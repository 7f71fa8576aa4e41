"""What ``creds hook`` says about what it did, and what it says to root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from creds_session.cli.boundary import run
from creds_session.cli.creds import main


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the command a home, and a user who is not root."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    return tmp_path


def told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["creds", "hook", *line.split()])
    code = run(main._main, "creds")
    return code, " ".join(capsys.readouterr().err.split())


def test_a_removed_file_is_called_removed(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = home / ".config/creds-session/hook.sh"
    assert told(monkeypatch, capsys, "install --shell sh") == (
        0,
        f"creds: changed {copy} creds: changed {home}/.profile",
    )
    assert told(monkeypatch, capsys, "remove --shell sh") == (
        0,
        f"creds: removed {home}/.profile creds: removed {copy}",
    )
    assert told(monkeypatch, capsys, "remove --shell sh") == (0, "creds: nothing to do")


def test_a_file_that_stays_is_called_changed(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / ".profile").write_text("# mine\n")
    told(monkeypatch, capsys, "install --shell sh")
    code, text = told(monkeypatch, capsys, "remove --shell sh")
    assert code == 0
    assert f"creds: changed {home}/.profile" in text
    assert (home / ".profile").read_text() == "# mine\n"


def test_root_who_removes_is_not_advised_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setattr(main, "_refuse_foreign_home", lambda: None)
    code, text = told(monkeypatch, capsys, "remove --shell sh")
    assert code == 64
    assert "nothing was removed" in text
    assert "scripts/install --no-hook" in text
    assert "creds hook remove, without sudo" in text
    code, text = told(monkeypatch, capsys, "install --shell sh")
    assert (code, "for everyone on this machine: scripts/install" in text) == (64, True)
