"""Put a saved copy itself in the place of a file; this works on a full disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress

from creds_session.system.files.directory import Directory
from creds_session.system.files.entry import Entry
from creds_session.system.files.regular_file import open_regular
from creds_session.system.files.replace import Attributes, cannot_write, temporary_prefix


def link_over(
    directory: Directory,
    name: str,
    entry: Entry,
    attributes: Attributes,
    last_look: Callable[[], None],
) -> bool:
    """Set these attributes on a regular file, and make it the file of the entry (a hard link).

    Return whether that was done: two file systems cannot share a file. ``last_look`` is called
    right before the rename over the entry and may raise. Raises CannotWrite; then the entry is what
    it was.
    """
    target = entry.directory
    place = target.path / entry.name
    temporary = f"{temporary_prefix(entry.name)}{os.urandom(6).hex()}"
    try:
        copy = open_regular(name, directory.path / name, os.O_RDWR, dir_fd=directory.descriptor)
        try:
            # The open file itself, even if its name now belongs to another file (proc_pid_fd(5)).
            os.link(f"/proc/self/fd/{copy}", temporary, dst_dir_fd=target.descriptor)
            attributes.write(copy, place)
            os.fsync(copy)
            last_look()
            target.rename(temporary, entry.name)
        finally:
            os.close(copy)
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=target.descriptor)
    except OSError as error:
        if error.errno == errno.EXDEV:
            return False
        raise cannot_write(place, error) from error
    return True
