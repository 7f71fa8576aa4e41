from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Iterable
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


def counted(monkeypatch: pytest.MonkeyPatch, program: Path) -> list[str]:
    """Let another program stand for stat(1); return the first path of each call, as it grows."""
    asked: list[str] = []
    start = disk_probe._start

    def count(paths: Iterable[str]) -> int | None:
        asked.append(" ".join(paths))
        return start(asked[-1].split())

    monkeypatch.setattr(disk_probe, "_start", count)
    monkeypatch.setattr(disk_probe, "find_program", lambda _name: str(program))
    return asked


def test_one_program_looks_at_two_disks_that_work(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = counted(monkeypatch, Path("/usr/bin/stat"))
    monkeypatch.setattr(disk_probe, "SOON", 60)
    one, other = disk_probe.Disk.pair(("/usr", ""), ("/gone",))
    assert one.answers()
    assert other.answers()
    assert one.answers()
    assert asked == ["/usr /gone"]


def test_of_two_disks_the_one_that_hangs_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "stat"
    slow.write_text('#!/bin/sh\ncase "$*" in */hung*) exec sleep 60;; esac\n')
    slow.chmod(0o755)
    asked = counted(monkeypatch, slow)
    monkeypatch.setattr(disk_probe, "TIMEOUT", 0.3)
    well, hung = disk_probe.Disk.pair(("/usr",), ("/hung",))
    assert well.answers()
    assert not hung.answers()
    assert (well.hangs, hung.hangs) == (False, True)
    assert asked == ["/usr /hung", "/usr", "/hung"]


def test_nothing_is_said_of_two_disks_if_no_program_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(disk_probe, "find_program", lambda _name: None)
    one, other = disk_probe.Disk.pair(("/usr",), ("/gone",))
    assert one.answers()
    assert other.answers()
