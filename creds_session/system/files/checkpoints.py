"""Save the files of a change before it is made, so that it can be reverted: the checkpoints.

Each change has one directory below ``checkpoints`` in the state directory, with a manifest and
whole copies of the files. Its name is a number of six digits. Its state is ``in progress`` until
the change is verified. If nobody holds the lock, such a checkpoint was left by a run that died.

    000001.new   is being made: first the mark, then the copies, then the manifest
    000001       is complete
    000001.old   is being removed

So a directory whose name is only a number always has a manifest. If the manifest is missing, it was
removed from outside, and the copies of an administrator's files may be the only ones: such a
directory is never removed. Only directories with one of the other two names are swept, and only if
they contain our mark, which is made first (or are empty, because a run died before it).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

from creds_session.errors import CannotWrite, CredsSessionError, InvalidData
from creds_session.records import NamedTuple
from creds_session.system.files import manifest
from creds_session.system.files.directory import Directory
from creds_session.system.files.entry import Entry
from creds_session.system.files.linked_copy import link_over
from creds_session.system.files.manifest import Manifest, SavedFile
from creds_session.system.files.replace import Attributes, digest

CHECKPOINTS = "checkpoints"
MANIFEST = "manifest.json"
MARK = "made-by-creds-setup-pam"
IN_PROGRESS = "in progress"
FINAL = "final"
PRIVATE = Attributes(0o600, os.getuid(), os.getgid(), ())
MODE = 0o700
NUMBERED = re.compile(r"[0-9]{6}")
UNFINISHED = re.compile(r"([0-9]{6})\.(new|old)")
LAST_NUMBER = 999_999
COPY = re.compile(r"0|[1-9][0-9]{0,5}")
TEMPORARY = re.compile(r"\.(manifest\.json|0|[1-9][0-9]{0,5})\.creds-[0-9a-z_]+")
LARGEST_COPY = 1 << 20  # bytes; Root.read reads no larger file either
LARGEST_MANIFEST = 1 << 23  # bytes; a larger one is refused when it is written


class Checkpoint(NamedTuple):
    """One change: the directory of that name among the checkpoints, and what its manifest says."""

    directory: Directory
    name: str
    manifest: Manifest

    def finalized(self) -> Checkpoint:
        """Return the checkpoint with the state "verified", saved durably."""
        return self._durable(self.manifest._replace(state=FINAL))

    def with_written(self, *paths: str) -> Checkpoint:
        """Return the checkpoint with these files as those that may be written, saved durably."""
        return self._durable(self.manifest._replace(written=paths))

    def put_copy(
        self, index: int, entry: Entry, attributes: Attributes, last_look: Callable[[], None]
    ) -> bool:
        """Put the saved copy itself in the place of a file; return whether that was done.

        This needs no space on the disk, but both must be on one file system. The copy keeps its
        name here until the checkpoint is discarded. See ``link_over``. Raises CannotWrite.
        """
        with _opened(self.directory, self.name) as folder:
            return link_over(folder, str(index), entry, attributes, last_look)

    def discard(self) -> None:
        """Remove this checkpoint, after its files were restored."""
        with suppress(CredsSessionError), _opened(self.directory, self.name) as folder:
            if not folder.is_file(MARK):  # made by a version without marks
                folder.create(MARK)
        removed = f"{self.name}.old"
        self.directory.rename(self.name, removed)
        _remove(self.directory, removed)

    def _durable(self, changed: Manifest) -> Checkpoint:
        with _opened(self.directory, self.name) as folder:
            _write(folder, changed)
        return self._replace(manifest=changed)


def refuse_untrusted(state: Directory) -> None:
    """Raise InvalidData if the directory of the checkpoints is not trusted."""
    directory = state.trusted(CHECKPOINTS)
    if directory is not None:
        directory.close()


def open_or_make(state: Directory) -> Directory:
    """Open the directory of all checkpoints. Raises CannotWrite, InvalidData."""
    return state.trusted(CHECKPOINTS) or state.directory_or_make(CHECKPOINTS, MODE)


def save(
    directory: Directory,
    files: tuple[SavedFile, ...],
    made_directories: tuple[str, ...],
    timer: str = "",
) -> Checkpoint:
    """Make a checkpoint durable before its change begins. Raises CannotWrite, InvalidData."""
    name = _next_name(directory)
    made = Manifest(files, made_directories, IN_PROGRESS, timer=timer)
    unfinished = f"{name}.new"
    with directory.make(unfinished, MODE) as folder:
        folder.create(MARK)
        for index, file in enumerate(files):
            if file.before is not None:
                _require_size(file.before, LARGEST_COPY, file.path)
                folder.replace(str(index), file.before, PRIVATE)
        _write(folder, made)
    directory.rename(unfinished, name)
    return Checkpoint(directory, name, made)


def load_all(directory: Directory, *, state: str | None = None) -> Iterator[Checkpoint]:
    """Yield every checkpoint, the newest first, each read when its turn comes.

    One that cannot be read keeps nobody from taking back the others: InvalidData comes after
    them. ``state`` yields only those in it, reads no copies of the others, and passes over those
    whose state cannot be read.
    """
    problems: list[InvalidData] = []
    for name in sorted(filter(NUMBERED.fullmatch, directory.names()), reverse=True):
        if state is not None and _state(directory, name) != state:
            continue
        try:
            checkpoint = _load(directory, name)
        except InvalidData as error:
            problems.append(error)
            continue
        if checkpoint is not None:
            yield checkpoint
    if problems:
        text = "; ".join(error.problem for error in problems)
        raise InvalidData(text, hint=problems[0].hint)


def require_readable(state: Directory) -> None:
    """Raise InvalidData if a checkpoint cannot be read: what reverts a change would stop there."""
    directory = state.trusted(CHECKPOINTS)
    if directory is not None:
        with directory:
            for _checkpoint in load_all(directory):
                pass


def has_timer(state: Directory, timer: str) -> bool:
    """Return whether a change is there that this timer was set for. Raises InvalidData."""
    directory = state.trusted(CHECKPOINTS)
    if directory is None:
        return False
    with directory:
        return any(checkpoint.manifest.timer == timer for checkpoint in load_all(directory))


def sweep(directory: Directory) -> None:
    """Remove what runs that died left unfinished, or did not finish to remove; hold the lock."""
    for name in filter(UNFINISHED.fullmatch, directory.names()):
        with suppress(InvalidData):  # no directory, or one that is not trusted: it stays
            if _is_ours(directory, name):
                _remove(directory, name)


def _next_name(directory: Directory) -> str:
    used = [int(name[:6]) for name in directory.names() if _is_number(name)]
    number = max(used, default=0) + 1
    if number > LAST_NUMBER:
        raise CannotWrite(f"{directory.path}: {LAST_NUMBER} is used, so no number is left")
    return f"{number:06d}"


def _is_number(name: str) -> bool:
    return bool(NUMBERED.fullmatch(name) or UNFINISHED.fullmatch(name))


def _state(directory: Directory, name: str) -> str:
    """Return the state of a checkpoint, or nothing if that cannot be known."""
    with suppress(InvalidData), _opened(directory, name) as folder:
        return manifest.state_of(folder.read(MANIFEST, LARGEST_MANIFEST) or b"")
    return ""


def _load(directory: Directory, name: str) -> Checkpoint | None:
    """Read a checkpoint; None if there is neither a manifest nor a copy. Raises InvalidData."""
    with _opened(directory, name) as folder:
        content = folder.read(MANIFEST, LARGEST_MANIFEST)
        if content is None:
            if any(COPY.fullmatch(entry) and folder.is_file(entry) for entry in folder.names()):
                raise _lost(folder)
            return None
        read = manifest.load(content, partial(_copy, folder), folder.path / MANIFEST)
        return Checkpoint(directory, name, read)


def _copy(folder: Directory, index: int, path: str, expected: object) -> bytes:
    content = folder.read(str(index), LARGEST_COPY)
    if content is None or digest(content) != expected:
        state = "missing" if content is None else "damaged"
        raise InvalidData(f"{folder.path / str(index)}: the saved copy of {path} is {state}")
    return content


def _lost(folder: Directory) -> InvalidData:
    return InvalidData(
        f"{folder.path}: {MANIFEST} is missing, so the copies there cannot be restored",
        hint="compare them with the files in /etc, restore what is needed by hand, then remove it",
    )


def _write(folder: Directory, content: Manifest) -> None:
    written = manifest.dump(content)
    _require_size(written, LARGEST_MANIFEST, "the change")
    folder.replace(MANIFEST, written, PRIVATE)


def _require_size(content: bytes, limit: int, what: str) -> None:
    """Raise InvalidData for what could be written but would be refused when it is needed."""
    if len(content) > limit:
        raise InvalidData(f"{what}: is too large to be saved for revert (limit: {limit} bytes)")


def _is_ours(directory: Directory, name: str) -> bool:
    """Return whether a directory has our mark, or nothing in it."""
    with _opened(directory, name) as folder:
        return folder.is_file(MARK) or not folder.names()


def _remove(directory: Directory, name: str) -> None:
    """Remove our files from a directory, the mark last; then the directory, if nothing is left."""
    with _opened(directory, name) as folder:
        folder.remove(*(entry for entry in folder.names() if _is_our_file(folder, entry)))
        if folder.names() == [MARK] and folder.is_file(MARK):
            folder.remove(MARK)
        is_empty = not folder.names()
    if is_empty:
        directory.remove_directory(name)


def _is_our_file(folder: Directory, entry: str) -> bool:
    has_our_name = entry == MANIFEST or COPY.fullmatch(entry) or TEMPORARY.fullmatch(entry)
    return bool(has_our_name) and folder.is_file(entry)


def _opened(directory: Directory, name: str) -> Directory:
    """Open one checkpoint's directory. Raises InvalidData if it is missing, or not trusted."""
    folder = directory.trusted(name)
    if folder is None:
        raise InvalidData(f"{directory.path / name}: does not exist any more")
    return folder
