"""Put a saved copy itself in the place of a file, which needs no room on a disk that is full."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from creds_session.system.directory import Directory
from creds_session.system.files import (
    Attributes,
    cannot_write,
    sync_directory,
    temporary_prefix,
)
from creds_session.system.regular_file import open_regular


def link_over(directory: Directory, name: str, place: Path, attributes: Attributes) -> bool:
    """Give a regular file of a directory these attributes and a second name, over a path.

    Return whether that was done: two file systems cannot share a file. Raises CannotWrite; then
    there is nothing new at the path.
    """
    temporary = place.with_name(f"{temporary_prefix(place.name)}{os.urandom(6).hex()}")
    try:
        copy = open_regular(name, place, os.O_RDWR, dir_fd=directory.descriptor)
        try:
            os.link(name, temporary, src_dir_fd=directory.descriptor, follow_symlinks=False)
            attributes.write(copy, place)
            os.fsync(copy)
            os.rename(temporary, place)  # noqa: PTH104 - as it was linked
            sync_directory(place.parent)
        finally:
            os.close(copy)
            with suppress(FileNotFoundError):
                os.unlink(temporary)  # noqa: PTH108
    except OSError as error:
        if error.errno == errno.EXDEV:
            return False
        raise cannot_write(place, error) from error
    return True
