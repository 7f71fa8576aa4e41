"""A limit in seconds on all that an unlocking waits for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Patience:
    """A limit in seconds on all that is waited for, a person's typing left out."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Return the seconds that are left."""
        return max(self._end - time.monotonic(), 0)

    @property
    def spent(self) -> float:
        """Return the seconds that were waited."""
        return self.seconds - self.left

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let the time stand still."""
        left = self.left
        yield
        self._end = time.monotonic() + left
