"""Act on signals that would end this process only between two steps of a change.

A signal that ends a process in the middle of a change leaves half of the change. An exception that
a signal raises can come in the middle of an undo. So signals are only recorded while a change is
made, and the code that makes the change asks between two steps whether a signal arrived. A program
cannot defer SIGKILL, SIGSTOP, and the signals of its own faults.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from creds_session.errors import CredsSessionError
from creds_session.records import NamedTuple

BY_SIGNAL = 128  # a shell adds the number of the signal to it
OF_FAULTS = frozenset(
    {"SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGSYS", "SIGTRAP", "SIGSTKFLT"}
)
HARMLESS = frozenset({"SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH"})  # signal(7): ignored, or goes on
STOPPING = frozenset({"SIGTSTP", "SIGTTIN", "SIGTTOU"})  # signal(7): they stop the process
NEVER = frozenset({"SIGKILL", "SIGSTOP"})


class Interrupted(CredsSessionError):
    """A signal arrived that would have ended this process, and the change was undone."""

    def __init__(self, number: int) -> None:
        name = _name(number)
        super().__init__(f"ended by {name}: nothing was changed")
        self.exit_code = BY_SIGNAL + number


class Deferred(NamedTuple):
    """The signals that have arrived since then, in order."""

    arrived: list[int]

    def raise_if_ended(self) -> None:
        """Raise Interrupted if a signal arrived that would have ended this process."""
        for number in self.arrived:
            if _name(number) not in STOPPING:
                raise Interrupted(number)


@contextmanager
def deferred_signals() -> Iterator[Deferred]:
    """Record the signals that would end or stop this process, and send them again at the end.

    They are not sent again if ``Interrupted`` is raised, which reports them. A signal that is
    ignored, as SIGHUP is by nohup(1), stays ignored. A signal with a handler keeps it. A program
    that is started in the meantime gets the default handlers, because execve(2) resets them.
    Outside the main thread this does nothing: Python runs no handler there.
    """
    arrived: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in _ending():
            if signal.getsignal(number) in {signal.SIG_DFL, signal.default_int_handler}:
                before[number] = signal.signal(number, note)
    try:
        yield Deferred(arrived)
    except Interrupted:
        arrived.clear()
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(arrived):
            os.kill(os.getpid(), number)


def _ending() -> Iterator[int]:
    """Yield the signals that end or stop a process and can be caught (signal(7))."""
    for number in signal.valid_signals():
        if _name(number) not in OF_FAULTS | HARMLESS | NEVER:
            yield number


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal between the first and the last has no name
        return f"signal {number}"
