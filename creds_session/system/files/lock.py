"""Allow one change at a time, with an advisory lock that ends with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from creds_session.errors import Busy
from creds_session.system.files.directory import Directory
from creds_session.system.files.replace import cannot_write


@contextmanager
def exclusive(directory: Directory, name: str) -> Iterator[None]:
    """Hold the lock of this name in a directory.

    The file stays: a lock file that is removed can be held twice. Raises Busy at once if someone
    else holds it; InvalidData if the name is that of a link, or of no regular file, which is not
    opened; CannotWrite.
    """
    descriptor = directory.open_or_create(name)
    try:
        _take(descriptor, directory.path / name)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, place: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Busy(
            f"{place}: another run holds the lock", hint="try again when it is done"
        ) from None
    except OSError as error:  # a network file system that has no locks
        raise cannot_write(place, error) from error
