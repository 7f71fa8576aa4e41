"""Ask a person for a password or for an answer, at the terminal or on standard input."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Callable, Optional

from creds_session.errors import InvalidData, Unavailable
from creds_session.secret import Secret
from creds_session.system.terminal.job_control import Settings, come_forward
from creds_session.system.terminal.standard_input import is_typed

Handler = Callable[[int, Optional[FrameType]], Any]
MAX_LINE = 4095  # bytes without the newline; the kernel drops the rest (termios(3))
DEADLY = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
LFLAG = 3  # in what tcgetattr gives (termios(3))
BY_STDIN = "give it on standard input with --password-stdin"


def is_interactive() -> bool:
    """Return whether a person can be asked now: standard input and error are terminals.

    In the background of the terminal nobody can answer. Call this right before asking: this process
    may be brought to the foreground for it (``job_control.come_forward``).
    """
    return is_typed() and sys.stderr.isatty() and come_forward(sys.stdin.fileno())


def is_input_waiting() -> bool:
    """Return whether a line was typed, or sent by a program, before a question was asked.

    The next question would take that line for its answer (FIONREAD, ioctl_tty(2)).
    """
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        waiting = fcntl.ioctl(terminal, termios.FIONREAD, bytes(4))
        return int.from_bytes(waiting, sys.byteorder) > 0
    except OSError:
        return False
    finally:
        os.close(terminal)


def ask_password(prompt: str, patience: float | None = None) -> Secret:
    """Ask for a password at the controlling terminal, with the echo off.

    An empty line, end of file, or no answer within ``patience`` seconds is an empty password. The
    bytes from the terminal are not decoded, because the keyring needs the same bytes. Raises
    Unavailable if there is no terminal, or if this process stays in its background, and InvalidData
    for a line that is too long.
    """
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        raise Unavailable("there is no terminal to ask for the password", hint=BY_STDIN) from None
    try:
        if not come_forward(terminal):
            raise Unavailable(
                "this program runs in the background of the terminal, so nobody can type the"
                " password",
                hint=f"run it in the foreground (timeout --foreground), or {BY_STDIN}",
            )
        with _silent(terminal):
            os.write(terminal, os.fsencode(prompt))
            answered = patience is None or select.select([terminal], [], [], patience)[0]
            return Secret(_read_line(terminal) if answered else b"")
    finally:
        os.close(terminal)


@contextmanager
def _silent(terminal: int) -> Iterator[None]:
    """Turn the echo off inside the block, and on again however this process ends or stops.

    The table says what a signal does while the echo is off.

    SIGINT   raises KeyboardInterrupt, as always
    SIGTSTP  waits until the echo is on again
    SIGTERM  turns the echo on, then ends the process by default; so do SIGHUP and SIGQUIT
    SIGCONT  turns the echo off again: a shell turns it on when its job is stopped (SIGSTOP)
    SIGTTIN  stops the process, which was moved to the background; SIGCONT or SIGTERM follows
    """
    settings = Settings(terminal)

    def be_silent() -> None:
        settings.change(_turn_echo_off)

    def go_on(_number: int, _frame: FrameType | None) -> None:
        with suppress(termios.error):
            be_silent()

    def end(number: int, _frame: FrameType | None) -> None:
        settings.give_back(termios.TCSAFLUSH)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    handlers = {**dict.fromkeys(DEADLY, end), signal.SIGCONT: go_on}
    held = {signal.SIGTSTP, signal.SIGTTOU}
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        with _handled(handlers):
            be_silent()
            yield
    finally:
        settings.give_back(termios.TCSAFLUSH)
        with suppress(OSError):  # the terminal may have disappeared
            os.write(terminal, b"\n")  # the newline of the person was not shown
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _turn_echo_off(terminal: int) -> None:
    settings = termios.tcgetattr(terminal)
    settings[LFLAG] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSAFLUSH, settings)


@contextmanager
def _handled(handlers: Mapping[signal.Signals, Handler]) -> Iterator[None]:
    """Handle these signals inside the block, except signals that already have a handler.

    Only the main thread can set handlers; in another thread this does nothing.
    """
    is_main = threading.current_thread() is threading.main_thread()
    unhandled = (number for number in handlers if signal.getsignal(number) is signal.SIG_DFL)
    ours = list(unhandled) if is_main else []
    try:
        for number in ours:
            signal.signal(number, handlers[number])
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _read_line(terminal: int) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n"):
        more = os.read(terminal, MAX_LINE + 1)
        if len(more.rstrip(b"\n")) >= MAX_LINE:
            raise InvalidData("the line is too long for a terminal, which cuts it", hint=BY_STDIN)
        if not more:
            break
        line += more
    return bytes(line[:-1] if line.endswith(b"\n") else line)


def confirm(question: str) -> bool:
    """Ask a yes-or-no question on standard error; every answer except y or yes means no."""
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
