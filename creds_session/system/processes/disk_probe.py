"""Whether looking at a path comes to an end at all, asked where that can be given up.

A thread that waits for a dead server or a hung file system may be one that nothing ends (two who
look for one name wait for each other in the kernel, fs/dcache.c:d_wait_lookup), and a process is
over only when all its threads are: a program of its own looks first, and is left behind.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from creds_session.system.processes.descriptors import inherited
from creds_session.system.processes.jobs import SkipJob
from creds_session.system.processes.proc import find_program, stat_of

T = TypeVar("T")
TIMEOUT = 1.0  # seconds; it takes two milliseconds
RUNNABLE = "R"  # it waits for a processor, not for a disk: the machine is slow
LOOK = 0.002  # seconds between two looks; a pidfd would tell, where the kernel knows it
QUIET = tuple((os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2))


def answers(paths: Iterable[str], timeout: float) -> bool:
    """Tell whether all these paths can be looked at in time, be they there or not.

    A program that has not had its time on a processor says nothing about a disk.
    """
    program = find_program("stat")
    if program is None:
        return True
    words = ["stat", "--dereference", "--", "/", *paths]
    try:
        pid = os.posix_spawn(program, words, {}, file_actions=[*QUIET, *_closing()])
    except OSError:  # so many processes that there is room for none: nothing can be told
        return True
    end = time.monotonic() + timeout
    try:
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            now = time.monotonic()
            if now > end and ((is_waiting := not _is_runnable(pid)) or now > end + timeout):
                os.kill(pid, signal.SIGKILL)  # not waited for: its number is still its own
                return not is_waiting
            time.sleep(LOOK)
    except (ChildProcessError, ProcessLookupError):
        pass  # it ended, and SIGCHLD is ignored, as our caller left it (wait(2))
    return True


def _closing() -> list[tuple[int, int]]:
    """Return what closes the descriptors that a program left behind would hold, and their locks."""
    return [(os.POSIX_SPAWN_CLOSE, number) for number in inherited()]


def _is_runnable(pid: int) -> bool:
    stat = stat_of(pid)
    return stat is not None and stat.state == RUNNABLE


class Disk:
    """Some paths, asked once, when it is first wanted, whether they answer."""

    def __init__(self, *paths: str) -> None:
        self._paths = [path for path in paths if path]
        self._lock = threading.Lock()
        self._told: bool | None = None

    def answers(self) -> bool:
        """Tell whether looking there comes to an end."""
        with self._lock:
            if self._told is None:
                self._told = answers(self._paths, TIMEOUT)
            return self._told

    @property
    def hangs(self) -> bool:
        """Whether somebody looked there, and no answer came."""
        return self._told is False

    def only_then(self, work: Callable[[], T]) -> Callable[[], T]:
        """Return the work, which raises SkipJob where the disk does not answer."""

        def carry_out() -> T:
            if not self.answers():
                raise SkipJob
            return work()

        return carry_out
