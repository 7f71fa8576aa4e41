"""End this process at a fixed moment, whatever it waits for then."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable


def end_after(seconds: float, finish: Callable[[], object]) -> None:
    """Call ``finish`` after so many seconds, and end this process with 0, in any case.

    A timer of the kernel interrupts every wait of this process (setitimer(2)). ``cancel`` ends the
    timer.
    """

    def end(_number: int, _frame: object) -> None:
        try:
            finish()
        finally:
            os._exit(0)

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def cancel() -> None:
    """End the timer. Every other process that is started later has none in any case."""
    signal.setitimer(signal.ITIMER_REAL, 0)
