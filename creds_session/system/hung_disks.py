"""Whether looking at a path comes to an end at all, asked where that can be given up.

A thread that waits for a dead server or a hung file system may be one that nothing ends (two who
look for one name wait for each other in the kernel, fs/dcache.c:d_wait_lookup), and a process is
over only when all its threads are: a program of its own looks first, and is left behind.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

from creds_session.system.processes import find_program

T = TypeVar("T")
TIMEOUT = 1.0  # seconds; it takes two milliseconds
QUIET = tuple((os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2))


def answers(paths: Iterable[str], timeout: float) -> bool:
    """Tell whether all these paths can be looked at in time, be they there or not."""
    program = find_program("stat")
    if program is None:
        return True
    words = ["stat", "--dereference", "--", "/", *paths]
    pid = os.posix_spawn(program, words, {}, file_actions=QUIET)
    descriptor = os.pidfd_open(pid)
    try:
        if select.select([descriptor], [], [], timeout)[0]:
            os.waitpid(pid, 0)
            return True
        os.kill(pid, signal.SIGKILL)  # our own child, not waited for: its number is its own
        return False
    finally:
        os.close(descriptor)


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

    def only_then(self, work: Callable[[], T]) -> Callable[[], T]:
        """Return the work, which raises TimeoutError where the disk does not answer."""

        def carry_out() -> T:
            if not self.answers():
                raise TimeoutError
            return work()

        return carry_out
