"""Read files below a home, or set their mode; never act on another user's file through a link."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from creds_session.errors import InvalidData, NotPermitted
from creds_session.system.files.path_parts import parts

CLOSED = 0o700  # what ``u+rwx`` adds
KEPT_BITS = 0o7000  # set-group-ID and sticky, which chmod(1) keeps for a directory as well


def read_regular(path: str, limit: int, owners: Collection[int] | None = None) -> bytes | None:
    """Return at most ``limit`` bytes of a regular file that belongs to one of these user ids.

    Without ``owners`` it may belong to anybody. Links are followed, and what they lead to is
    judged. Returns None for anything else, which is not opened: a device or a FIFO may act on it.
    """
    try:
        with _found(path) as held:
            status = os.fstat(held)
            is_theirs = owners is None or status.st_uid in owners
            if not stat.S_ISREG(status.st_mode) or not is_theirs:
                return None
            descriptor = os.open(_name(held), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    with open(descriptor, "rb") as file:  # it takes a descriptor
        return file.read(limit)


def change_mode(path: str, mode: str, uid: int) -> None:
    """Give this user's own regular file or directory a mode, as ``chmod MODE PATH`` would.

    ``mode`` is octal, or ``u+rwx``. Raises InvalidData for a link, for a path on which a third
    user has put a link, and for what is neither file nor directory; raises NotPermitted for what
    belongs to another user or if the kernel refuses. Then nothing was changed.
    """
    try:
        for part in parts(path):
            if part.target is not None and part.status and part.status.st_uid not in {0, uid}:
                raise InvalidData(f"{part.path} is a link of user id {part.status.st_uid}")
        with _found(path, os.O_NOFOLLOW) as held:
            status = os.fstat(held)
            if stat.S_ISLNK(status.st_mode):
                raise InvalidData(f"{path} is a link, so its mode was not changed")
            if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
                raise InvalidData(f"{path} is neither a file nor a directory")
            if status.st_uid != uid:
                raise NotPermitted(f"{path} belongs to user id {status.st_uid}")
            # fchmod(2) takes no descriptor of O_PATH, and a file of mode 0 opens in no other way.
            os.chmod(_name(held), _new_mode(mode, status.st_mode))
    except OSError as error:
        raise NotPermitted(f"{path}: its mode was not changed: {error.strerror}") from error


def _new_mode(mode: str, now: int) -> int:
    if mode == "u+rwx":
        return stat.S_IMODE(now) | CLOSED
    kept = now & KEPT_BITS if stat.S_ISDIR(now) else 0
    return int(mode, 8) | kept


@contextmanager
def _found(path: str, flags: int = 0) -> Iterator[int]:
    """Yield a descriptor of the file at a path, without opening the file (open(2), O_PATH)."""
    held = os.open(path, os.O_PATH | os.O_CLOEXEC | flags)
    try:
        yield held
    finally:
        os.close(held)


def _name(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"
