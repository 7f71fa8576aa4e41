"""Follow a path as the kernel does, and name each directory and each link on the way."""

from __future__ import annotations

import errno
import os
import posixpath
import stat

from creds_session.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINKS = 40  # the kernel's own limit (path_resolution(7))


class Part(NamedTuple):
    """One part of a path: a directory, a link, or what is at the end.

    ``path`` has no link among its directories. ``status`` is what lstat(2) says, or None if
    nothing is there. ``target`` is the text of a link, and None for anything else.
    """

    path: str
    status: os.stat_result | None
    target: str | None = None


def parts(path: str) -> Iterator[Part]:
    """Yield every part of a path, from ``/`` on, as the kernel follows it.

    After a link come the parts of its target. The parts end where nothing is there. Raises
    OSError if a part cannot be looked at, and for a loop of links.
    """
    whole = path if path.startswith("/") else f"{os.getcwd()}/{path}"
    todo = whole.split("/")
    here, links = "/", 0
    yield Part(here, os.lstat(here))
    while todo:
        name = todo.pop(0)
        if name in {"", "."}:
            continue
        if name == "..":
            here = posixpath.dirname(here)
            continue
        part = _look(posixpath.join(here, name))
        yield part
        if part.status is None:
            return
        if part.target is None:
            here = part.path
            continue
        links += 1
        if links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), part.path)
        here = "/" if part.target.startswith("/") else here
        todo = part.target.split("/") + todo


def _look(path: str) -> Part:
    try:
        status = os.lstat(path)
        is_link = stat.S_ISLNK(status.st_mode)
        return Part(path, status, os.readlink(path) if is_link else None)
    except (FileNotFoundError, NotADirectoryError):
        return Part(path, None)
