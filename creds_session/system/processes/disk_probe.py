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
from collections.abc import Callable, Iterable, Sequence

from creds_session.system.processes.descriptors import inherited
from creds_session.system.processes.jobs import SkipJob
from creds_session.system.processes.proc import find_program, stat_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")

TIMEOUT = 1.0  # seconds; a disk that works answers in two milliseconds
RUNNABLE = "R"  # the process waits for a processor and not for a disk: the machine is slow
SOON = 0.1  # seconds in which one program looks at several disks that all work
LOOK = 0.002  # seconds between two looks; not every kernel has pidfd_open(2)
QUIET = tuple((os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2))


def answers(paths: Iterable[str], timeout: float) -> bool:
    """Return whether stat(2) of all these paths ends in time, whether or not they exist.

    ``timeout`` is in seconds. If the program still waits for a processor at the end, this shows
    nothing about the disk, and the result is True.
    """
    pid = _start(paths)
    if pid is None:
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


def _start(paths: Iterable[str]) -> int | None:
    """Start a program that looks at these paths; return its pid, or None if nothing starts."""
    program = find_program("stat")
    if program is None:
        return None
    words = ["stat", "--dereference", "--", "/", *paths]
    try:
        return os.posix_spawn(program, words, {}, file_actions=[*QUIET, *_closing()])
    except OSError:  # there are too many processes: nothing can be found out
        return None


def _answer_soon(paths: Iterable[str]) -> bool:
    """Return whether a program has looked at all these paths within a tenth of a second.

    If not, nothing is known: a disk hangs, or this machine is slow.
    """
    pid = _start(paths)
    if pid is None:
        return False
    end = time.monotonic() + SOON
    try:
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)  # as above
                return False
            time.sleep(LOOK)
    except (ChildProcessError, ProcessLookupError):
        return False  # whether it ended by itself is not known
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
        self._with_others: Callable[[], bool] | None = None

    @classmethod
    def pair(cls, one: Sequence[str], other: Sequence[str]) -> tuple[Disk, Disk]:
        """Return two disks at which one program looks first, for both of them.

        Both work nearly always. If not, one program each finds out which of them hangs.
        """
        disks = cls(*one), cls(*other)
        lock = threading.Lock()
        found: list[bool] = []

        def both_answer() -> bool:
            with lock:
                if not found:
                    found.append(_answer_soon([path for path in (*one, *other) if path]))
                return found[0]

        for disk in disks:
            disk._with_others = both_answer  # noqa: SLF001 - of this class
        return disks

    def answers(self) -> bool:
        """Return whether the file systems of the paths answer."""
        with self._lock:
            if self._answer is None:
                is_well = self._with_others is not None and self._with_others()
                self._answer = is_well or answers(self._paths, TIMEOUT)
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
