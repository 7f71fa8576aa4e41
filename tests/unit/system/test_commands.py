from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from creds_session.system.commands import SYSTEM_PATH, run

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.mark.parametrize(
    ("argv", "code", "output", "errors"),
    [
        (["sh", "-c", "echo out; echo err >&2; exit 3"], 3, "out\n", "err\n"),
        (["sh", "-c", "printf '\\377'"], 0, "�", ""),
        (["sh", "-c", "cat; pwd"], 0, "/\n", ""),
        (["creds-session-nowhere"], 127, "", "creds-session-nowhere: not found"),
        (["sh", "-c", "kill -9 $$"], -9, "", ""),
    ],
)
def test_run_tells_how_it_ended(argv: list[str], code: int, output: str, errors: str) -> None:
    done = run(argv)
    assert (done.code, done.output, done.errors) == (code, output, errors)
    assert done.succeeded is (code == 0)


def test_run_of_what_may_not_be_run_is_126(tmp_path: Path) -> None:
    (tmp_path / "program").write_text("#!/bin/sh\n")
    assert run([str(tmp_path / "program")]).code == 126


def test_run_of_what_is_no_program_is_126(tmp_path: Path) -> None:
    (tmp_path / "program").write_bytes(b"\0\0\0")
    (tmp_path / "program").chmod(0o755)
    assert run([str(tmp_path / "program")]).code == 126


def test_run_ends_in_time_also_when_a_grandchild_holds_the_pipe() -> None:
    begin = time.monotonic()
    assert run(["sh", "-c", "sleep 5 & sleep 5"], timeout=0.3).code == 124
    assert time.monotonic() - begin < 3


def test_run_passes_nothing_on_of_this_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD_OF_A_USER", "x")
    monkeypatch.setenv("PATH", "/nowhere")
    told = run(["env"], environment={"HOME": "/x"}).output.splitlines()
    assert sorted(told) == ["HOME=/x", "LC_ALL=C.UTF-8", f"PATH={SYSTEM_PATH}"]


@needs_root
def test_run_becomes_someone_with_all_groups_and_no_more() -> None:
    assert run(["id", "-u"], identity=(12, 34, [56, 78])).output == "12\n"
    assert sorted(run(["id", "-G"], identity=(12, 34, [56, 78])).output.split()) == [
        "34",
        "56",
        "78",
    ]


def test_run_keeps_a_program_from_the_terminal() -> None:
    done = run(["sh", "-c", "exec 3<>/dev/tty"])
    assert not done.succeeded
