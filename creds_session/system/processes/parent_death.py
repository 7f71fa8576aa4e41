"""A child that the kernel ends when its parent ends, however that ends."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable, Iterable

PR_SET_PDEATHSIG = 1  # prctl(2)


def tied_to_us(mask: Iterable[int] | None = None) -> Callable[[], None]:
    """Return what a child is to do between fork and exec, so that our end is SIGTERM to it.

    ``mask`` is the signals that it shall have blocked; None leaves them as they are. A program
    with set-user-ID or file capabilities is let go of by the kernel (prctl(2)).
    """
    prctl = ctypes.CDLL(None).prctl  # loaded here: nothing is to be loaded between fork and exec
    parent = os.getpid()

    def prepare() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it ended before the kernel was told
            os._exit(1)
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    return prepare
