r"""Several files changed as one: all of them, verified, or none.

    lock -> save (durable) -> record, write each -> verify -> settle -> finalize
                                       \________________\________\__ on any failure: restore

A signal that would end the process is such a failure, and is looked for between two steps. What
SIGKILL or a power cut leaves is ``in progress``: ``recover`` takes it back. ``take_back`` is the
same step for every change, finished or not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from creds_session.errors import Busy, CredsSessionError, InvalidData
from creds_session.setup_pam.restore import Check, one_error, require_still, restore
from creds_session.setup_pam.reverse_edits import saved_edits, without_edits
from creds_session.system.files import checkpoints
from creds_session.system.files.checkpoints import IN_PROGRESS, Checkpoint
from creds_session.system.files.directory import Directory
from creds_session.system.files.entry import Entry
from creds_session.system.files.lock import exclusive
from creds_session.system.files.manifest import SavedEdit, SavedFile
from creds_session.system.files.replace import Attributes, cannot_write
from creds_session.system.files.root import Root
from creds_session.system.files.state import LOCK, STATE, state_directory, state_directory_if_there
from creds_session.system.processes.deferred_signals import deferred_signals

__all__ = [
    "FileChange",
    "Waiting",
    "change",
    "is_unfinished",
    "recover",
    "revert",
    "saved_edits",
    "without_edits",
]

NEW_FILE_MODE = 0o644


class FileChange(NamedTuple):
    """One file: ``before`` is what the plan was made from, None where there is no file."""

    path: str
    before: bytes | None
    after: bytes
    edits: tuple[SavedEdit, ...] = ()


def _nothing() -> None:
    pass


class Waiting(NamedTuple):
    """Whether a change waits to be confirmed.

    ``timer`` is the unit that reverts it, or empty. ``settle`` is called as the last thing before
    the change stands, and raises if it must not.
    """

    timer: str = ""
    settle: Callable[[], None] = _nothing


Within = Callable[[Directory], AbstractContextManager[Waiting]]


def change(
    root: Root,
    files: tuple[FileChange, ...],
    verify: Callable[[], None],
    within: Within = lambda _state: nullcontext(Waiting()),
) -> None:
    """Make the change, or leave everything as it was.

    ``verify`` looks at what was written and raises to have it undone. ``within`` is given the
    state directory, whose lock is held, and is what the change is made in. Raises Busy if a file is
    no longer what the plan was made from, or if an unfinished change has to be recovered first;
    CannotWrite; InvalidData; Interrupted if a signal came.
    """
    with deferred_signals() as signals, _locked(root) as (state, directory):
        if any(checkpoints.load_all(directory, state=IN_PROGRESS)):
            raise Busy("another run was ended before its change was done", hint="run it again")
        with within(state) as waiting:
            signals.raise_if_ended()
            checkpoint = _saved(root, directory, files, waiting.timer)
            try:
                for file in checkpoint.manifest.files:
                    signals.raise_if_ended()
                    written = checkpoint.manifest.written
                    recorded = checkpoint.with_written(*written, file.path)
                    _require_as_planned(root, file)
                    checkpoint = recorded
                    _write(root, file)
                verify()
                signals.raise_if_ended()
                waiting.settle()
                checkpoint.finalized()
            except BaseException:
                restore(root, checkpoint).raise_refused()
                raise


def revert(
    root: Root,
    check: Check = lambda *_: None,
    then: Callable[[Directory], None] = lambda _state: None,
    only_if: Callable[[Directory], bool] = lambda _state: True,
    *,
    timer: str | None = None,
    done: Callable[[str], None] = lambda _path: None,
) -> tuple[str, ...]:
    """Take back every change that was made, the newest first; return the files touched.

    ``timer`` takes back only the change that this timer was set for. ``check(path, now, content)``
    is asked before a file that others edited since is written, and may raise; then that change
    stays to be taken back, and so do earlier ones of the same file. ``done`` is called for each
    file once it was written. ``then`` is called with the state directory while the lock is held,
    if all was taken back, and so is ``only_if``, before all else: if it says no, nothing is taken
    back. The first error is raised after everything else was taken back: InvalidData also for a
    checkpoint that cannot be read, which stays as it is.
    """
    touched: list[str] = []
    with deferred_signals(), _locked(root) as (state, directory):
        if not only_if(state):
            return ()
        for path in _reverted(root, directory, check, timer):
            touched.append(path)
            done(path)
        then(state)
    return tuple(dict.fromkeys(touched))


def _reverted(root: Root, directory: Directory, check: Check, timer: str | None) -> Iterator[str]:
    """Take back one change after the other; yield each file that was written; then raise."""
    errors: list[CredsSessionError] = []
    left: set[str] = set()
    is_found = False
    try:
        for checkpoint in checkpoints.load_all(directory):
            if timer not in {None, checkpoint.manifest.timer}:
                continue
            is_found = True
            try:
                restored = restore(root, checkpoint, check, left)
            except CredsSessionError as error:  # its files are as they were; it is not forgotten
                errors.append(error)
                continue
            left.update(restored.refused)
            errors += restored.refused.values()
            yield from restored.touched
    except InvalidData as error:
        if timer is None or not is_found:  # the one that cannot be read may be the timer's own
            errors.append(error)
    if errors:
        raise one_error(errors)


def is_unfinished(state: Directory) -> bool:
    """Return whether a change was begun and not finished; the lock tells whether it still runs."""
    directory = state.trusted(checkpoints.CHECKPOINTS)
    if directory is None:
        return False
    with directory:
        return any(checkpoints.load_all(directory, state=IN_PROGRESS))


def recover(
    root: Root, then: Callable[[Directory, Checkpoint | None], None] = lambda *_: None
) -> tuple[str, ...]:
    """Take back what a run that died had begun; return the files that were written.

    ``then`` is called while the lock is held, with the state directory and what was taken back.
    """
    with state_directory_if_there(root) as state:
        if state is None:
            return ()
    touched: list[str] = []
    with deferred_signals(), _locked(root) as (state, directory):
        checkpoint = None
        for checkpoint in checkpoints.load_all(directory, state=IN_PROGRESS):
            restored = restore(root, checkpoint)
            touched += restored.touched
            restored.raise_refused()
        then(state, checkpoint)
    return tuple(dict.fromkeys(touched))


@contextmanager
def _locked(root: Root) -> Iterator[tuple[Directory, Directory]]:
    """Hold the lock; give the state directory and that of the checkpoints, both open."""
    try:
        with state_directory(root) as state:
            checkpoints.refuse_untrusted(state)  # before a lock is made beside them
            with exclusive(state, LOCK), checkpoints.open_or_make(state) as directory:
                checkpoints.sweep(directory)
                yield state, directory
    except OSError as error:
        raise cannot_write(Path(error.filename or root.path(STATE)), error) from error


def _saved(
    root: Root, directory: Directory, files: tuple[FileChange, ...], timer: str
) -> Checkpoint:
    """Save what is there, durably."""
    saved = tuple(_save(root, file) for file in files)
    new = [file.path for file in files if file.before is None]
    missing = tuple(made for path in new for made in reversed(root.missing_directories(path)))
    return checkpoints.save(directory, saved, missing, timer)


def _save(root: Root, file: FileChange) -> SavedFile:
    if root.read(file.path) != file.before:
        raise Busy(f"{file.path}: changed while it was being looked at", hint="run it again")
    attributes = None
    with root.entry(file.path) as entry:
        if entry is not None and entry.is_there():  # a link to nothing reads as no file
            entry.refuse_unless_plain(file.path)
            attributes = entry.attributes(file.path)
    return SavedFile(file.path, file.before, file.after, attributes, file.edits)


def _require_as_planned(root: Root, file: SavedFile) -> None:
    if root.read(file.path) != file.before:
        raise Busy(f"{file.path}: changed while it was being written", hint="run it again")


def _write(root: Root, file: SavedFile) -> None:
    with root.entry_to_write(file.path) as entry:
        attributes = file.attributes
        if attributes is None:
            owner = os.fstat(entry.directory.descriptor)
            attributes = Attributes(NEW_FILE_MODE, owner.st_uid, owner.st_gid, ())
        entry.replace(file.after, attributes, lambda: _last_look(root, entry, file))


def _last_look(root: Root, entry: Entry, file: SavedFile) -> None:
    """Raise Busy unless content and attributes are those that the new file was made from.

    Both are looked at in the directory that is written to; and the path must still lead there.
    """
    require_still(root, entry, file.path, file.before)
    if file.attributes is not None and entry.attributes(file.path) != file.attributes:
        raise Busy(f"{file.path}: its mode or owner changed meanwhile", hint="run it again")
