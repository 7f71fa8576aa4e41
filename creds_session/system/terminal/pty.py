"""Start a command on a new terminal, with pexpect; read that terminal's settings; end it."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import signal
import struct
import termios
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from creds_session.system.processes.foreground import BY_SIGNAL, NotExecuted
from creds_session.system.processes.parent_death import tied_to_us
from creds_session.system.terminal.raw_terminal import STDIN, STDOUT, window_size

if TYPE_CHECKING:
    from pexpect import spawn

TIOCGPTPEER = 0x5441  # ioctl_tty(2); not in Python's termios
TIOCSIG = 0x40045436
FLUSHED = 1  # TIOCPKT_FLUSHREAD: the typed line was discarded (ioctl_tty(2))
LFLAG, OFLAG, CC = 3, 1, 6  # termios(3), in the order of tcgetattr


def start_on_terminal(
    argv: Sequence[str], environ: Mapping[str, str], mask: Iterable[int], *, has_ours: bool
) -> spawn[bytes]:
    """Start a command on a new terminal, with these signals blocked. Raises NotExecuted.

    ``has_ours`` is whether this process has a terminal too, at which a person may type.
    """
    import pexpect  # slow, and only needed with --type

    program = shutil.which(argv[0], path=environ.get("PATH", os.defpath))
    if program is None:
        is_there = os.path.exists(argv[0])
        kind = PermissionError if is_there else FileNotFoundError
        number = errno.EACCES if is_there else errno.ENOENT
        raise NotExecuted(argv[0], kind(number, os.strerror(number)))
    prepare = _prepare(mask, has_ours=has_ours)

    def started(command: str, arguments: list[str]) -> spawn[bytes]:
        # Without arguments pexpect would split the command at blanks.
        return pexpect.spawn(
            command if arguments else re.sub("(.)", r"\\\1", command, flags=re.DOTALL),
            arguments,
            timeout=None,
            env=dict(environ),
            dimensions=window_size(),
            preexec_fn=prepare,
        )

    try:
        child = started(program, list(argv[1:]))
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise NotExecuted(argv[0], _plain(error)) from None
        child = started("/bin/sh", [os.path.abspath(program), *argv[1:]])
    child.delaybeforesend = None
    os.set_blocking(child.child_fd, False)
    return child


def _plain(error: OSError) -> OSError:
    """Return an error with its text; the error that came from the child has only a number."""
    number = error.errno or errno.EACCES
    return OSError(number, os.strerror(number))


def _prepare(mask: Iterable[int], *, has_ours: bool) -> Callable[[], None]:
    """Return a function that sets up the terminal in the new process, before it runs the command.

    The new terminal gets the special keys of ours. It adds a carriage return to each newline only
    if the output goes to our own terminal, which is raw and does not add it.
    """
    tie = tied_to_us(mask)
    settings = termios.tcgetattr(STDIN) if has_ours else None
    plain = not (has_ours and os.isatty(STDOUT))

    def prepare() -> None:
        tie()
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them
            signal.signal(number, signal.SIG_DFL)
        new = termios.tcgetattr(STDIN)
        if settings is not None:
            new[CC] = settings[CC]
        if plain:
            new[OFLAG] &= ~termios.ONLCR
        termios.tcsetattr(STDIN, termios.TCSANOW, new)

    return prepare


def end_on_terminal(child: spawn[bytes]) -> None:
    """Close the terminal of a command that has not ended, and end the command if permitted."""
    from pexpect import ExceptionPexpect

    with suppress(ExceptionPexpect, OSError):
        child.close(force=True)


def exit_code(child: spawn[bytes], by: signal.Signals) -> int:
    """Return the exit code of a command; if it cannot be known, that of the signal ``by``."""
    if child.signalstatus is not None:
        return BY_SIGNAL + int(child.signalstatus)
    return BY_SIGNAL + by if child.exitstatus is None else int(child.exitstatus)


def suspend_key(terminal: int, command: int) -> bytes:
    """Return the key that suspends the command and this process, or an empty string.

    It is empty if the command handles the key itself. The kernel suspends no process in a session
    whose leader's parent is in another session (setpgid(2), orphaned process groups). A shell in
    that session does it for its own jobs.
    """
    with suppress(OSError, termios.error):
        settings = termios.tcgetattr(terminal)
        alone = os.tcgetpgrp(terminal) == command
        if alone and settings[LFLAG] & termios.ISIG:
            return bytes(settings[CC][termios.VSUSP])
    return b""


def is_asking(terminal: int) -> bool:
    """Return whether the command waits for a line that is not shown: the echo is off."""
    settings: int = termios.tcgetattr(terminal)[LFLAG]
    return not settings & termios.ECHO and bool(settings & termios.ICANON)


def packet_mode(terminal: int, *, is_on: bool) -> None:
    """Turn packet mode on or off: then each read begins with a byte on the terminal's state.

    Output follows a zero. Any other byte has bits such as ``FLUSHED`` (ioctl_tty(2), TIOCPKT).
    """
    fcntl.ioctl(terminal, termios.TIOCPKT, struct.pack("i", is_on))


def unread(terminal: int) -> int:
    """Return how many typed bytes the command has not read yet."""
    try:
        far = fcntl.ioctl(terminal, TIOCGPTPEER, os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        answer = fcntl.ioctl(far, termios.FIONREAD, bytes(4))
        return int(struct.unpack("i", answer)[0])
    finally:
        os.close(far)
