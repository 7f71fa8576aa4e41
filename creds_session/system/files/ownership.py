"""Who can change what is at a path: the owners and the modes of a file and of what leads to it.

A check of a path protects root only if no other user can change any part of the path: a user who
owns one directory on the way can put a link there at any moment.
"""

from __future__ import annotations

import os
import posixpath
import stat

from creds_session.records import NamedTuple
from creds_session.system.files.path_parts import Part, parts

ACCESS_LIST = "system.posix_acl_access"  # acl(5); if it exists, the group's bits are its mask


def is_closed_to_others(status: os.stat_result) -> bool:
    """Return whether neither the group nor others have any right, by the mode."""
    return not stat.S_IMODE(status.st_mode) & (stat.S_IRWXG | stat.S_IRWXO)


def others_can_write(status: os.stat_result) -> bool:
    """Return whether the group or others can write, by the mode.

    If an access control list lets anybody else write, the group's bits of the mode show that: they
    are its mask (acl(5)).
    """
    return bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def is_private(directory: str, uid: int) -> bool:
    """Return whether this is a directory (not a link to one) that only this user can enter."""
    try:
        status = os.lstat(directory)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == uid and is_closed_to_others(status)


def keeps_entries(directory: str) -> bool:
    """Return whether only this user and root can rename what this user makes in a directory.

    In a sticky directory only the owner of an entry can rename it (rename(2), EPERM).
    """
    try:
        status = os.stat(directory)
    except OSError:
        return False
    is_shared = others_can_write(status) and not status.st_mode & stat.S_ISVTX
    return status.st_uid in {0, os.getuid()} and not is_shared


class Weakness(NamedTuple):
    """The part of a path that a user other than root can change, and why.

    ``uid`` is the owner of that part, or -1 if nothing is there or it cannot be looked at.
    """

    path: str
    reason: str
    uid: int = -1

    def __str__(self) -> str:
        from creds_session.quoting import quoted

        return f"{quoted(self.path)} {self.reason}"


def weakness(path: str, *, strict: bool = False, with_content: bool = False) -> Weakness | None:
    """Return the first part of a path that a user other than root can change, or None.

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
            weak = _weakness_of(part, above, strict=strict)
            if weak is not None:
                return weak
            seen[part.path] = part
    except OSError as error:
        return Weakness(error.filename or path, f"cannot be looked at: {error.strerror}")
    return _writable(part) if with_content and _others_can_change(part, strict=strict) else None


def _weakness_of(part: Part, above: Part | None, *, strict: bool) -> Weakness | None:
    """Judge a part, and the directory that it is in."""
    if above is not None and _is_directory(above) and _others_can_change(above, strict=strict):
        is_kept = part.status is not None and _is_sticky(above)
        if strict or not is_kept:
            return _writable(above)
    if part.status is not None and part.status.st_uid != 0:
        return Weakness(part.path, f"belongs to user id {part.status.st_uid}", part.status.st_uid)
    return None


def _writable(part: Part) -> Weakness:
    uid = part.status.st_uid if part.status else -1
    return Weakness(part.path, "can be changed by others than its owner", uid)


def _others_can_change(part: Part, *, strict: bool) -> bool:
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
