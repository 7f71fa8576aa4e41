"""Job control of a terminal: only its foreground process group may change or read it (termios(3)).

The kernel stops every other process group that tries (SIGTTOU, SIGTTIN). A shell with job control
brings a stopped job to the foreground when the person types ``fg``. timeout(1) puts its command
into a group of its own and never brings it to the foreground. A stopped process that handles
SIGTERM does not end by it. So we look before each change and each read.
"""

from __future__ import annotations

import os
import signal
import termios
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

PATIENCE = 1.0  # seconds for somebody to bring us forward; sudo(8) takes milliseconds
TICK = 0.02


def is_behind(terminal: int) -> bool:
    """Return whether we are in the background of this terminal.

    A terminal that does not control our session has no job control for us (tty_ioctl(4)): under
    ``su -c`` and ``setsid`` we may read it, and nothing stops us.
    """
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:
        return False


def come_forward(terminal: int) -> bool:
    """Return whether we are in the foreground of this terminal, or were brought there.

    We stop, with our process group, as everybody does who wants the terminal: that is how sudo(8)
    learns it, which starts a command in the background if its output is a pipe (exec_pty.c).
    After ``PATIENCE`` a process of ours lets the group go on, for nobody else may.
    """
    if not is_behind(terminal):
        return True
    group = os.getpgrp()
    waker = _waker(group)
    try:
        os.killpg(group, signal.SIGTTOU)  # an orphaned process group is not stopped (setpgid(2))
    finally:
        os.kill(waker, signal.SIGKILL)  # our own child, not waited for yet: the number is its own
        os.waitpid(waker, 0)
    return not is_behind(terminal)


def _waker(group: int) -> int:
    """Start a process that lets our group go on after ``PATIENCE``; return its process id."""
    parent = os.getpid()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        pid = os.fork()
        if pid == 0:
            try:
                _wake(parent, group)
            finally:
                os._exit(0)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid


def _wake(parent: int, group: int) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if os.getppid() != parent:  # it has ended
            return
        time.sleep(TICK)
    os.killpg(group, signal.SIGCONT)


@contextmanager
def not_stopped() -> Iterator[Iterable[int]]:
    """Let no change, read or write of the terminal stop us; give the signal mask as it was.

    We look for ourselves whether we are in the foreground. ``stty tostop`` would have the kernel
    stop us for a mere line of output.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTIN, signal.SIGTTOU})
    try:
        yield before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Settings:
    """The settings of a terminal: changed in its foreground alone, and given back.

    Use it inside ``not_stopped``.

    at the end           the settings are   they are
    in the foreground    any                given back
    in the background    still ours         given back: nobody else has taken the terminal
    in the background    others             left alone: they are somebody else's
    """

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._before: list[Any] | None = None
        self._ours: list[Any] | None = None

    def change(self, change: Callable[[int], object]) -> bool:
        """Have this function change them, if we are in the foreground; return whether we are.

        Raises termios.error if the terminal went away.
        """
        if is_behind(self._terminal):
            return False
        now = termios.tcgetattr(self._terminal)
        if self._before is None or now != self._ours:  # a shell has changed them while we stood
            self._before = now
        change(self._terminal)
        self._ours = termios.tcgetattr(self._terminal)
        return True

    def give_back(self, when: int) -> None:
        """Make them what they were, if they are ours to change; ``when`` as for tcsetattr(3)."""
        before, self._before = self._before, None
        if before is None:
            return
        with suppress(termios.error):  # the terminal may be what went away
            if not is_behind(self._terminal) or termios.tcgetattr(self._terminal) == self._ours:
                termios.tcsetattr(self._terminal, when, before)
