"""Limit the time of a running command: send SIGTERM at the end, and SIGKILL a little later."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

TIMED_OUT = 124  # the exit code, as of timeout(1)
GRACE = 5.0  # seconds for a command to end after SIGTERM


class TimeLimit:
    """A limit in seconds, counted from now; None means no limit."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.is_over = False
        self.is_powerless = (
            False  # the command belongs to another user, and this process may not end it
        )
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float | None:
        """Return the seconds until the next signal is due, at least 0; None without a limit."""
        return None if self._end is None else max(self._end - time.monotonic(), 0)

    def end(self, send: Callable[[signal.Signals], object]) -> None:
        """Signal the command to end. Call this when no time is left.

        A stopped command is continued, because it cannot handle SIGTERM while it is stopped.
        timeout(1) does the same. Raises what ``send`` raises.
        """
        number = signal.SIGKILL if self.is_over else signal.SIGTERM
        self.is_over = True
        self._end = time.monotonic() + GRACE
        send(number)
        send(signal.SIGCONT)
