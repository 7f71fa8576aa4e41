"""Say whether a path can be changed by root alone."""

from __future__ import annotations

import os


def weak_part(path: str) -> str:
    """Return the first existing part of a path that others than root can change, or nothing."""
    parts = os.path.realpath(path).split(os.sep)
    for number in range(1, len(parts) + 1):
        part = os.sep.join(parts[:number]) or os.sep
        try:
            status = os.lstat(part)
        except FileNotFoundError:
            return ""
        if status.st_uid != 0 or status.st_mode & 0o022:
            return part
    return ""
