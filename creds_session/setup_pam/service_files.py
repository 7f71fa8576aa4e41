"""Read the PAM files of a root directory, and find the file of a service."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from typing import Final

from creds_session.errors import NoSuchFile
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.probe.installation import probe_dialect
from creds_session.probe.libpam_directories import directories_of_services
from creds_session.system.files.regular_file import AlwaysEmpty, CannotBeOpened, NotRegular
from creds_session.system.files.root import Root

MAX_FILE: Final = 1 << 16
"""The largest PAM file that is read, in bytes; the largest real one seen has a tenth of that."""

_LEFT_OVERS: Final = (
    *("*~", "*.bak", "*.orig", ".*"),
    *("*.dpkg-*", "*.ucf-*", "*.rpm*", "*.pacnew", "*.pacsave"),
)
"""Names of files that no program uses as its service."""

MAKE_PLAIN: Final = (
    "make {path} a plain file that can be read, or move it away; then run the command again"
)

VENDOR_DIRECTORIES: Final = ("/usr/etc/pam.d", "/usr/share/pam.d", "/usr/local/etc/pam.d")
"""Directories of some distributions (openSUSE, Clear Linux) and of programs built by hand."""


def pam_files(root: Root) -> PamFiles:
    """Return the PAM files of this root directory; each file is read once."""
    known: dict[str, bytes | None] = {}

    def read(path: str) -> bytes | None:
        if path not in known:
            known[path] = _read(root, path)
        return known[path]

    return PamFiles(read, probe_dialect(root), root.names, directories_of_services(root))


def _read(root: Root, path: str) -> bytes | None:
    try:
        return root.read(path, limit=MAX_FILE)
    except NotRegular as error:
        raise type(error)(error.problem, hint=MAKE_PLAIN.format(path=path)) from error


def as_libpam_opens(
    files: PamFiles, tell: Callable[[str], object] = lambda _: None, *, is_proof: bool = True
) -> PamFiles:
    """Return the same files, and for what is not a regular file what libpam finds there.

        what stands there          fopen(3)                 it counts as
        socket, loop of links      fails                    no file: libpam takes the next directory
        directory, /dev/null       opens; nothing is read   an empty file
        FIFO, any other device     waits, or reads any rule an error: no proof is possible

    ``tell`` is called with the problem of each one that is read. Without ``is_proof``, a FIFO or a
    device counts as empty, too.
    Source: libpam/pam_handlers.c:_pam_open_config_file; each row was tried with libpam 1.5.2.
    """

    def read(path: str) -> bytes | None:
        try:
            return files.read(path)
        except NotRegular as error:
            tell(error.problem)
            if isinstance(error, CannotBeOpened):
                return None
            if is_proof and not isinstance(error, AlwaysEmpty):
                raise
            return b""

    return files._replace(read=read)


def used_names(names: Iterable[str]) -> list[str]:
    """Return the names that a program may use as its service."""
    return [name for name in names if not any(fnmatch.fnmatch(name, left) for left in _LEFT_OVERS)]


def find_service(service: str, files: PamFiles) -> str:
    """Return the path of a service's file: the first one that libpam finds.

    Raises:
        NoSuchFile: The service has no file; the hint says what to do.
    """
    directories = files.places
    for directory in directories if "/" not in service else ():
        path = f"{directory}/{service}"
        if files.read(path) is not None:
            return path
    raise NoSuchFile(
        f"there is no PAM service {service!r}: no file of that name in {', '.join(directories)}",
        hint=_other_place(service, files),
    )


def _other_place(service: str, files: PamFiles) -> str:
    """Return a hint: a file in a directory that libpam may read, or what could bring a file."""
    is_known = files.directories is not None
    for directory in VENDOR_DIRECTORIES if "/" not in service and not is_known else ():
        path = f"{directory}/{service}"
        if files.read(path) is not None:
            return (
                f"{path} exists, but whether libpam reads that directory depends on how it was"
                f" built; if it does, copy the file to /etc/pam.d/{service}, which libpam reads"
                " first"
            )
    return "the package of that program brings the file; --service NAME names another service"
