"""Read a file with secrets, which only this user may own and read."""

from __future__ import annotations

import os
import stat

from creds_session.errors import InvalidData, NoSuchFile, NotPermitted
from creds_session.system.files.ownership import is_closed_to_others, weakness

LIMIT = 1 << 20  # bytes


def read_private(path: str) -> bytes:
    """Return the content of a file that only this user can read.

    The file is checked after it was opened, so that it cannot be replaced in between. Raises
    NoSuchFile, InvalidData or NotPermitted.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise NoSuchFile(f"{path}: there is no such file") from None
    except OSError as error:
        raise NotPermitted(f"{path}: cannot be read: {error.strerror}") from error
    try:
        _require_private(os.fstat(descriptor), path)
        content = b""
        while len(content) <= LIMIT and (more := os.read(descriptor, LIMIT)):
            content += more
    finally:
        os.close(descriptor)
    if len(content) > LIMIT:
        raise InvalidData(f"{path}: larger than {LIMIT} bytes")
    return content


def _require_private(status: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise InvalidData(f"{path}: not a regular file")
    if status.st_uid != os.getuid():
        raise NotPermitted(f"{path}: it is not yours; nothing was read")
    if not is_closed_to_others(status):
        raise NotPermitted(
            f"{path}: others can read it or change it; nothing was read", hint=_how_to_close(path)
        )


def _how_to_close(path: str) -> str:
    """Say how to make the file private; without a command if a user may have put a link there."""
    if os.getuid() == 0 and (os.path.islink(path) or weakness(path) is not None):
        return "its passwords may be known: think of changing them, and let nobody else read it"
    return f"its passwords may be known: chmod 600 {path}, and think of changing them"
