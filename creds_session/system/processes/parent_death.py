"""Let the kernel end a child process when its parent ends, for whatever reason."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable, Iterable

PR_SET_PDEATHSIG = 1  # prctl(2)


def tied_to_us(mask: Iterable[int] | None = None) -> Callable[[], None]:
    """Return a function for the child between fork and exec: it gets SIGTERM when we end.

    ``mask`` is the set of signals to block in the child; None does not change it. For a program
    with set-user-ID or file capabilities the kernel drops this setting (prctl(2)).
    """
    prctl = ctypes.CDLL(
        None
    ).prctl  # loaded here, because no library may be loaded between fork and exec
    parent = os.getpid()

    def prepare() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # the parent ended before this call
            os._exit(1)
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    return prepare
