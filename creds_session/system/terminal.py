"""The terminal: a password typed by a person, and a daemon driven by pexpect."""

from __future__ import annotations

import os
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence

from creds_session.errors import Unavailable
from creds_session.secret import Secret

MAX_PASSWORD = 8192  # gnome-keyring-daemon reads no further (daemon/gkd-main.c:read_login_password)


def is_interactive() -> bool:
    """Tell whether a person can be asked: standard input and error are terminals."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def ask_password(prompt: str) -> Secret:
    """Ask at the controlling terminal, echo off; an empty line or end of file is empty.

    Bytes, not text: a terminal sends bytes, and the keyring wants the very same ones.
    """
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        raise Unavailable(
            "there is no terminal to ask for the password",
            hint="give it on standard input with --password-stdin",
        ) from None
    before = termios.tcgetattr(terminal)
    silent = list(before)
    silent[3] &= ~termios.ECHO  # lflag, termios(3)
    try:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
        os.write(terminal, os.fsencode(prompt))
        return Secret(_read_line(terminal))
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
        os.write(terminal, b"\n")
        os.close(terminal)


def _read_line(terminal: int) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n"):
        more = os.read(terminal, 4096)
        if not more:
            break
        line += more
    return bytes(line[:-1] if line.endswith(b"\n") else line)


def read_password_from_stdin() -> Secret:
    """Return standard input whole, less one newline at its end, as ``keyring set`` takes it."""
    content = sys.stdin.buffer.read()
    return Secret(content[:-1] if content.endswith(b"\n") else content)


def feed(
    argv: Sequence[str], secret: Secret, environment: Mapping[str, str], timeout: float
) -> str:
    """Run a program that takes a password as all of its standard input; return what it prints.

    pexpect's pipe, not its pty: a terminal would act on control characters in the password, cut
    a long line at 4096 bytes and need its echo off (docs/decisions/0002). Its exceptions
    carry what the child printed, so they end here. Raises Unavailable.
    """
    import pexpect  # noqa: PLC0415 - only an unlock without a daemon pays for it
    from pexpect.popen_spawn import PopenSpawn  # noqa: PLC0415

    try:
        child = PopenSpawn(list(argv), timeout=timeout, env=dict(environment))
    except OSError as error:
        raise Unavailable(f"{argv[0]} cannot be run: {error.strerror}") from None
    try:
        child.send(secret.reveal())  # type: ignore[no-untyped-call]
        child.sendeof()
        child.expect(pexpect.EOF)
    except pexpect.TIMEOUT:
        child.proc.kill()
        raise Unavailable(f"{argv[0]} did not finish within {timeout:g} s") from None
    except OSError as error:
        raise Unavailable(f"{argv[0]} did not take the password: {error.strerror}") from None
    finally:
        _end(child.proc, timeout)
    printed: object = child.before
    return printed.decode(errors="replace") if isinstance(printed, bytes) else str(printed)


def _end(process: subprocess.Popen[str], timeout: float) -> None:
    """Wait for a program that has nothing more to say, or end it; close its pipes."""
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def confirm(question: str) -> bool:
    """Ask a yes-or-no question on standard error; anything but y or yes is no."""
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
