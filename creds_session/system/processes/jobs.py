"""Reads that wait, done side by side, each given up at a common deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class GaveUp(Exception):  # no error
    """A job has seen that it will not be done in time."""


class Jobs:
    """Jobs that run each in a thread of its own, which does not hold up the program's end."""

    def __init__(self, timeout: float) -> None:
        self._deadline = time.monotonic() + timeout
        self.failed: list[str] = []

    def start(self, name: str, work: Callable[[], T], otherwise: T) -> Callable[[], T]:
        """Start a job; return what waits for its result.

        ``otherwise`` stands for a result that does not come in time, or a job that fails; the
        job is then named in ``failed``. One that raises GaveUp did so by itself.
        """
        results: list[T] = []
        reasons: list[str] = []

        def carry_out() -> None:
            try:
                results.append(work())
            except GaveUp:
                return
            except Exception as error:  # noqa: BLE001 - what cannot be read is a reason in words
                reasons.append(f"{name}: {type(error).__name__}: {error}")

        thread = threading.Thread(target=carry_out, name=name, daemon=True)
        thread.start()

        def result() -> T:
            thread.join(max(self._deadline - time.monotonic(), 0))
            if results:
                return results[0]
            told = reasons[0] if reasons else f"{name}: nothing within its time"
            if told not in self.failed:
                self.failed.append(told)
            return otherwise

        return result
