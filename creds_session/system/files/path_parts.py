"""Who decides what lies at a path: every directory and link on the way to it, and its end.

A check of a path protects root only if no other user can change any part of the path: a user who
owns one directory on the way can put a link there at any moment.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Iterator
from typing import NamedTuple

from creds_session.quoting import quoted

MAX_LINKS = 40  # the kernel's own limit (path_resolution(7))
ACCESS_LIST = "system.posix_acl_access"  # acl(5); where it is, the group's bits are a mask


class Part(NamedTuple):
    """One part of a path: a directory, a link, or what is at the end.

    ``path`` has no link among its directories. ``status`` is what lstat(2) says, or None if
    nothing is there. ``target`` is the text of a link, and None for anything else.
    """

    path: str
    status: os.stat_result | None
    target: str | None = None


class Weakness(NamedTuple):
    """The part of a path that somebody besides root can change, and why they can.

    ``uid`` is the owner of that part, or -1 if nothing is there or it cannot be looked at.
    """

    path: str
    reason: str
    uid: int = -1

    def __str__(self) -> str:
        return f"{quoted(self.path)} {self.reason}"


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


def weakness(path: str, *, strict: bool = False, with_content: bool = False) -> Weakness | None:
    """Return the first part of a path that root alone does not decide, or None.

    Each part must belong to root, and nobody else may be able to write to a directory on the way.
    ``strict`` also refuses two kinds of directories that are safe for a path that is there now: one
    that the group root can write to, and a sticky one that everybody can write to (/tmp), in which
    only the owner of an entry can rename it (rename(2), EPERM). Such a directory may be cleared at
    any time, so it is no place for what root runs later. ``with_content`` also refuses what is at
    the end if others can write to it.
    """
    seen: dict[str, Part] = {}
    part = Part("/", None)
    try:
        for part in parts(path):
            above = seen.get(posixpath.dirname(part.path)) if part.path != "/" else None
            found = _weakness_of(part, above, strict=strict)
            if found is not None:
                return found
            seen[part.path] = part
    except OSError as error:
        return Weakness(error.filename or path, f"cannot be looked at: {error.strerror}")
    return _writable(part) if with_content and _others_write(part, strict=strict) else None


def _weakness_of(part: Part, above: Part | None, *, strict: bool) -> Weakness | None:
    """Judge a part, and the directory that it is in."""
    if above is not None and _is_directory(above) and _others_write(above, strict=strict):
        is_kept = part.status is not None and _is_sticky(above)
        if strict or not is_kept:
            return _writable(above)
    if part.status is not None and part.status.st_uid != 0:
        return Weakness(part.path, f"belongs to user id {part.status.st_uid}", part.status.st_uid)
    return None


def _writable(part: Part) -> Weakness:
    uid = part.status.st_uid if part.status else -1
    return Weakness(part.path, "can be changed by others than its owner", uid)


def _others_write(part: Part, *, strict: bool) -> bool:
    if part.status is None or part.target is not None:
        return False
    mode = part.status.st_mode
    if mode & stat.S_IWOTH:
        return True
    is_roots_group = part.status.st_gid == 0 and not strict and not _has_access_list(part.path)
    return bool(mode & stat.S_IWGRP) and not is_roots_group


def _has_access_list(path: str) -> bool:
    try:
        os.getxattr(path, ACCESS_LIST, follow_symlinks=False)
    except OSError:  # there is none, or this file system knows none
        return False
    return True


def _is_directory(part: Part) -> bool:
    return part.status is not None and stat.S_ISDIR(part.status.st_mode)


def _is_sticky(part: Part) -> bool:
    return part.status is not None and bool(part.status.st_mode & stat.S_ISVTX)
