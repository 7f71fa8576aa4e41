"""Forked processes that fail, stop or are killed on purpose."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from creds_session.errors import CredsSessionError

INTERRUPTED = 130
CRASHED = 70
WATCHED = ("open", "os.", "fcntl.", "shutil.", "tempfile.")


def run_child(action: Callable[[], None]) -> int:
    """Run it in a forked process; return its exit code, negative for a signal."""
    pid = os.fork()
    if pid == 0:
        os._exit(_code_of(action))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@contextmanager
def background(action: Callable[[Callable[[], None]], None]) -> Iterator[int]:
    """Run it in a forked process up to where it calls its argument; kill it at the end."""
    ready, tell = os.pipe()

    def wait() -> None:
        os.write(tell, b"!")
        while True:
            signal.pause()

    pid = os.fork()
    if pid == 0:
        os.close(ready)
        os._exit(_code_of(lambda: action(wait)))
    os.close(tell)
    try:
        assert os.read(ready, 1) == b"!", "the child ended too early"
        yield pid
    finally:
        os.close(ready)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@contextmanager
def sleeping(
    program: Path, *, seconds: int = 60, user: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a copy of sleep as ``program`` until the end; the kernel calls it by that name.

    ``Popen`` returns before the kernel has given the process its new name and arguments, since
    exec closes the pipe that ``Popen`` reads first (begin_new_exec in the kernel's fs/exec.c).
    With ``seconds=0`` it has ended and is a zombie.
    """
    shutil.copy(shutil.which("sleep") or "", program)
    argv = [str(program), str(seconds)]
    with subprocess.Popen(argv, user=user) as process:
        try:
            if not seconds:
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            while seconds and (_arguments_of(process) != argv or state_of(process.pid) != "S"):
                time.sleep(0.01)
            yield process
        finally:
            process.kill()


def state_of(pid: int) -> str:
    """Return the letter for a process's state (proc_pid_stat(5))."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone, or a zombie; it may go while it is looked at."""
    try:
        return state_of(pid) == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def _arguments_of(process: subprocess.Popen[bytes]) -> list[str]:
    assert process.poll() is None, "it ended too early"
    return Path(f"/proc/{process.pid}/cmdline").read_text().split("\0")[:-1]


def _code_of(action: Callable[[], None]) -> int:
    try:
        action()
    except CredsSessionError as error:
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BaseException as error:  # noqa: BLE001 - it is the exit code that is looked at
        print(repr(error), file=sys.stderr)
        return CRASHED
    return 0


def at_event(number: int, act: Callable[[], None], told: Path) -> None:
    """In this process, act when it touches the file system for the n-th time (audit events).

    ``told`` gets one byte for each touch.
    """
    seen = 0
    real_fsync = os.fsync
    counter = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def watch(event: str, _arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event.startswith(WATCHED):
            seen += 1
            os.write(counter, b".")
            if seen == number:
                act()

    def fsync(descriptor: int) -> None:
        sys.audit("os.fsync", descriptor)
        real_fsync(descriptor)

    os.fsync = fsync  # type: ignore[assignment]
    sys.addaudithook(watch)


def run_to_touch(
    number: int, act: Callable[[], None], action: Callable[[], object], told: Path
) -> tuple[int, bool]:
    """Run an action in a forked process that acts when it touches the file system the n-th time.

    Return its exit code, negative for a signal, and whether it came to that touch.
    """

    def run() -> None:
        at_event(number, act, told)
        action()

    code = run_child(run)
    return code, len(told.read_bytes()) >= number


def end_within(seconds: int) -> None:
    """Have the kernel end this process, whatever it waits for."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)


def kill_myself() -> None:
    """End at once, as by a power cut that spares the disk."""
    os.kill(os.getpid(), signal.SIGKILL)
