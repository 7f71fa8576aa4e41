"""Change or read a terminal only in its foreground, as job control requires (termios(3)).

The kernel stops every other process group that tries (SIGTTOU, SIGTTIN). A shell with job control
brings a stopped job to the foreground when the person types ``fg``. timeout(1) puts its command
into a new process group and never brings it to the foreground. SIGTERM does not end a stopped
process that handles it. So this process checks before each change and each read.
"""

from __future__ import annotations

import os
import signal
import termios
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

PATIENCE = 1.0  # seconds to be brought to the foreground; sudo(8) takes milliseconds
TICK = 0.02


def is_behind(terminal: int) -> bool:
    """Return whether this process is in the background of this terminal.

    A terminal that does not control our session has no job control for it (tty_ioctl(4)): under
    ``su -c`` and ``setsid`` this process may read the terminal, and the kernel does not stop it.
    """
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:
        return False


def come_forward(terminal: int) -> bool:
    """Return whether this process is in the foreground of this terminal, or was brought there.

    This process stops itself and its process group, as the kernel would do. So sudo(8) notices
    that the terminal is needed: it starts a command in the background if the output is a pipe
    (exec_pty.c). After ``PATIENCE`` a child continues the group if no other process has done so.
    """
    if not is_behind(terminal):
        return True
    group = os.getpgrp()
    waker = _waker(group)
    try:
        os.killpg(group, signal.SIGTTOU)  # an orphaned process group is not stopped (setpgid(2))
    finally:
        os.kill(waker, signal.SIGKILL)  # its pid cannot be reused before waitpid()
        os.waitpid(waker, 0)
    return not is_behind(terminal)


def _waker(group: int) -> int:
    """Start a process that continues our process group after ``PATIENCE``; return its pid."""
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
        if os.getppid() != parent:  # the parent has ended
            return
        time.sleep(TICK)
    os.killpg(group, signal.SIGCONT)


@contextmanager
def not_stopped() -> Iterator[Iterable[int]]:
    """Block the signals that stop a process at its terminal; yield the signal mask from before.

    The code inside checks for itself whether this process is in the foreground. With ``stty
    tostop`` the kernel would otherwise stop this process for a line of output.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTIN, signal.SIGTTOU})
    try:
        yield before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Settings:
    """The settings of a terminal: changed only in its foreground, and restored at the end.

    Use it inside ``not_stopped``. The last column says what happens at the end.

    this process is      the settings are   they are
    in the foreground    any                restored
    in the background    as set here        restored: no other program has taken the terminal
    in the background    different          not changed: they belong to another program
    """

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._before: list[Any] | None = None
        self._ours: list[Any] | None = None

    def change(self, change: Callable[[int], object]) -> bool:
        """Call ``change`` if this process is in the foreground; return whether it is.

        Raises termios.error if the terminal has disappeared.
        """
        if is_behind(self._terminal):
            return False
        now = termios.tcgetattr(self._terminal)
        if (
            self._before is None or now != self._ours
        ):  # a shell changed them while this process was stopped
            self._before = now
        change(self._terminal)
        self._ours = termios.tcgetattr(self._terminal)
        return True

    def give_back(self, when: int) -> None:
        """Restore the settings, unless they belong to another program now; see tcsetattr(3)."""
        before, self._before = self._before, None
        if before is None:
            return
        with suppress(termios.error):  # the terminal may have disappeared
            if not is_behind(self._terminal) or termios.tcgetattr(self._terminal) == self._ours:
                termios.tcsetattr(self._terminal, when, before)
