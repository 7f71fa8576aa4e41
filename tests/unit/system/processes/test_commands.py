from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from creds_session.system.processes.commands import MOST_OUTPUT, SYSTEM_PATH, run
from tests.unit.hung_file_system import hung_file_system

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


@needs_root
@pytest.mark.timeout(60)
def test_run_leaves_a_program_behind_that_nothing_ends(public: Path) -> None:
    """A user may mount a file system that never answers, and root look into it as that user."""
    with hung_file_system(public, patience=20) as place:
        began = time.monotonic()
        done = run(["stat", str(place)], timeout=0.5, identity=(65_534, 65_534, []))
        assert (done.code, done.errors) == (124, "stat: no answer within 0.5 s")
        assert time.monotonic() - began < 5


def test_run_takes_no_more_than_it_can_hold() -> None:
    done = run(["head", "--bytes=100M", "/dev/zero"], timeout=30)
    assert (done.code, done.output) == (124, "")
    assert done.errors == f"head: printed more than {MOST_OUTPUT} bytes"
    whole = run(["head", f"--bytes={MOST_OUTPUT}", "/dev/zero"], timeout=30)
    assert (whole.code, len(whole.output)) == (0, MOST_OUTPUT)


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
