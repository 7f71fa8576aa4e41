"""Show at a terminal that a command still waits: one line, after two seconds.

Linux keeps one timer of this kind for each process, and a child does not inherit it (setitimer(2)).
System calls that the signal interrupts are repeated by Python (PEP 475).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

DELAY = 2.0  # seconds


class WaitingLine:
    """A line that is printed on standard error if the work within ``with`` takes longer than 2 s.

    Nothing is printed if standard error is not a terminal, and the line is printed once at most.
    """

    def __init__(
        self, awaited: str, timeout: float, program: str = "creds", *, is_quiet: bool = False
    ) -> None:
        """``awaited`` is what the program waits for, ``timeout`` how many seconds at most.

        ``is_quiet`` is whether the person asked for silence: then no line is printed.
        """
        self._is_quiet = is_quiet
        self._line = f"{program}: waiting for {awaited} ({timeout:g} s at most) ..."
        self._is_armed = False
        self._is_printed = False

    def __enter__(self) -> WaitingLine:  # noqa: PYI034 - Self is younger than Python 3.9
        if self._is_seen() and _may_take_the_timer():
            signal.signal(signal.SIGALRM, self._print)
            self._is_armed = True
            signal.setitimer(signal.ITIMER_REAL, DELAY)
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_armed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _is_seen(self) -> bool:
        return not self._is_quiet and sys.stderr is not None and sys.stderr.isatty()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Print nothing while a person is asked; the two seconds begin again afterwards."""
        if self._is_armed:
            signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            yield
        finally:
            if self._is_armed and not self._is_printed:
                signal.setitimer(signal.ITIMER_REAL, DELAY)

    def _print(self, _number: int, _frame: object) -> None:
        self._is_printed = True
        # The program may be inside print() at this moment, so its stream is not used.
        with suppress(OSError):
            os.write(sys.stderr.fileno(), f"{self._line}\n".encode(errors="replace"))


def _may_take_the_timer() -> bool:
    """Return whether this is the main thread, which alone may set a handler, and none is set."""
    import threading  # only at a terminal: scripts that call `creds get` do not wait for it

    is_main = threading.current_thread() is threading.main_thread()
    return is_main and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
