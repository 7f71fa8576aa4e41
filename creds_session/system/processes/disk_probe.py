"""Find out, in a process that can be abandoned, whether a file system answers.

A thread that waits for a dead server or a hung file system may be impossible to end: two lookups of
one name wait for each other in the kernel (fs/dcache.c:d_wait_lookup). A process ends only when all
its threads have ended. So another program accesses the path first, and is left behind if it hangs.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable

from creds_session.system.processes.descriptors import inherited
from creds_session.system.processes.jobs import SkipJob
from creds_session.system.processes.proc import find_program, stat_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")

TIMEOUT = 1.0  # seconds; a disk that works answers in two milliseconds
RUNNABLE = "R"  # the process waits for a processor and not for a disk: the machine is slow
LOOK = 0.002  # seconds between two looks; not every kernel has pidfd_open(2)
QUIET = tuple((os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2))


def answers(paths: Iterable[str], timeout: float) -> bool:
    """Return whether stat(2) of all these paths ends in time, whether or not they exist.

    ``timeout`` is in seconds. If the program still waits for a processor at the end, this shows
    nothing about the disk, and the result is True.
    """
    program = find_program("stat")
    if program is None:
        return True
    words = ["stat", "--dereference", "--", "/", *paths]
    try:
        pid = os.posix_spawn(program, words, {}, file_actions=[*QUIET, *_closing()])
    except OSError:  # there are too many processes: nothing can be found out
        return True
    end = time.monotonic() + timeout
    try:
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            now = time.monotonic()
            if now > end and ((is_waiting := not _is_runnable(pid)) or now > end + timeout):
                os.kill(pid, signal.SIGKILL)  # its pid cannot be reused before waitpid()
                return not is_waiting
            time.sleep(LOOK)
    except (ChildProcessError, ProcessLookupError):
        pass  # it has ended, and our parent left SIGCHLD ignored (wait(2))
    return True


def _closing() -> list[tuple[int, int]]:
    """Return actions that close our descriptors, and so their locks, in a program left behind."""
    return [(os.POSIX_SPAWN_CLOSE, number) for number in inherited()]


def _is_runnable(pid: int) -> bool:
    stat = stat_of(pid)
    return stat is not None and stat.state == RUNNABLE


class Disk:
    """Some paths, and whether their file systems answer; this is found out once, when needed."""

    def __init__(self, *paths: str) -> None:
        self._paths = [path for path in paths if path]
        self._lock = threading.Lock()
        self._answer: bool | None = None

    def answers(self) -> bool:
        """Return whether the file systems of the paths answer."""
        with self._lock:
            if self._answer is None:
                self._answer = answers(self._paths, TIMEOUT)
            return self._answer

    @property
    def hangs(self) -> bool:
        """Whether the paths were tried and did not answer."""
        return self._answer is False

    def only_then(self, work: Callable[[], T]) -> Callable[[], T]:
        """Return a function that does the work, or raises SkipJob if the disk does not answer."""

        def carry_out() -> T:
            if not self.answers():
                raise SkipJob
            return work()

        return carry_out
