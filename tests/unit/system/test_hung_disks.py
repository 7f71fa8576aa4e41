from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest

from creds_session.system import hung_disks


def test_what_is_there_or_not_answers(tmp_path: Path) -> None:
    assert hung_disks.answers([str(tmp_path), str(tmp_path / "gone"), "-x"], 5)


def test_what_does_not_end_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "stat"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(slow.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(hung_disks, "find_program", lambda _name: str(slow))
    began = time.monotonic()
    assert not hung_disks.answers(["/"], 0.1)
    assert time.monotonic() - began < 5


def test_without_the_program_nothing_is_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hung_disks, "find_program", lambda _name: None)
    assert hung_disks.answers(["/"], 0)
