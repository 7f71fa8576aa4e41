"""Replace a file in one step, with everything that belonged to it."""

from __future__ import annotations

import errno
import os
import shlex
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from creds_session.errors import CannotWrite, InvalidData
from creds_session.records import NamedTuple

# They vouch for the old content; copied to another one, they would have the kernel refuse it.
SIGNATURES = frozenset({"security.ima", "security.evm"})
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
CREATE = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Attributes(NamedTuple):
    """The mode, the owner and the extended attributes of a file."""

    mode: int
    uid: int
    gid: int
    extended: tuple[tuple[str, bytes], ...]  # ACLs and SELinux labels are among them

    @classmethod
    def read(cls, path: Path) -> Attributes:
        """Read them without following links. Raises InvalidData if one cannot be read."""
        try:
            status = os.lstat(path)
            names = [name for name in _attribute_names(path) if name not in SIGNATURES]
            extended = tuple((n, os.getxattr(path, n, follow_symlinks=False)) for n in names)
        except OSError as error:
            raise InvalidData(f"{path}: its attributes cannot be read: {error.strerror}") from error
        return cls(status.st_mode & 0o7777, status.st_uid, status.st_gid, extended)

    @classmethod
    def of(cls, descriptor: int) -> Attributes:
        """Read the attributes of an open file. Raises OSError."""
        status = os.fstat(descriptor)
        names = [name for name in _attribute_names(descriptor) if name not in SIGNATURES]
        extended = tuple((name, os.getxattr(descriptor, name)) for name in names)
        return cls(status.st_mode & 0o7777, status.st_uid, status.st_gid, extended)

    def write(self, descriptor: int, path: Path) -> None:
        """Set these attributes on an open file; the owner first, because chown clears mode bits."""
        try:
            os.fchown(descriptor, self.uid, self.gid)
        except PermissionError as error:
            raise CannotWrite(
                f"{path}: cannot be written for its owner, user id {self.uid}",
                hint="only root may keep the owner",
                root_may=True,
            ) from error
        os.fchmod(descriptor, self.mode)
        for name, value in self.extended:
            os.setxattr(descriptor, name, value)


def _attribute_names(file: Path | int) -> list[str]:
    try:
        return os.listxattr(file, follow_symlinks=isinstance(file, int))
    except OSError as error:
        if error.errno == errno.ENOTSUP:  # this file system has none
            return []
        raise


def digest(content: bytes) -> str:
    """Return the SHA-256 of the content, in hexadecimal."""
    import hashlib  # a file that is only read needs none of these

    return hashlib.sha256(content).hexdigest()


def refuse_unless_plain(path: Path | str, shown: str, *, dir_fd: int | None = None) -> None:
    """Raise InvalidData unless the path is a regular file with one name, and OSError."""
    status = os.lstat(path, dir_fd=dir_fd)
    if stat.S_ISLNK(status.st_mode):
        raise InvalidData(
            f"{shown}: a symbolic link to {os.readlink(path, dir_fd=dir_fd)}",
            hint="if a tool made the link, make the change by that tool; else put a copy of the"
            " file in the place of the link (cp --remove-destination), and try again",
        )
    if not stat.S_ISREG(status.st_mode):
        raise InvalidData(f"{shown}: not a regular file")
    if status.st_nlink > 1:
        raise InvalidData(
            f"{shown}: has {status.st_nlink} names (hard links)",
            hint="replacing it would separate them; first make it a file with one name",
        )


def replace(
    path: Path,
    content: bytes,
    attributes: Attributes,
    *,
    last_look: Callable[[], None] = lambda: None,
) -> None:
    """Replace the file at a path; see ``replace_entry``. Raises CannotWrite."""
    try:
        directory = os.open(path.parent, DIRECTORY)
        try:
            replace_entry(directory, path, content, attributes, last_look)
        finally:
            os.close(directory)
    except OSError as error:
        raise cannot_write(path, error) from error


def replace_entry(
    directory: int,
    place: Path,
    content: bytes,
    attributes: Attributes,
    last_look: Callable[[], None],
) -> None:
    """Replace the file that has the name of ``place`` in an open directory.

    The content is written to a temporary file beside it, synced, and renamed over it. At no moment
    is the file missing, short or half written. ``last_look`` is called right before the rename and
    may raise, because other tools do not know our lock. Raises OSError, and CannotWrite if the
    owner cannot be kept; then nothing has changed, and no temporary file is left.
    """
    name = place.name
    temporary = f"{temporary_prefix(name)}{os.urandom(6).hex()}"
    descriptor = os.open(temporary, os.O_WRONLY | CREATE, 0o600, dir_fd=directory)
    try:
        with open(descriptor, "wb") as file:  # open() also takes a descriptor
            file.write(content)
            file.flush()
            attributes.write(file.fileno(), place)
            os.fsync(file.fileno())
        last_look()
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        os.fsync(directory)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=directory)


PAGE = 4096  # bytes; a write(2) of no more is not cut short by a signal, nor by a cut of power


def overwrite(descriptor: int, now: bytes, content: bytes) -> bool:
    """Write this content into an open file that contains ``now``; this needs no disk space.

    Return whether that was done. This is only for a full disk, and only if no other process can see
    half of the change: both contents fit into one page, and the new content is not longer. It is
    written in one step, filled up with newlines, which are blank lines to libpam, and then the file
    is shortened. Raises OSError: a file system that never writes in place may be full for this too.
    """
    if not len(content) <= len(now) <= PAGE or os.pread(descriptor, PAGE + 1, 0) != now:
        return False
    written = os.pwrite(descriptor, content.ljust(len(now), b"\n"), 0)
    if written == len(now):
        os.fsync(descriptor)
        os.ftruncate(descriptor, len(content))
        os.fsync(descriptor)
    return written == len(now)


def temporary_prefix(name: str) -> str:
    """Return how the names of the temporary files for this file begin."""
    return f".{name}.creds-"


def read_if_there(path: Path) -> bytes | None:
    """Return the content of a file, or None if it does not exist. Raises InvalidData."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidData(f"{path}: cannot be read: {error.strerror}") from error


def back_up(path: Path, copy: Path) -> bytes:
    """Make a durable copy that only its owner can read; return the content.

    The copy never replaces an existing file. Raises InvalidData if the file cannot be read, and
    CannotWrite; then no copy is left.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidData(f"{path}: cannot be read: {error.strerror}") from error
    try:
        descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise cannot_write(copy, error) from error
    try:
        with open(descriptor, "wb") as file:  # open() also takes a descriptor
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        sync_directory(copy.parent)
    except BaseException as error:
        with suppress(OSError):
            copy.unlink()
        if isinstance(error, OSError):
            raise cannot_write(copy, error) from error
        raise
    return content


def remove(path: Path) -> None:
    """Remove a file if it is there, and sync its directory. Raises CannotWrite."""
    try:
        path.unlink(missing_ok=True)
        sync_directory(path.parent)
    except FileNotFoundError:
        return  # its directory does not exist either
    except OSError as error:
        raise cannot_write(path, error) from error


def make_directory(path: Path, mode: int) -> list[Path]:
    """Make a directory and its missing parents; return those that were made, the topmost first."""
    missing = [path, *path.parents]
    made = [directory for directory in reversed(missing) if not directory.exists()]
    try:
        for directory in made:
            directory.mkdir(mode=mode)
            directory.chmod(mode)
            sync_directory(directory.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    return made


def sync_directory(path: Path) -> None:
    """Sync a directory, so that the names in it are durable."""
    descriptor = os.open(path, DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cannot_write(path: Path, error: OSError) -> CannotWrite:
    """Return the error for a file that the file system does not let us write."""
    hints = {
        errno.EROFS: "the file system is read-only; mount it writable first",
        errno.ENOSPC: "the disk is full",
        errno.EPERM: "the file may be immutable; look with: lsattr",
        errno.EACCES: f"see who may write there: ls -ld {shlex.quote(str(path.parent))}",
    }
    return CannotWrite(
        f"{path}: cannot be written: {os.strerror(error.errno or 0)}",
        hint=hints.get(error.errno or 0, ""),
        root_may=error.errno == errno.EACCES,
    )
