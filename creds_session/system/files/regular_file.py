"""Open regular files, and nothing else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from creds_session.errors import InvalidData

KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a directory",
    stat.S_IFREG: "a regular file",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

NULL = os.makedev(1, 3)
"""The device number of /dev/null (null(4))."""


class NotRegular(InvalidData):
    """Something that is no regular file stands where a file is expected.

    If it is neither of the two below, open(2) may wait, and anything may be read from it.
    """


class CannotBeOpened(NotRegular):
    """A socket or a loop of links stands there: open(2) fails with ENXIO or ELOOP."""


class AlwaysEmpty(NotRegular):
    """A directory or the null device stands there: fopen(3) opens it, and reads nothing."""


def kind_of(mode: int) -> str:
    """Return in words what a file of this mode is."""
    return KINDS.get(stat.S_IFMT(mode), "of an unknown kind")


def _kind_of_error(status: os.stat_result) -> type[NotRegular]:
    """Return the error that says what open(2) and read(2) do with this."""
    if stat.S_ISSOCK(status.st_mode):
        return CannotBeOpened
    is_null = stat.S_ISCHR(status.st_mode) and status.st_rdev == NULL
    return AlwaysEmpty if is_null or stat.S_ISDIR(status.st_mode) else NotRegular


def open_regular(
    path: str | Path, shown: object, flags: int = os.O_RDONLY, *, dir_fd: int | None = None
) -> int:
    """Return a descriptor of a regular file. A link as the last name of ``path`` is not followed.

    Anything else is not even opened, since that waits at a FIFO and acts on a device (a watchdog
    starts). O_PATH looks without opening, and holds on to what was looked at (open(2)). Raises
    OSError, and NotRegular, which names ``shown``, if it is no regular file.
    """
    held = os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=dir_fd)
    try:
        status = os.fstat(held)
        if not stat.S_ISREG(status.st_mode):
            problem = f"{shown}: is {kind_of(status.st_mode)}, not a regular file"
            raise _kind_of_error(status)(problem)
        return os.open(f"/proc/self/fd/{held}", flags | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:  # the file itself exists: it is open
        raise InvalidData(f"{shown}: cannot be read if /proc is not mounted") from error
    finally:
        os.close(held)


def read_regular_file(
    path: str | Path, shown: object, limit: int, *, dir_fd: int | None = None
) -> bytes:
    """Return the content of a regular file, opened as ``open_regular`` does.

    Raises InvalidData if it is larger than ``limit`` bytes, of which no more is read then;
    NotRegular; OSError.
    """
    descriptor = open_regular(path, shown, dir_fd=dir_fd)
    with open(descriptor, "rb") as file:  # open() also takes a descriptor
        is_larger = os.fstat(descriptor).st_size > limit
        content = b"" if is_larger else file.read(limit + 1)
    if is_larger or len(content) > limit:
        raise InvalidData(f"{shown}: is larger than {limit} bytes")
    return content
