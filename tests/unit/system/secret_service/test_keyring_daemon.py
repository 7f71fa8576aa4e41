from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import warnings
from pathlib import Path

import pytest

from creds_session.errors import Unavailable
from creds_session.facts.session import MAX_PASSWORD
from creds_session.secret import Secret
from creds_session.system.secret_service.keyring_daemon import feed
from tests.unit.children import INTERRUPTED, run_child


def test_feed_leaves_no_process_and_no_pipe() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        feed(["true"], Secret(b""), os.environ, 10)
    assert [str(warning.message) for warning in caught] == []


HEX = "import sys; print(sys.stdin.buffer.read().hex())"


@pytest.mark.parametrize(
    "password", [b"x", b"", b"a\nb", b"\n", b"\x03\x04\x1a\0\xff", b"x" * MAX_PASSWORD]
)
def test_feed_gives_the_password_whole_and_nothing_more(password: bytes) -> None:
    printed = feed([sys.executable, "-I", "-c", HEX], Secret(password), os.environ, 10)
    assert printed == f"{password.hex()}\n"


def test_feed_runs_with_this_environment_alone_and_no_terminal() -> None:
    code = "import os, sys; print(sorted(os.environ), os.isatty(0), os.isatty(1))"
    environment = {"HOME": "/", "LC_ALL": "C.UTF-8"}
    printed = feed([sys.executable, "-I", "-c", code], Secret(b""), environment, 10)
    assert printed == "['HOME', 'LC_ALL'] False False\n"


def test_feed_ignores_the_exit_code() -> None:
    assert feed(["sh", "-c", "echo a=b; echo c >&2; exit 3"], Secret(b""), os.environ, 9) == (
        "a=b\nc\n"
    )


@pytest.mark.parametrize("argv", [["/nowhere/program"], ["/"], ["creds-session-nowhere"]])
def test_feed_of_a_program_that_cannot_be_run_is_unavailable(argv: list[str]) -> None:
    with pytest.raises(Unavailable, match="cannot be run") as caught:
        feed(argv, Secret(b"canary"), os.environ, 10)
    assert "canary" not in str(caught.value)


def test_feed_ends_in_time_and_with_it_the_program(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    argv = ["sh", "-c", f"cat; echo $$ > {pid_file}; exec sleep 30"]
    begin = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        feed(argv, Secret(b"canary"), os.environ, 0.5)
    assert time.monotonic() - begin < 3
    assert caught.value.problem == "sh did not finish within 0.5 s"
    assert caught.value.__suppress_context__
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_feed_that_is_interrupted_ends_the_program_at_once(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    def interrupted() -> None:
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        feed(["sh", "-c", f"echo $$ > {pid_file}; exec sleep 30"], Secret(b"x"), os.environ, 20)

    begin = time.monotonic()
    assert run_child(interrupted) == INTERRUPTED
    assert time.monotonic() - begin < 5
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_feed_ends_in_time_if_the_program_only_closed_its_output() -> None:
    argv = ["sh", "-c", "exec >&- 2>&-; exec sleep 4"]
    begin = time.monotonic()
    with contextlib.suppress(Unavailable):
        feed(argv, Secret(b"x"), os.environ, 0.5)
    assert time.monotonic() - begin < 3
