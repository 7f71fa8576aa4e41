"""Put a saved copy itself in the place of a file, which needs no room on a disk that is full."""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from creds_session.system.directory import Directory
from creds_session.system.entry import Entry
from creds_session.system.files import Attributes, cannot_write, temporary_prefix
from creds_session.system.regular_file import open_regular


def link_over(directory: Directory, name: str, entry: Entry, attributes: Attributes) -> bool:
    """Give a regular file of a directory these attributes and a second name, over an entry.

    Return whether that was done: two file systems cannot share a file. Raises CannotWrite; then
    there is nothing new in the place of the entry.
    """
    place, there = entry.directory.path / entry.name, entry.directory.descriptor
    temporary = f"{temporary_prefix(entry.name)}{os.urandom(6).hex()}"
    try:
        copy = open_regular(name, place, os.O_RDWR, dir_fd=directory.descriptor)
        try:
            os.link(
                name,
                temporary,
                src_dir_fd=directory.descriptor,
                dst_dir_fd=there,
                follow_symlinks=False,
            )
            attributes.write(copy, place)
            os.fsync(copy)
            os.rename(temporary, entry.name, src_dir_fd=there, dst_dir_fd=there)
            entry.directory.sync()
        finally:
            os.close(copy)
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=there)
    except OSError as error:
        if error.errno == errno.EXDEV:
            return False
        raise cannot_write(place, error) from error
    return True
