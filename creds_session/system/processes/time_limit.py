"""A time limit on a command that runs: SIGTERM at its end, SIGKILL a little later."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

TIMED_OUT = 124  # the exit code, as of timeout(1)
GRACE = 5.0  # seconds that a command has to end in order


class TimeLimit:
    """A limit in seconds, from now on; None is no limit."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.is_over = False
        self.is_powerless = False  # the command is another user's, and may not be ended by us
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float | None:
        """Return the seconds until the next signal is due, at least 0; None if none is."""
        return None if self._end is None else max(self._end - time.monotonic(), 0)

    def end(self, send: Callable[[signal.Signals], object]) -> None:
        """End the command; call it when nothing is left.

        A stopped command is continued, because it cannot handle SIGTERM while it is stopped.
        timeout(1) does the same. Raises what ``send`` raises.
        """
        number = signal.SIGKILL if self.is_over else signal.SIGTERM
        self.is_over = True
        self._end = time.monotonic() + GRACE
        send(number)
        send(signal.SIGCONT)
