"""Read a password from standard input, if that is not a terminal."""

from __future__ import annotations

import sys

from creds_session.errors import InvalidData, Unavailable
from creds_session.secret import Secret

MAX_INPUT = 1 << 20  # bytes; longer input is not a password


def is_typed() -> bool:
    """Return whether standard input is a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def read_password_from_stdin() -> Secret:
    """Return all of standard input without one newline at its end, as ``keyring set`` does.

    Raises Unavailable, and InvalidData if the input is too long.
    """
    content = read_standard_input()
    return Secret(content[:-1] if content.endswith(b"\n") else content)


def read_standard_input() -> bytes:
    """Return all of standard input. Raises Unavailable, and InvalidData if it is too long."""
    if sys.stdin is None:
        raise Unavailable("there is no standard input to read the password from")
    return bounded(sys.stdin.buffer.read(MAX_INPUT + 1), "standard input")


def bounded(content: bytes, what: str) -> bytes:
    """Return the content; raise InvalidData if it is too long for a password."""
    if len(content) > MAX_INPUT:
        raise InvalidData(f"{what} is longer than {MAX_INPUT} bytes: not a password")
    return content
