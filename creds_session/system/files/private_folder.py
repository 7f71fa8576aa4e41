"""A folder that nobody else sees, and that is gone after us: at once, or with the next one made.

The one who made it holds a lock on the folder itself (flock(2)), which ends with the process
however that ends; systemd-tmpfiles leaves such a folder alone, however old it is
(https://systemd.io/TEMPORARY_DIRECTORIES). One without a holder is what a killed process left.
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
PLAIN = re.compile(r"/[-0-9A-Za-z_/.]*")  # not every D-Bus library reads an escaped address rightly


def places(environ: Mapping[str, str]) -> list[str]:
    """Return where a private folder may be made, the best place first.

    A runtime directory is in memory and nobody else's. It is taken only where this session
    names it: one that another login holds open goes with that login.
    """
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    temporary = environ.get("TMPDIR", "")
    found = [runtime] if runtime and is_private(runtime, os.getuid()) else []
    found += [temporary] if temporary and keeps_entries(temporary) else []
    return [*found, "/tmp"]  # noqa: S108 - as mkdtemp(3) takes it


def usable(directories: Sequence[str]) -> list[str]:
    """Return those in which a folder's sockets can have an address, in the same order."""
    longest = LONGEST - len(DEEPEST)
    return [one for one in directories if PLAIN.fullmatch(one) and len(one) <= longest]


@contextmanager
def private_folder(directories: Sequence[str], abandon: Callable[[str], None]) -> Iterator[str]:
    """Make a folder in the first of these that takes one; remove it at the end.

    What killed processes left there is swept first: ``abandon`` ends what lives in such a folder.
    Raises CannotWrite.
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
    problem = "no folder for a private session can be used"
    for directory in directories:
        try:
            return _make(directory)
        except OSError as error:
            problem = f"{directory}: no folder can be made: {error.strerror}"
    raise CannotWrite(problem, hint="name a folder of yours with a short path: TMPDIR=/tmp")


def _make(directory: str) -> tuple[str, int]:
    """Make one that is locked by us; a sweeper may have been faster with the lock."""
    while True:
        path = tempfile.mkdtemp(prefix=PREFIX, dir=directory)
        try:
            descriptor = _locked(path)
        except OSError:  # NFS locks no folder (flock(2))
            Path(path).rmdir()
            raise
        if descriptor is not None:
            return path, descriptor


def _locked(path: str) -> int | None:
    """Return a descriptor that holds the lock of the folder at this path, or None."""
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
        for entry in [one for one in listed if one.name.startswith(PREFIX)]:
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
    """Remove a folder with all that is in it, but never what is mounted there.

    A service on the bus may have mounted a person's documents in the runtime directory. What
    cannot be removed stays.
    """
    with suppress(OSError):
        device = os.lstat(path).st_dev
        for folder in reversed(_folders(path, device)):
            _empty(folder)


def _folders(path: str, device: int) -> list[str]:
    """Return a folder and those below it on this device, each opened to us; links are none."""
    Path(path).chmod(0o700)
    found = []
    for folder, below, _files in os.walk(path):
        found.append(folder)
        below[:] = [one for one in below if _is_folder_on(Path(folder, one), device)]
        for one in below:
            with suppress(OSError):
                Path(folder, one).chmod(0o700)
    return found


def _is_folder_on(path: Path, device: int) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_dev == device


def _empty(folder: str) -> None:
    """Remove a folder whose own folders are gone."""
    with suppress(OSError):
        with os.scandir(folder) as listed:
            files = [one.path for one in listed if not one.is_dir(follow_symlinks=False)]
        for path in files:
            with suppress(OSError):
                Path(path).unlink()
        Path(folder).rmdir()
