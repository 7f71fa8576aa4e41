"""Limit the time that unlocking a keyring takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Patience:
    """Count down a number of seconds, except while a person types."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Return the seconds that are left."""
        return max(self._end - time.monotonic(), 0)

    @property
    def spent(self) -> float:
        """Return the seconds that have passed."""
        return self.seconds - self.left

    @contextmanager
    def held(self) -> Iterator[None]:
        """Stop the count while the body runs."""
        left = self.left
        yield
        self._end = time.monotonic() + left
