"""Put a pipe that contains a password at the descriptor that a command is told to read."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

from creds_session.errors import InvalidData, UsageError
from creds_session.secret import Secret

F_SETPIPE_SZ = 1031  # fcntl(2); Python 3.9 has no name for it
FIRST = 3  # the first descriptor that is not a standard stream


def reserve(descriptor: int) -> int:
    """Reserve a descriptor, before another file is opened there. Raises UsageError."""
    if descriptor < FIRST:
        raise UsageError(f"{descriptor} is a standard stream; give 3 or more")
    try:
        os.fstat(descriptor)
    except OSError:
        pass
    except OverflowError:
        raise UsageError(f"{descriptor} is too large for a file descriptor") from None
    else:
        raise UsageError(f"file descriptor {descriptor} is open already; give another number")
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if nothing != descriptor:
            os.dup2(nothing, descriptor, inheritable=False)
    except OSError:
        raise UsageError(f"{descriptor} is too large for a file descriptor") from None
    finally:
        if nothing != descriptor:
            os.close(nothing)
    return descriptor


def fill(descriptor: int, secret: Secret) -> None:
    """Put a pipe at a descriptor, from which the password can be read once.

    Raises InvalidData if the password is longer than a pipe can hold.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    content = secret.reveal()
    with suppress(OSError):  # the default is 64 KiB (pipe(7))
        fcntl.fcntl(writing, F_SETPIPE_SZ, len(content) + 1)
    try:
        written = os.write(writing, content) if content else 0
    finally:
        os.close(writing)
    if written != len(content):
        raise InvalidData("the password is longer than a pipe holds")
    os.set_blocking(reading, True)
    os.dup2(reading, descriptor, inheritable=True)
    os.close(reading)
