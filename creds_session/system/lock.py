"""One change at a time: an advisory lock that ends with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from creds_session.errors import Busy, CannotWrite


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock at this path. Raises Busy at once when someone else holds it.

    The file stays: a lock file that is removed can be held twice.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise CannotWrite(f"{path}: cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Busy(
            f"{path}: another run holds the lock", hint="try again when it is done"
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)
