"""Find this user's keyring files, and recognise the form of each file."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from creds_session.errors import InvalidData
from creds_session.facts.collection_state import KeyringForm
from creds_session.system.files.listing import names_in
from creds_session.system.files.own_files import read_regular

SEALED = b"GnomeKeyring\n\r\0\n"  # gkm-secret-binary.c:KEYRING_FILE_HEADER
PLAIN = b"[keyring]"  # gkm-secret-textual.c
HEAD = 4096  # bytes of a keyring file that show its form
LONGEST_NAME = 1024  # bytes
LARGEST = 1 << 24  # bytes of a keyring file that are read
SMALL = 1 << 16  # bytes of a keyring file that is checked in less than a millisecond
ENDING = ".keyring"
CONTROL = "keyring/control"  # in the runtime directory (gkd-control-server.c)


def keyrings_directory(environ: Mapping[str, str]) -> str:
    """Return the path of the directory of the keyrings, whether or not it exists."""
    data = environ.get("XDG_DATA_HOME")
    if not data:
        data = f"{environ.get('HOME') or home_of_account()}/.local/share"
    return f"{data}/keyrings"


def home_of_account() -> str:
    """Return the home of the account that this process runs for, or ``/``."""
    from creds_session.system.processes.user_ids import (  # HOME is set nearly always
        own_account,
    )

    return own_account().home or "/"


def keyring_file(environ: Mapping[str, str], name: str) -> str:
    """Return the path of the file of the keyring with this name."""
    return f"{keyrings_directory(environ)}/{name}{ENDING}"


def form_of(path: str, *, is_quick: bool = False) -> KeyringForm:
    """Return the form of a keyring file; a file of another user is not read.

    With ``is_quick`` only the beginning of a large encrypted file is read, so that a truncated file
    is not noticed.
    """
    try:
        status = os.stat(path)  # pathlib would take as long to load as this module
    except (FileNotFoundError, NotADirectoryError):
        return KeyringForm.ABSENT
    except OSError:
        return KeyringForm.UNKNOWN
    head = read_regular(path, HEAD, {os.getuid()}) if stat.S_ISREG(status.st_mode) else None
    is_enough = is_quick and status.st_size > SMALL
    return KeyringForm.UNKNOWN if head is None else _form(head, path, is_quick=is_enough)


def _form(head: bytes, path: str, *, is_quick: bool) -> KeyringForm:
    if not head:
        return KeyringForm.EMPTY
    if head.startswith(SEALED):
        return KeyringForm.SEALED if is_quick else _sealed(path)
    if not any(line.strip() == PLAIN for line in head.splitlines()):
        return KeyringForm.BROKEN
    return KeyringForm.PLAIN if bad_line_of(path) is None else KeyringForm.BROKEN


def _sealed(path: str) -> KeyringForm:
    """Return whether an encrypted file is whole, or was truncated by a full disk or a crash."""
    content = read_regular(path, LARGEST, {os.getuid()})
    if content is None or len(content) == LARGEST:  # the end was not read
        return KeyringForm.SEALED
    from creds_session.facts.sealed_keyring import is_whole  # a plain keyring does not need it

    return KeyringForm.SEALED if is_whole(content) else KeyringForm.BROKEN


def bad_line_of(path: str) -> int | None:
    """Return the number of the line that makes an unencrypted keyring unreadable, or None."""
    from creds_session.facts.plain_keyring import bad_line  # few keyrings are plain

    text = read_regular(path, LARGEST, {os.getuid()})
    if text is None or text.startswith(SEALED) or PLAIN not in text[:HEAD]:
        return None
    return bad_line(text)


def default_name(directory: str) -> str | None:
    """Return the name that the default keyring has by its file (gkd-secret-service.c), or None.

    A file of another user is not read: the name is shown, and a link may lead to any file.
    """
    head = read_regular(f"{directory}/default", LONGEST_NAME, {os.getuid()})
    return None if head is None else head.decode(errors="replace").strip()


def names(directory: str) -> tuple[str, ...]:
    """Return the file names of the keyrings in this directory."""
    try:
        listed = names_in(directory, directory)
    except (InvalidData, OSError):
        return ()
    return tuple(name for name in listed if name.endswith(ENDING))
