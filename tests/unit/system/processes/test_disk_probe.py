from __future__ import annotations

import os
import signal
import stat
import time
from pathlib import Path

import pytest

from creds_session.system.processes import disk_probe


def test_what_is_there_or_not_answers(tmp_path: Path) -> None:
    assert disk_probe.answers([str(tmp_path), str(tmp_path / "gone"), "-x"], 5)


def test_what_does_not_end_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "stat"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(slow.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(disk_probe, "find_program", lambda _name: str(slow))
    began = time.monotonic()
    assert not disk_probe.answers(["/"], 0.1)
    assert time.monotonic() - began < 5


def test_what_is_left_behind_holds_no_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a lock of the calling script is held as long, and a file of root's can be read."""
    told = tmp_path / "told"
    program = tmp_path / "stat"
    program.write_text(f"#!/bin/sh\nls -l /proc/self/fd >{told}\n")
    program.chmod(0o755)
    monkeypatch.setattr(disk_probe, "find_program", lambda _name: str(program))
    held = os.open(tmp_path / "held", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(held, True)  # noqa: FBT003
    try:
        assert disk_probe.answers(["/"], 5)
    finally:
        os.close(held)
    assert "/dev/null" in told.read_text()
    assert str(tmp_path / "held") not in told.read_text()


def test_without_the_program_nothing_is_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_probe, "find_program", lambda _name: None)
    assert disk_probe.answers(["/"], 0)


def test_a_caller_that_ignores_its_children_is_answered_too(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert disk_probe.answers([str(tmp_path)], 5)
    finally:
        signal.signal(signal.SIGCHLD, before)
