"""Make a private directory for a block of code, and remove it afterwards.

The process that made it holds a lock on the directory itself (flock(2)), which ends with the
process. systemd-tmpfiles does not remove a locked directory, however old it is
(https://systemd.io/TEMPORARY_DIRECTORIES). A directory that nobody locks was left by a process that
was killed, and is removed before the next one is made.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from creds_session.errors import CannotWrite
from creds_session.system.files.ownership import is_private, keeps_entries
from creds_session.system.files.replace import DIRECTORY, cannot_write

PREFIX = "creds-exec-"
LONGEST = 107  # bytes in a socket's path, unix(7)
DEEPEST = f"/{PREFIX}12345678/keyring/control"
PLAIN = re.compile(r"/[-0-9A-Za-z_/.]*")  # some D-Bus libraries misread an escaped address


def places(environ: Mapping[str, str]) -> list[str]:
    """Return the directories in which a private directory may be made, the best one first.

    A runtime directory is in memory, and only its user can enter it. It is used only if this
    session's environment names it: the runtime directory of another login ends with that login.
    """
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    temporary = environ.get("TMPDIR", "")
    directories = [runtime] if runtime and is_private(runtime, os.getuid()) else []
    directories += [temporary] if temporary and keeps_entries(temporary) else []
    return [*directories, "/tmp"]  # noqa: S108 - the directory is made as by mkdtemp(3)


def usable(directories: Sequence[str]) -> list[str]:
    """Return the directories whose paths are short and plain enough for the sockets in them."""
    longest = LONGEST - len(DEEPEST)
    return [path for path in directories if PLAIN.fullmatch(path) and len(path) <= longest]


@contextmanager
def private_folder(directories: Sequence[str], abandon: Callable[[str], None]) -> Iterator[str]:
    """Make a private directory in the first of these that allows it; remove it at the end.

    What killed processes left is removed first; ``abandon`` ends the processes that use such a
    directory. Raises CannotWrite.
    """
    for directory in directories:
        _sweep(directory, abandon)
    path, descriptor = _make_in_one_of(directories)
    try:
        yield path
    finally:
        remove_tree(path)
        os.close(descriptor)


def _make_in_one_of(directories: Sequence[str]) -> tuple[str, int]:
    problem = "no directory for a private session can be used"
    for directory in directories:
        try:
            return _make(directory)
        except OSError as error:
            problem = f"{directory}: no directory can be made: {error.strerror}"
    raise CannotWrite(problem, hint="name a directory of yours with a short path: TMPDIR=/tmp")


def _make(directory: str) -> tuple[str, int]:
    """Make and lock a directory; repeat if another process locked it first, to remove it."""
    while True:
        path = tempfile.mkdtemp(prefix=PREFIX, dir=directory)
        try:
            descriptor = _locked(path)
        except OSError:  # NFS cannot lock a directory (flock(2))
            Path(path).rmdir()
            raise
        if descriptor is not None:
            return path, descriptor


def _locked(path: str) -> int | None:
    """Return a descriptor that holds the lock of the directory at this path, or None."""
    try:
        descriptor = os.open(path, DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _sweep(directory: str, abandon: Callable[[str], None]) -> None:
    with suppress(OSError), os.scandir(directory) as listed:
        for entry in [entry for entry in listed if entry.name.startswith(PREFIX)]:
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
                    continue
                descriptor = _locked(entry.path)
                if descriptor is not None:
                    abandon(entry.path)
                    remove_tree(entry.path)
                    os.close(descriptor)


@contextmanager
def folder_unless_failed(directory: str, prefix: str) -> Iterator[str]:
    """Make a directory that only this user can enter; remove it only if the block raises.

    Its name begins with ``prefix``. Raises CannotWrite.
    """
    try:
        path = tempfile.mkdtemp(prefix=prefix, dir=directory)
    except OSError as error:
        raise cannot_write(Path(directory), error) from error
    try:
        yield path
    except BaseException:
        remove_tree(path)
        raise


def remove_tree(path: str) -> None:
    """Remove a directory and its contents, but never a file system that is mounted there.

    A service on the bus may have mounted a person's documents in the runtime directory. Anything
    that cannot be removed stays.
    """
    with suppress(OSError):
        device = os.lstat(path).st_dev
        for folder in reversed(_folders(path, device)):
            _empty(folder)


def _folders(path: str, device: int) -> list[str]:
    """Return a directory and those below it on this device, made writable; follow no link."""
    Path(path).chmod(0o700)
    directories = []
    for directory, below, _files in os.walk(path):
        directories.append(directory)
        below[:] = [name for name in below if _is_folder_on(Path(directory, name), device)]
        for name in below:
            with suppress(OSError):
                Path(directory, name).chmod(0o700)
    return directories


def _is_folder_on(path: Path, device: int) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_dev == device


def _empty(folder: str) -> None:
    """Remove a directory that contains only files."""
    with suppress(OSError):
        with os.scandir(folder) as listed:
            files = [entry.path for entry in listed if not entry.is_dir(follow_symlinks=False)]
        for path in files:
            with suppress(OSError):
                Path(path).unlink()
        Path(folder).rmdir()
