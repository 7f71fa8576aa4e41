"""Keep a backup of a keyring's file while its password is changed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path

from creds_session.errors import (
    CannotWrite,
    CredsSessionError,
    InvalidData,
    Unavailable,
    WrongPassword,
)
from creds_session.system.files.replace import back_up, remove


@contextmanager
def backed_up(path: Path) -> Iterator[tuple[Path, bytes]]:
    """Copy the file beside itself; remove the copy if no password was accepted.

    The name of the copy does not end with ``.keyring``, so that gnome-keyring does not list it as a
    keyring (gkm-secret-module.c).
    """
    copy = free_name(path.with_name(f"{path.name}.creds-backup-{time.strftime('%Y%m%dT%H%M%S')}"))
    before = back_up(path, copy)
    try:
        yield copy, before
    except (WrongPassword, InvalidData):
        with suppress(CannotWrite):
            remove(copy)
        raise
    except CredsSessionError as error:
        raise _unsure(error, path, copy, before) from error


def free_name(path: Path) -> Path:
    """Return the path, with a number if it exists: two changes may happen in the same second."""
    numbered = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(free for free in chain([path], numbered) if not os.path.lexists(free))


def _unsure(error: CredsSessionError, path: Path, copy: Path, before: bytes) -> Unavailable:
    """Return the error for a change that was begun and whose end was not seen."""
    same = is_still(path, before)
    file = "was not changed" if same else "was written again"
    which = "the old password" if same else "the new password first, and then with the old password"
    return Unavailable(
        f"{error.problem}; the file {path} {file}",
        hint=f"try to unlock it: creds unlock, with {which}\n"
        f"a backup, which the old password unlocks, is at {copy}",
    )


def is_still(path: Path, before: bytes) -> bool:
    """Return whether the file has still the content that it had before."""
    try:
        return path.read_bytes() == before
    except OSError:
        return False
