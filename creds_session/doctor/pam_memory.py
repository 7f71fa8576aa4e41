"""Remember the answers about PAM's files until one of the files or this program changes.

The proof takes a fifth of the doctor's time, and its answers depend on nothing but the texts of the
files, the release of libpam and the code of the proof. A digest of all of these is kept with the
answers, in the runtime directory, and other answers are not looked at. Decision 22 says what is
trusted, and why.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from creds_session.doctor.checks.pam_answers import PamAnswers, answers_of
from creds_session.errors import CredsSessionError
from creds_session.facts.snapshot import Facts
from creds_session.system.files.digest import digest
from creds_session.system.files.directory import Directory
from creds_session.system.files.ownership import is_closed_to_others, is_private, weakness
from creds_session.system.files.regular_file import open_regular
from creds_session.system.files.replace import Attributes
from creds_session.version import __version__

FOLDER, NAME = "creds-session", "pam-answers.json"
LARGEST = 1 << 20  # bytes; the answers about Debian's files have about 7,000
MODE, MODE_OF_FOLDER = 0o600, 0o700
_PACKAGE = os.path.dirname(os.path.dirname(__file__))
_CODE = (
    *(".", "facts", "doctor", "doctor/checks"),
    *("pam", "pam/syntax", "pam/stack", "pam/modules", "pam/keyring_rules"),
)
"""The directories of the code that finds the answers, and of what it loads."""

_UNUSABLE = (
    *(OSError, CredsSessionError),
    *(ValueError, TypeError, LookupError, AttributeError, RecursionError),
)
"""What is raised if the directory or the file is not as this program makes it."""


class PamMemory:
    """The memory of this user's runtime directory, for the PAM files of some facts.

    Nothing here raises: if anything is unusual, nothing is remembered.
    """

    def __init__(self, environ: Mapping[str, str], facts: Facts) -> None:
        self._answers = answers_of(facts.pam)
        self._runtime = "" if "runtime" in facts.hung else environ.get("XDG_RUNTIME_DIR", "")
        self._key = ""

    def recall(self) -> None:
        """Let the checks know the answers that were found out for exactly these files."""
        with suppress(*_UNUSABLE):
            self._key = key_of(self._answers)
            with _folder(self._runtime, is_made=False) as folder:
                kept = json.loads(_read(folder))
            if kept["key"] == self._key:
                self._answers.recall(kept["answers"])

    def keep(self) -> None:
        """Keep the answers for the next run, if some of them are new.

        The code that found them was loaded after ``recall``. If it was replaced in the meantime,
        nobody knows which code that was, and nothing is kept.
        """
        if not self._answers.is_new:
            return
        with suppress(*_UNUSABLE):
            if self._key != key_of(self._answers):
                return
            kept = {"key": self._key, "answers": self._answers.known}
            attributes = Attributes(MODE, os.geteuid(), os.getegid(), ())
            with _folder(self._runtime, is_made=True) as folder:
                folder.replace(NAME, json.dumps(kept).encode(), attributes)


def key_of(answers: PamAnswers) -> str:
    """Return the digest of all that the answers depend on. Raises OSError."""
    return digest(_parts(answers))


def _parts(answers: PamAnswers) -> Iterator[bytes]:
    pam = answers.pam
    yield f"{__version__} {sys.version} {pam.dialect.name} {pam.directories}".encode()
    for directory in _CODE:
        with os.scandir(f"{_PACKAGE}/{directory}") as listed:
            code = sorted(_identity(entry) for entry in listed if entry.name.endswith(".py"))
        if not code:
            raise FileNotFoundError(directory)
        yield f"{directory}: {len(code)}".encode()
        yield from code
    for path, content in sorted(pam.files.items()):
        yield os.fsencode(path)
        yield content


def _identity(file: os.DirEntry[str]) -> bytes:
    """Return what changes if a file is changed or replaced (stat(2))."""
    status = file.stat()
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return f"{file.path} {status.st_dev} {status.st_ino} {status.st_size} {times}".encode()


def _folder(runtime: str, *, is_made: bool) -> Directory:
    """Open the directory of the memory, or make it; no link on the way to it is followed.

    Only this user can enter it and the runtime directory. For root, nobody else may be able to
    change anything on the way to them. Raises OSError, CredsSessionError.
    """
    uid = os.geteuid()
    if not runtime.startswith("/") or uid != os.getuid() or not is_private(runtime, uid):
        raise FileNotFoundError(runtime)
    if uid == 0 and weakness(runtime) is not None:
        raise FileNotFoundError(runtime)
    with Directory.open(Path(runtime)) as top:
        _require_own(top.descriptor)
        folder = top.directory_or_make(FOLDER, MODE_OF_FOLDER) if is_made else top.directory(FOLDER)
    if folder is None:
        raise FileNotFoundError(runtime)
    try:
        _require_own(folder.descriptor)
    except BaseException:
        folder.close()
        raise
    return folder


def _read(folder: Directory) -> bytes:
    """Return the content of the memory's file. Raises OSError, InvalidData."""
    descriptor = open_regular(NAME, folder.path / NAME, os.O_RDONLY, dir_fd=folder.descriptor)
    with open(descriptor, "rb") as file:
        status = _require_own(descriptor)
        if status.st_nlink != 1 or status.st_size > LARGEST:
            raise PermissionError(NAME)
        return file.read(LARGEST)


def _require_own(descriptor: int) -> os.stat_result:
    """Raise PermissionError unless only this user may use what is open."""
    status = os.fstat(descriptor)
    if status.st_uid != os.geteuid() or not is_closed_to_others(status):
        raise PermissionError(descriptor)
    return status
