from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from creds_session.system.processes.proc import find_program, name_of, named_processes, stat_of


def test_find_program_looks_at_the_system_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sh").write_text("")
    (tmp_path / "sh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program("sh") in {"/usr/bin/sh", "/bin/sh"}
    assert find_program("creds-session-nowhere") is None


def test_name_of_nobody_is_empty() -> None:
    assert name_of(1 << 30) == ""


def test_stat_of_this_process_and_of_none() -> None:
    stat = stat_of(os.getpid())
    assert stat is not None
    assert (stat.name, stat.parent) == (name_of(os.getpid()), os.getppid())
    assert stat_of(1 << 30) is None


@pytest.mark.parametrize("name", ["sh", "a) R 7 (b", "two words"])
def test_stat_of_a_process_whose_name_holds_anything(tmp_path: Path, name: str) -> None:
    fields = " ".join(["S", "7", *["0"] * 17, "1234", "0"])
    (tmp_path / "5").mkdir()
    (tmp_path / "5" / "stat").write_text(f"5 ({name}) {fields}\n")
    stat = stat_of(5, str(tmp_path))
    assert stat is not None
    assert (stat.name, stat.state, stat.parent, stat.start_ticks) == (name, "S", 7, 1234)


def test_processes_are_found_by_the_whole_name(tmp_path: Path) -> None:
    """Also by a name with blanks, and not by the beginning of a longer name."""
    program = tmp_path / "two words"
    shutil.copy(shutil.which("sleep") or "", program)
    with subprocess.Popen([program, "60"]) as process:
        try:
            while name_of(process.pid) != "two words":
                pass  # the child has not called execve(2) yet
            found = dict(named_processes({"two words", "two"}))
            assert found[process.pid].name == "two words"
            assert process.pid not in dict(named_processes({"two"}))
        finally:
            process.kill()


def test_one_small_read_finds_the_name_of_each_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of processes must not cost more than that each."""
    listed = [str(pid) for pid in range(1, 1001)] + ["self", "meminfo"]
    opened: list[str] = []

    def refuse(path: str, _flags: int) -> int:
        opened.append(path)
        raise FileNotFoundError(path)

    monkeypatch.setattr(os, "listdir", lambda _path: listed)
    monkeypatch.setattr(os, "open", refuse)
    assert list(named_processes({"x"})) == []
    assert opened == [f"/proc/{pid}/comm" for pid in range(1, 1001)]
