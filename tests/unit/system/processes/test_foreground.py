from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from creds_session.system.processes.foreground import NotExecuted, held_signals, run_in_foreground
from tests.unit.children import has_ended

ENVIRON = {"PATH": os.defpath}
RUN = """
import sys; sys.path.insert(0, {folder!r})
from creds_session.system.processes.foreground import held_signals, run_in_foreground
with held_signals() as held:
    print("ready", flush=True)
    code = run_in_foreground(sys.argv[1:], {{"PATH": {path!r}}}, held)
print("cleaned", flush=True)
sys.exit(code)
"""


def run(*argv: str) -> int:
    with held_signals() as held:
        return run_in_foreground(argv, ENVIRON, held)


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137), ("kill -15 $$", 143)]
)
def test_exit_code_is_the_commands(script: str, code: int) -> None:
    assert run("sh", "-c", script) == code


def test_what_cannot_be_run_is_126_and_what_is_not_there_127(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, code in (("no-such-thing", 127), (f"{tmp_path}/file/x", 127), (str(tmp_path), 126)):
        with pytest.raises(NotExecuted, match=name) as caught:
            run(name)
        assert caught.value.exit_code == code


def test_script_without_a_first_line_is_shs(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("exit $1\n")
    script.chmod(0o755)
    assert run(str(script), "4") == 4


def test_signal_before_the_command_keeps_it_from_starting(tmp_path: Path) -> None:
    with held_signals() as held:
        os.kill(os.getpid(), signal.SIGTERM)
        assert run_in_foreground(["touch", f"{tmp_path}/x"], ENVIRON, held) == 143
    assert not (tmp_path / "x").exists()


def test_handlers_and_mask_are_as_before() -> None:
    before = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)]
    assert run("true") == 0
    after = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)]
    assert after == before
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def started(python: list[str], *argv: str, ignoring: Sequence[int] = ()) -> subprocess.Popen[str]:
    def ignore() -> None:
        for one in ignoring:
            signal.signal(one, signal.SIG_IGN)

    code = RUN.format(folder=python[1], path=os.defpath)
    process = subprocess.Popen(
        [sys.executable, "-c", code, *argv],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=ignore,  # noqa: PLW1509
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1])
def test_signal_of_another_process_is_passed_on(python: list[str], number: int) -> None:
    with started(python, "sh", "-c", "echo up; exec sleep 50") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(number)
        assert process.stdout.read() == "cleaned\n"
    assert process.returncode == 128 + number


def test_signal_that_is_ignored_stays_so(python: list[str]) -> None:
    with started(
        python, "sh", "-c", "echo up; sleep 0.3; exit 3", ignoring=[signal.SIGHUP]
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGHUP)
        process.stdout.read()
    assert process.returncode == 3


def test_exit_code_is_had_where_a_parent_ignored_children(python: list[str]) -> None:
    with started(python, "sh", "-c", "exit 3", ignoring=[signal.SIGCHLD]) as process:
        assert process.stdout is not None
        process.stdout.read()
    assert process.returncode == 3


def test_command_ends_with_us(python: list[str], tmp_path: Path) -> None:
    with started(python, "sh", "-c", f"echo $$ >{tmp_path}/pid; echo up; exec sleep 50") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.kill()
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 5
    while not has_ended(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)
