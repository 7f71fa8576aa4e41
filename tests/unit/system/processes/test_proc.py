from __future__ import annotations

import os
from pathlib import Path

import pytest

from creds_session.system.processes.proc import find_program, name_of, stat_of


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
