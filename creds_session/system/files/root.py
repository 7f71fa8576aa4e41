"""Every path goes through a Root, so that ``--root DIR`` cannot be forgotten.

A Root holds its directory open. Each path below it is looked up from there, one component after
the other (``walk``), whenever it is used, and what is read or written is an entry of a directory
that was opened in this way. So another process cannot lead out of the root by a change of the tree.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from creds_session.errors import CredsSessionError, InvalidData, NoSuchFile, NotPermitted
from creds_session.system.files.directory import Directory
from creds_session.system.files.entry import Entry
from creds_session.system.files.regular_file import read_regular_file
from creds_session.system.files.replace import DIRECTORY
from creds_session.system.files.walk import MAX_LINKS, SELF, walk

__all__ = ["MAX_LINKS", "Root"]

TOP = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
MODE_OF_DIRECTORIES = 0o755


class Root:
    """A directory that is taken for ``/``: a running system, an image or a mounted system.

    ``directory`` is its path, and only messages use it.
    """

    def __init__(self, directory: Path = Path("/"), descriptor: int | None = None) -> None:
        self.directory = directory
        self._descriptor = descriptor
        if descriptor is not None:
            weakref.finalize(self, os.close, descriptor)

    @classmethod
    def at(cls, path: str) -> Root:
        """Open the directory that a person named.

        A link on the way is followed only if it and the directory that it is in belong to root or
        to the user who runs this: another user could let it lead to ``/``. Raises NoSuchFile,
        NotPermitted, InvalidData.
        """
        top = os.open("/", TOP)
        try:
            whole = path if path.startswith("/") else f"{os.getcwd()}/{path}"
            with walk(top, whole, trust=_require_own_link) as place:
                descriptor = os.open(place.name, TOP | os.O_NOFOLLOW, dir_fd=place.directory)
                return cls(Path(place.path), descriptor)
        except (FileNotFoundError, NotADirectoryError):
            raise NoSuchFile(f"{path}: no such directory") from None
        except OSError as error:
            raise _cannot_read(path, error) from error
        finally:
            os.close(top)

    @property
    def is_running_system(self) -> bool:
        """Return whether this is the system that runs this process."""
        with suppress(OSError):
            return os.path.samestat(os.fstat(self._top()), os.stat("/"))
        return False

    def _top(self) -> int:
        """Return the descriptor of the directory, which is opened once. Raises OSError."""
        if self._descriptor is None:
            self._descriptor = os.open(self.directory, TOP)
            weakref.finalize(self, os.close, self._descriptor)
        return self._descriptor

    def path(self, path: str) -> Path:
        """Return where ``path`` lies on this system, its links not followed. For messages."""
        return self.directory / path.lstrip("/")

    def top(self) -> Directory:
        """Open the directory itself. Raises NoSuchFile, NotPermitted, InvalidData."""
        try:
            return self._opened(self._top(), SELF, "/")
        except FileNotFoundError:
            raise NoSuchFile(f"{self.directory}: no such directory") from None
        except OSError as error:
            raise _cannot_read(str(self.directory), error) from error

    def resolve(self, path: str) -> str | None:
        """Return the path, below the root and without links, to which a path leads now.

        Neither an absolute link nor ``..`` leads out of it. Nothing is opened by what is returned.
        Returns None if ``..`` or a file stands in the place of a directory that does not exist.
        Raises InvalidData for a loop, NotPermitted.
        """
        try:
            with self._reading(path), walk(self._top(), path) as place:
                return place.path
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read(self, path: str, limit: int = 1 << 20) -> bytes | None:
        """Return the content of a regular file, or None if there is none.

        Raises InvalidData for a file larger than ``limit`` bytes, NotRegular (an InvalidData) for
        what is not a regular file and for a loop of links, and NotPermitted.
        """
        try:
            with self._reading(path), walk(self._top(), path) as place:
                if place.missing:
                    return None
                return read_regular_file(place.name, path, limit, dir_fd=place.directory)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def exists(self, path: str, *, last: bool = True) -> bool:
        """Return whether something is there that may be looked at.

        ``last``: a link as the last component is followed; else the link itself counts.
        """
        with suppress(OSError, InvalidData), walk(self._top(), path, last=last) as place:
            if place.name != SELF:  # which is open
                os.stat(place.name, dir_fd=place.directory, follow_symlinks=False)
            return not place.missing
        return False

    def names(self, path: str) -> list[str]:
        """Return the names in a directory, sorted; none if there is no directory.

        Raises NotPermitted, and InvalidData if there are too many.
        """
        directory = self.directory_at(path)
        if directory is None:
            return []
        with directory:
            return directory.names()

    def directory_at(self, path: str) -> Directory | None:
        """Open the directory to which a path leads; None if there is none. Raises NotPermitted."""
        try:
            with self._reading(path), walk(self._top(), path) as place:
                if not place.missing:
                    return self._opened(place.directory, place.name, place.path)
        except (FileNotFoundError, NotADirectoryError):
            pass
        return None

    @contextmanager
    def entry(self, path: str) -> Iterator[Entry | None]:
        """Yield the directory entry that a path names, which may be a link itself.

        The directory stays open, so that the same entry is examined and written. Yields None if
        there is no such directory. Raises NotPermitted, InvalidData.
        """
        entry = self._entry(path)
        if entry is None:
            yield None
            return
        with entry.directory:
            yield entry

    def _entry(self, path: str) -> Entry | None:
        try:
            with self._reading(path), walk(self._top(), path, last=False) as place:
                if not place.missing and place.name != SELF:
                    above = os.path.dirname(place.path)  # a path of the root
                    return Entry(self._opened(place.directory, SELF, above), place.name)
        except (FileNotFoundError, NotADirectoryError):
            pass
        return None

    def missing_directories(self, path: str) -> tuple[str, ...]:
        """Return the directories above a path that do not exist, the topmost first.

        Raises NotPermitted, InvalidData.
        """
        above = os.path.dirname(path)  # a path of the root
        try:
            with self._reading(path), walk(self._top(), above) as place:
                names = place.path.split("/")
                count = len(place.missing)
                return tuple("/".join(names[: len(names) - n]) for n in reversed(range(count)))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise InvalidData(f"{above}: is not a directory") from error

    @contextmanager
    def entry_to_write(self, path: str) -> Iterator[Entry]:
        """Yield the entry that a path names, after making the missing directories above it.

        Raises CannotWrite, NotPermitted, InvalidData.
        """
        for missing in self.missing_directories(path):
            with self.entry(missing) as entry:
                if entry is not None:
                    made = entry.directory.directory_or_make(entry.name, MODE_OF_DIRECTORIES)
                    made.close()
        with self.entry(path) as entry:
            if entry is None:
                raise InvalidData(
                    f"{path}: the directory that it is in is gone, or is no directory"
                )
            yield entry

    def _opened(self, directory: int, name: str, path: str) -> Directory:
        descriptor = os.open(name, DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
        return Directory(descriptor, self.path(path))

    @contextmanager
    def _reading(self, path: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError):
            raise
        except (OSError, ValueError) as error:
            raise _cannot_read(path, error) from error


def _require_own_link(path: str, link: os.stat_result, directory: os.stat_result) -> None:
    """Raise InvalidData for a link whose text another user decides."""
    trusted = {0, os.geteuid()}
    for status in (link, directory):
        if status.st_uid not in trusted:
            raise InvalidData(
                f"{path}: is a link that user id {status.st_uid} can lead anywhere",
                hint="name the directory itself",
            )


def _cannot_read(path: str, error: Exception) -> CredsSessionError:
    if isinstance(error, PermissionError):
        return NotPermitted(f"{path}: cannot be read: {error.strerror}")
    return InvalidData(f"{path}: cannot be read: {error}")
