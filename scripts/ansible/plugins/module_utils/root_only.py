"""Say whether a path can be changed by root alone."""

from __future__ import annotations

import os
import stat

MOST_LINKS = 40  # as many as the kernel follows (path_resolution(7))


def weak_part(path: str) -> str:
    """Return the first existing part of a path that others than root can change, or nothing.

    A link is a part, and so is all that it leads to. A part that cannot be looked at counts too.
    """
    at, names, links = "", ["", *path.split(os.sep)], 0
    while names:
        name = names.pop(0)
        part = os.path.normpath(os.path.join(at, name)) if at else os.sep
        try:
            status = os.lstat(part)
        except FileNotFoundError:
            return ""
        except OSError:
            return part
        is_link = stat.S_ISLNK(status.st_mode)
        if status.st_uid != 0 or (status.st_mode & 0o022 and not is_link):
            return part
        if not is_link:
            at = part
            continue
        links += 1
        if links > MOST_LINKS:
            return part
        target = os.readlink(part)
        names = [*target.split(os.sep), *names]
        at = "" if target.startswith(os.sep) else at
    return ""
