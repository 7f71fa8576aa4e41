"""Read, check and replace one entry of an open directory, such as an administrator's file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress

from creds_session.errors import InvalidData
from creds_session.records import NamedTuple
from creds_session.system.files.directory import Directory, cannot_open
from creds_session.system.files.regular_file import open_regular
from creds_session.system.files.replace import (
    Attributes,
    cannot_write,
    overwrite,
    refuse_unless_plain,
    temporary_prefix,
)

TEMPORARY = re.compile(r"[0-9a-z_]+")  # what follows the prefix; older versions used tempfile


class Entry(NamedTuple):
    """A name in an open directory. The file may change, but not the directory it is in."""

    directory: Directory
    name: str

    def is_there(self) -> bool:
        """Return whether something has this name, also a broken link. Raises NotPermitted."""
        try:
            os.stat(self.name, dir_fd=self.directory.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise cannot_open(self.directory.path / self.name, error) from error
        return True

    def read(self, limit: int) -> bytes | None:
        """Return the content of the regular file; None if there is none. See Directory.read."""
        return self.directory.read(self.name, limit)

    def refuse_unless_plain(self, shown: str) -> None:
        """Raise InvalidData unless it is a regular file with one name. Raises NotPermitted."""
        try:
            refuse_unless_plain(self.name, shown, dir_fd=self.directory.descriptor)
        except FileNotFoundError:
            raise InvalidData(f"{shown}: does not exist any more") from None
        except OSError as error:
            raise cannot_open(shown, error) from error

    def attributes(self, shown: str) -> Attributes:
        """Return the mode, owner and extended attributes of the regular file.

        Raises InvalidData if it is something else, or if one of them cannot be read.
        """
        try:
            descriptor = open_regular(self.name, shown, dir_fd=self.directory.descriptor)
            try:
                return Attributes.of(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            problem = f"{shown}: its attributes cannot be read: {error.strerror}"
            raise InvalidData(problem) from error

    def replace(
        self, content: bytes, attributes: Attributes, last_look: Callable[[], None]
    ) -> None:
        """Replace the file in one step. See Directory.replace."""
        self.directory.replace(self.name, content, attributes, last_look=last_look)

    def overwrite(self, now: bytes, content: bytes) -> bool:
        """Write this content into the file itself, if it contains ``now``; return whether it did.

        See ``files.overwrite``. Raises CannotWrite; InvalidData if it is no regular file.
        """
        place = self.directory.path / self.name
        try:
            descriptor = open_regular(self.name, place, os.O_RDWR, dir_fd=self.directory.descriptor)
            try:
                return overwrite(descriptor, now, content)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise cannot_write(place, error) from error

    def link_to(self, target: str) -> None:
        """Make a symbolic link, durably, unless something has the name. Raises CannotWrite."""
        try:
            with suppress(FileExistsError):
                os.symlink(target, self.name, dir_fd=self.directory.descriptor)
            self.directory.sync()
        except OSError as error:
            raise cannot_write(self.directory.path / self.name, error) from error

    def remove(self) -> None:
        """Remove the entry if it exists; a link itself is removed. Raises CannotWrite."""
        self.directory.remove(self.name)

    def sweep(self) -> None:
        """Remove the temporary files beside it that a killed run left."""
        prefix = temporary_prefix(self.name)
        left = [name for name in self.directory.names() if name.startswith(prefix)]
        ours = [name for name in left if TEMPORARY.fullmatch(name[len(prefix) :])]
        self.directory.remove(*filter(self.directory.is_file, ours))
