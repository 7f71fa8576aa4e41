"""Run jobs that may hang side by side, and abandon those that miss a common deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")


class SkipJob(Exception):  # not an error
    """A job raises this if it sees that it cannot be done in time."""


def handed(otherwise: T) -> tuple[Callable[[T], None], Callable[[float], T]]:
    """Return a function that hands a value to other jobs, and one that waits for the value.

    The first value that is handed counts. The other function takes the seconds that it may wait,
    and returns ``otherwise`` if no value comes in time.
    """
    values: list[T] = []
    is_there = threading.Event()

    def hand(value: T) -> None:
        values.append(value)
        is_there.set()

    return hand, lambda timeout: values[0] if is_there.wait(timeout) else otherwise


class TimedJobs:
    """Jobs that each run in a thread of their own; the program can exit while they run.

    ``timeout``, in seconds, is for all jobs together. ``failed`` names the jobs that failed.
    """

    def __init__(self, timeout: float) -> None:
        self._deadline = time.monotonic() + timeout
        self.failed: list[str] = []

    def start(self, name: str, work: Callable[[], T], otherwise: T) -> Callable[[], T]:
        """Start a job; return a function that waits for its result.

        That function returns ``otherwise`` if the result does not come in time or the job fails.
        The job is then named in ``failed``, with the exception or with the time.
        """
        results: list[T] = []
        reasons: list[str] = []

        def carry_out() -> None:
            try:
                results.append(work())
            except SkipJob:
                return
            except Exception as error:  # noqa: BLE001 - the report shows every failure
                problem = getattr(error, "problem", error)  # without the hint of an error of ours
                reasons.append(f"{name}: {type(error).__name__}: {problem}")

        thread = threading.Thread(target=carry_out, name=name, daemon=True)
        thread.start()

        def result() -> T:
            thread.join(max(self._deadline - time.monotonic(), 0))
            if results:
                return results[0]
            reason = reasons[0] if reasons else f"{name}: nothing within its time"
            if reason not in self.failed:
                self.failed.append(reason)
            return otherwise

        return result
