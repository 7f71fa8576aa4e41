"""A time limit on a command, whichever way it was started: SIGTERM, then SIGKILL, and 124."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from creds_session.secret import Secret
from creds_session.system.processes import time_limit
from creds_session.system.processes.foreground import held_signals, run_in_foreground
from creds_session.system.processes.time_limit import TIMED_OUT, TimeLimit
from creds_session.system.terminal.expect import run_on_terminal
from creds_session.system.terminal.prompts import Expected
from tests.unit.children import has_ended, run_child

Run = Callable[[list[str], TimeLimit], int]


def on_a_terminal(argv: list[str], limit: TimeLimit) -> int:
    never = Expected(re.compile(b"never asked"), Secret(b"canary"))
    return run_on_terminal(argv, os.environ, [never], limit)[0]


def in_our_place(argv: list[str], limit: TimeLimit) -> int:
    with held_signals() as held:
        return run_in_foreground(argv, os.environ, held, limit=limit)


@pytest.fixture(params=[on_a_terminal, in_our_place])
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in a child of ours; its code is 200 if the limit says another thing."""
    way: Run = request.param
    monkeypatch.setattr(time_limit, "GRACE", 0.5)

    def act(argv: list[str], limit: TimeLimit) -> int:
        def work() -> None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, 0)
            os.dup2(nowhere, 1)
            code = way(argv, limit)
            os._exit(code if limit.is_over == (code == TIMED_OUT) else 200)

        return run_child(work)

    return act


def test_a_command_that_ends_in_time_keeps_its_code(run: Run) -> None:
    assert run(["sh", "-c", "exit 3"], TimeLimit(20)) == 3
    assert run(["sh", "-c", "exit 3"], TimeLimit(None)) == 3


@pytest.mark.parametrize(
    "script",
    [
        "exec sleep 50",
        "trap 'exit 7' TERM; while :; do sleep 0.05; done",
        "trap '' TERM HUP INT; while :; do sleep 0.05; done",
        "kill -STOP $$; sleep 50",
    ],
)
def test_a_command_that_does_not_end_in_time_is_ended(
    run: Run, tmp_path: Path, script: str
) -> None:
    begun = time.monotonic()
    argv = ["sh", "-c", f"echo $$ >{tmp_path}/pid; {script}"]
    assert run(argv, TimeLimit(0.5)) == TIMED_OUT == 124
    assert 0.5 < time.monotonic() - begun < 8
    pid = int((tmp_path / "pid").read_text())
    assert has_ended(pid)


@pytest.mark.parametrize("stops", ["", "kill -STOP $$; "])
def test_a_command_may_end_in_order_by_the_first_signal(
    run: Run, tmp_path: Path, stops: str
) -> None:
    trap = f"trap 'echo done >{tmp_path}/done; exit 0' TERM"
    script = f"{trap}; {stops}while :; do sleep 0.05; done"
    assert run(["sh", "-c", script], TimeLimit(0.5)) == TIMED_OUT
    assert (tmp_path / "done").exists()
