"""Work in a directory that is kept open, so that no other process can redirect the work.

A path names the file that is there at the moment when it is used. A descriptor names one directory,
even if that is renamed or replaced later. So each method takes the name of one entry, looks it
up in the open directory itself (openat(2), mkdirat(2), renameat(2), unlinkat(2)), and follows no
symbolic link.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from creds_session.errors import Busy, CredsSessionError, InvalidData, NoSuchFile, NotPermitted
from creds_session.system.files.listing import names_in
from creds_session.system.files.ownership import others_can_write
from creds_session.system.files.regular_file import kind_of, open_regular, read_regular_file
from creds_session.system.files.replace import (
    CREATE,
    DIRECTORY,
    Attributes,
    cannot_write,
    replace_entry,
)

TRIES = 10


class Directory:
    """An open directory. ``path`` is where it was opened, and only messages use it.

    It is a context manager, which closes it. A ``name`` is the name of one entry: InvalidData is
    raised for one with a slash, and for ``.`` and ``..``.
    """

    def __init__(self, descriptor: int, path: Path) -> None:
        self.descriptor = descriptor
        self.path = path

    @classmethod
    def open(cls, path: Path) -> Directory:
        """Open the directory at a path that the caller chose. Links in this path are followed.

        Raises NoSuchFile, NotPermitted, InvalidData.
        """
        try:
            return cls(os.open(path, DIRECTORY), path)
        except FileNotFoundError:
            raise NoSuchFile(f"{path}: no such directory") from None
        except OSError as error:
            raise cannot_open(path, error) from error

    def __enter__(self) -> Directory:  # noqa: PYI034 - Self is younger than Python 3.9
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the descriptor. The directory cannot be used any more."""
        os.close(self.descriptor)

    @property
    def owner(self) -> int:
        """The user id of its owner."""
        return os.fstat(self.descriptor).st_uid

    def require_owner(self, owners: Container[int]) -> None:
        """Raise InvalidData unless one of these user ids owns it and no other user can write."""
        status = os.fstat(self.descriptor)
        if status.st_uid not in owners:
            raise InvalidData(
                f"{self.path}: belongs to user id {status.st_uid}, so it is not trusted",
                hint="find out who made it and what is in it before you change its owner",
            )
        if others_can_write(status):
            raise InvalidData(
                f"{self.path}: users other than its owner can write to it, so it is not trusted",
                hint="find out what is in it, then take the right to write from group and others",
            )

    def directory(self, name: str) -> Directory | None:
        """Open a directory in this one. Return None if there is nothing of that name.

        Raises InvalidData if it is a link or no directory, and NotPermitted.
        """
        place = self._place(name)
        try:
            descriptor = os.open(name, DIRECTORY | os.O_NOFOLLOW, dir_fd=self.descriptor)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in {errno.ENOTDIR, errno.ELOOP}:
                raise InvalidData(
                    f"{place}: is {self._kind(name)}, not a directory",
                    hint="no link is followed here: put the directory itself there, or mount it",
                ) from error
            raise cannot_open(place, error) from error
        return Directory(descriptor, place)

    def trusted(self, name: str) -> Directory | None:
        """Open a directory that only the user who runs, or this directory's owner, can write to.

        Returns None if there is nothing of that name. Raises as ``directory`` does, and
        InvalidData if others own it or can write to it.
        """
        directory = self.directory(name)
        if directory is not None:
            try:
                directory.require_owner({os.geteuid(), self.owner})
            except BaseException:
                directory.close()
                raise
        return directory

    def make(self, name: str, mode: int) -> Directory:
        """Make a directory with exactly this mode, durably; open it.

        Raises CannotWrite, also if there is something of that name, and InvalidData.
        """
        with _writing(self._place(name)):
            os.mkdir(name, mode, dir_fd=self.descriptor)
            return self._made(name, mode)

    def directory_or_make(self, name: str, mode: int) -> Directory:
        """Open a directory in this one, or make it; two processes may do so at once.

        Raises as ``directory`` and ``make`` do.
        """
        existing = self.directory(name)
        if existing is not None:
            return existing
        with _writing(self._place(name)):
            with suppress(FileExistsError):
                os.mkdir(name, mode, dir_fd=self.descriptor)
            return self._made(name, mode)

    def _made(self, name: str, mode: int) -> Directory:
        """Open a directory that was just made. Its mode may lack what the umask takes away."""
        made = self.directory(name)
        if made is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        try:
            os.fchmod(made.descriptor, mode)
            self.sync()
        except BaseException:
            made.close()
            raise
        return made

    def names(self) -> list[str]:
        """Return the names of all entries, sorted. Raises InvalidData, also if there are many."""
        try:
            return names_in(self.descriptor, self.path)
        except OSError as error:
            raise cannot_open(self.path, error) from error

    def stamps(self) -> tuple[tuple[str, int, int, int], ...]:
        """Return what a change of an entry changes: its name, inode, size and change time in ns.

        Links are not followed, and what is removed meanwhile is left out. Raises InvalidData.
        """
        found: list[tuple[str, int, int, int]] = []
        for name in self.names():
            with suppress(OSError):
                status = self._status(name)
                found.append((name, status.st_ino, status.st_size, status.st_ctime_ns))
        return tuple(found)

    def is_file(self, name: str) -> bool:
        """Return whether there is a regular file of that name."""
        with suppress(OSError):
            return stat.S_ISREG(self._status(name).st_mode)
        return False

    def read(self, name: str, limit: int) -> bytes | None:
        """Return the content of a regular file, or None if there is nothing of that name.

        Raises InvalidData if it is larger than ``limit`` bytes or no regular file, NotPermitted.
        """
        place = self._place(name)
        try:
            return read_regular_file(name, place, limit, dir_fd=self.descriptor)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise cannot_open(place, error) from error

    def open_or_create(self, name: str) -> int:
        """Return a descriptor to read and write a regular file, created if it does not exist.

        Raises InvalidData if it is no regular file, CannotWrite, Busy.
        """
        place = self._place(name)
        with _writing(place):
            for _ in range(TRIES):  # another process may create or remove it between the two
                with suppress(FileNotFoundError):
                    return open_regular(name, place, os.O_RDWR, dir_fd=self.descriptor)
                with suppress(FileExistsError):
                    return self._created(name, os.O_RDWR)
        raise Busy(f"{place}: is created and removed all the time", hint="try again")

    def create(self, name: str) -> None:
        """Create an empty file, durably. Raises CannotWrite, also if there is one."""
        with _writing(self._place(name)):
            os.close(self._created(name, os.O_WRONLY))
            self.sync()

    def _created(self, name: str, flags: int) -> int:
        return os.open(name, flags | CREATE, 0o600, dir_fd=self.descriptor)

    def replace(
        self,
        name: str,
        content: bytes,
        attributes: Attributes,
        *,
        last_look: Callable[[], None] = lambda: None,
    ) -> None:
        """Replace a file in this directory, or create it, in one step. See ``replace_entry``.

        Raises CannotWrite; then nothing has changed, and no temporary file is left.
        """
        place = self._place(name)
        with _writing(place):
            replace_entry(self.descriptor, place, content, attributes, last_look)

    def rename(self, name: str, other: str) -> None:
        """Rename an entry in this directory, durably. Raises CannotWrite."""
        self._place(name)
        with _writing(self._place(other)):
            self._rename(name, other)
            self.sync()

    def remove(self, *names: str) -> None:
        """Remove files (links themselves), durably, if they are there. Raises CannotWrite."""
        for name in names:
            with _writing(self._place(name)), suppress(FileNotFoundError):
                self._unlink(name)
        with _writing(self.path):
            self.sync()

    def remove_directory(self, name: str) -> None:
        """Remove an empty directory, durably. Raises CannotWrite."""
        with _writing(self._place(name)):
            os.rmdir(name, dir_fd=self.descriptor)
            self.sync()

    def sync(self) -> None:
        """Sync the directory, so that the names in it are durable."""
        os.fsync(self.descriptor)

    def _rename(self, name: str, other: str) -> None:
        os.rename(name, other, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def _unlink(self, name: str) -> None:
        os.unlink(name, dir_fd=self.descriptor)

    def _place(self, name: str) -> Path:
        """Return the path of an entry for messages. Raises InvalidData unless it is one name."""
        if name in {"", ".", ".."} or "/" in name or "\0" in name:
            raise InvalidData(f"{name!r}: is not the name of one entry of {self.path}")
        return self.path / name

    def _status(self, name: str) -> os.stat_result:
        return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)

    def _kind(self, name: str) -> str:
        try:
            return kind_of(self._status(name).st_mode)
        except OSError:
            return "gone by now"


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(place, error) from error


def cannot_open(place: object, error: OSError) -> CredsSessionError:
    """Return the error for an entry that cannot be opened or examined."""
    kind = NotPermitted if isinstance(error, PermissionError) else InvalidData
    return kind(f"{place}: cannot be opened: {error.strerror}")
