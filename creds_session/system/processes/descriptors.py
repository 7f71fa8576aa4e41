"""Close the descriptors that a child process inherited and does not need."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress

FIRST = 3  # after standard input, output and error


def inherited(kept: Collection[int] = ()) -> list[int]:
    """Return all open descriptors above standard error except ``kept`` (proc_pid_fd(5))."""
    try:
        names = os.listdir("/proc/self/fd")  # numbers, not files
    except OSError:  # /proc is not mounted
        return [number for number in range(FIRST, os.sysconf("SC_OPEN_MAX")) if number not in kept]
    return [int(name) for name in names if int(name) >= FIRST and int(name) not in kept]


def close_inherited(kept: Collection[int] = ()) -> None:
    """Close all descriptors above standard error except ``kept``, in a new child process."""
    for number in inherited(kept):
        with suppress(OSError):  # the descriptor of the listing itself is already closed
            os.close(number)
