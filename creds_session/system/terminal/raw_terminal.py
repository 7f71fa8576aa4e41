"""Make the terminal of this process raw for a command, record signals, and restore it afterwards.

It is raw, and its keys are read, only while this process is in its foreground: see ``job_control``.
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


class HungUp(Exception):  # it is handled inside this package
    """The command must lose its terminal, as if this signal had arrived."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number)
        self.number = number


class OurTerminal:
    """The terminal on standard input, if there is one: made raw, and restored."""

    def __init__(self) -> None:
        self.exists = os.isatty(STDIN)
        self._settings = Settings(STDIN)

    @property
    def is_ours(self) -> bool:
        """Return whether a person can type: this process is in the foreground of a terminal."""
        return self.exists and not is_behind(STDIN)

    def take(self) -> None:
        """Make the terminal raw, if this process is in its foreground."""
        if self.exists:
            with suppress(termios.error):
                self._settings.change(lambda terminal: tty.setraw(terminal, termios.TCSADRAIN))

    def give_back(self) -> None:
        """Restore the terminal, unless it has disappeared."""
        self._settings.give_back(termios.TCSADRAIN)


@contextmanager
def our_terminal() -> Iterator[OurTerminal]:
    """Make our terminal raw, and restore it at the end."""
    ours = OurTerminal()
    ours.take()
    try:
        yield ours
    finally:
        ours.give_back()


def _note(_number: int, _frame: FrameType | None) -> None:
    pass  # the number of the signal is in the pipe (signal.set_wakeup_fd)


@contextmanager
def noted_signals() -> Iterator[int]:
    """Yield a descriptor from which the numbers of signals are read; keep ignored signals."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    taken = [number for number in TAKEN if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _note) for number in {*taken, signal.SIGCHLD}}
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


def stop_ourselves(*, group: bool) -> None:
    """Stop this process, or its whole process group; return when it is continued."""
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(0 if group else os.getpid(), signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, _note)


def window_size() -> tuple[int, int]:
    """Return the rows and columns of the first standard stream that is a terminal."""
    for descriptor in (STDIN, STDOUT, STDERR):
        with suppress(OSError):
            columns, rows = os.get_terminal_size(descriptor)
            if rows and columns:
                return rows, columns
    return USUAL_SIZE


def show(output: bytes) -> None:
    """Write output to standard output. Raises HungUp if no process reads it any more."""
    while output:
        try:
            output = output[os.write(STDOUT, output) :]
        except BlockingIOError:
            select.select([], [STDOUT], [])
        except OSError as error:
            raise HungUp(signal.SIGPIPE) from error
