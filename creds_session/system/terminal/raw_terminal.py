"""Our own terminal while it is another's: raw, its signals noted, and as it was afterwards.

It is raw, and its keys are read, only while we are in its foreground: ``job_control``.
"""

from __future__ import annotations

import os
import select
import signal
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from creds_session.system.processes.foreground import PASSED_ON
from creds_session.system.terminal.job_control import Settings, is_behind

STDIN, STDOUT, STDERR = 0, 1, 2
USUAL_SIZE = (24, 80)
TAKEN = (*PASSED_ON, signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH, signal.SIGCHLD)


class HungUp(Exception):  # it does not leave this floor
    """The command is to lose its terminal, as by this signal."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number)
        self.number = number


class OurTerminal:
    """Our terminal, if standard input is one: raw, and as it was."""

    def __init__(self) -> None:
        self.exists = os.isatty(STDIN)
        self._settings = Settings(STDIN)

    @property
    def is_ours(self) -> bool:
        """Return whether a person can type to us: we are in the foreground of a terminal."""
        return self.exists and not is_behind(STDIN)

    def take(self) -> None:
        """Have every key as it is, if we are in the foreground."""
        if self.exists:
            with suppress(termios.error):
                self._settings.change(lambda terminal: tty.setraw(terminal, termios.TCSADRAIN))

    def give_back(self) -> None:
        """Leave it as it was; it may be what went away."""
        self._settings.give_back(termios.TCSADRAIN)


@contextmanager
def our_terminal() -> Iterator[OurTerminal]:
    """Take our terminal for a while."""
    ours = OurTerminal()
    ours.take()
    try:
        yield ours
    finally:
        ours.give_back()


def _note(_number: int, _frame: FrameType | None) -> None:
    pass  # its number is in the pipe (signal.set_wakeup_fd)


@contextmanager
def noted_signals() -> Iterator[int]:
    """Give a descriptor on which the signals' numbers come; one that is ignored stays so."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    taken = [one for one in TAKEN if signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.signal(one, _note) for one in {*taken, signal.SIGCHLD}}
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(wakeup)
        for one, handler in before.items():
            signal.signal(one, handler)
        os.close(reading)
        os.close(writing)


def stop_ourselves(*, group: bool) -> None:
    """Stop, with our whole process group where a key asked for it; return when we go on."""
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(0 if group else os.getpid(), signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, _note)


def window_size() -> tuple[int, int]:
    """Return rows and columns of the first of our streams that is a terminal."""
    for descriptor in (STDIN, STDOUT, STDERR):
        with suppress(OSError):
            columns, rows = os.get_terminal_size(descriptor)
            if rows and columns:
                return rows, columns
    return USUAL_SIZE


def show(output: bytes) -> None:
    """Write it to standard output. Raises HungUp where nobody reads that any more."""
    while output:
        try:
            output = output[os.write(STDOUT, output) :]
        except BlockingIOError:
            select.select([], [STDOUT], [])
        except OSError as error:
            raise HungUp(signal.SIGPIPE) from error
