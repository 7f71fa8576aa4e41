r"""Change several files as one: all of them, verified, or none.

    lock -> save (durable) -> record, write each -> verify -> settle -> finalize
                                       \________________\________\__ on any failure: restore

A signal that would end the process is such a failure; it is looked for between two steps. A change
that SIGKILL or a power cut interrupted is ``in progress``: ``recover`` reverts it. ``revert`` does
the same with every change, finished or not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from creds_session.errors import Busy, CredsSessionError, InvalidData
from creds_session.setup_pam.restore import AGAIN, Check, one_error, require_still, restore
from creds_session.system.files import checkpoints
from creds_session.system.files.checkpoints import IN_PROGRESS, Checkpoint
from creds_session.system.files.directory import Directory
from creds_session.system.files.entry import Entry
from creds_session.system.files.lock import exclusive
from creds_session.system.files.manifest import SavedEdit, SavedFile
from creds_session.system.files.replace import Attributes, cannot_write
from creds_session.system.files.reverse_edits import saved_edits, without_edits
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
    """One file: ``before`` is the content that it has now, or None for no file.

    For ``vendor`` and ``keeps_vendor`` see ``SavedFile``.
    """

    path: str
    before: bytes | None
    after: bytes
    edits: tuple[SavedEdit, ...] = ()
    vendor: bytes | None = None
    keeps_vendor: bool = False


def _nothing() -> None:
    pass


class Waiting(NamedTuple):
    """Whether a change waits to be confirmed.

    ``timer`` is the unit that reverts it, or "". ``settle`` is called last before the change is
    final, and raises if the change must be undone.
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

    ``verify`` checks the written files, and raises to undo them. ``within`` gets the state
    directory, whose lock is held; the change is made inside its context.

    Raises:
        Busy: A file has changed since the plan, or an unfinished change must be recovered first.
        CannotWrite: A file could not be written.
        InvalidData: A file is not a plain file.
        Interrupted: A signal came.
    """
    with deferred_signals() as signals, _locked(root) as (state, directory):
        if any(checkpoints.load_all(directory, state=IN_PROGRESS)):
            raise Busy("another run was ended before its change was done", hint=AGAIN)
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
    """Revert every change, the newest first; return the files that were written.

    ``timer`` selects the change of this timer only. ``only_if`` is called first with the state
    directory; if it returns False, nothing is reverted. ``check(path, now, content)`` is called
    before a file is written that others have edited, and may raise: then that change is not
    reverted, nor are earlier changes of the same file. ``done`` is called for each file after it
    was written. ``then`` is called with the state directory if everything was reverted. The lock is
    held all the time.

    The first error is raised after everything else was reverted. It is InvalidData for a checkpoint
    that cannot be read; such a checkpoint stays.
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
    """Revert one change after the other; yield each file that was written; then raise errors."""
    errors: list[CredsSessionError] = []
    left: set[str] = set()
    settled: set[str] = set()
    is_found = False
    try:
        for checkpoint in checkpoints.load_all(directory):
            if timer not in {None, checkpoint.manifest.timer}:
                continue
            is_found = True
            try:
                # A timer restores what was there when it was set.
                keep = timer is None
                restored = restore(root, checkpoint, check, left, keep_vendor=keep, settled=settled)
            except CredsSessionError as error:  # its files are unchanged, and the checkpoint stays
                errors.append(error)
                continue
            left.update(restored.refused)
            settled.update(
                file.path
                for file in checkpoint.manifest.files
                if keep and file.path in checkpoint.manifest.written
                if file.path not in left and _is_of_newer_file(root, file)
            )
            errors += restored.refused.values()
            yield from restored.touched
    except InvalidData as error:
        if timer is None or not is_found:  # the unreadable one may be the change of this timer
            errors.append(error)
    if errors:
        raise one_error(errors)


def _is_of_newer_file(root: Root, file: SavedFile) -> bool:
    """Return whether a reverted file is a newer file of the vendor, without our lines.

    Earlier changes were made to an older file. A line that they had changed may be a line of the
    vendor now, so it must not be changed back.
    """
    is_restored = root.read(file.path) == file.before
    return file.keeps_vendor or (file.vendor is not None and not is_restored)


def is_unfinished(state: Directory) -> bool:
    """Return whether a change was begun and not finished; the lock shows whether it still runs."""
    directory = state.trusted(checkpoints.CHECKPOINTS)
    if directory is None:
        return False
    with directory:
        return any(checkpoints.load_all(directory, state=IN_PROGRESS))


def recover(
    root: Root, then: Callable[[Directory, Checkpoint | None], None] = lambda *_: None
) -> tuple[str, ...]:
    """Revert what a killed run had begun; return the files that were written.

    ``then`` is called while the lock is held, with the state directory and the reverted change.
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
    """Hold the lock; yield the state directory and the directory of checkpoints, both open."""
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
    """Save the present content of all files, durably."""
    saved = tuple(_save(root, file) for file in files)
    new = [file.path for file in files if file.before is None]
    missing = tuple(made for path in new for made in reversed(root.missing_directories(path)))
    return checkpoints.save(directory, saved, missing, timer)


def _save(root: Root, file: FileChange) -> SavedFile:
    if root.read(file.path) != file.before:
        raise Busy(f"{file.path}: another program changed it in the meantime", hint=AGAIN)
    attributes = None
    with root.entry(file.path) as entry:
        if entry is not None and entry.is_there():  # a link to nothing reads as no file
            entry.refuse_unless_plain(file.path)
            attributes = entry.attributes(file.path)
    kept = file.edits, file.vendor, file.keeps_vendor
    return SavedFile(file.path, file.before, file.after, attributes, *kept)


def _require_as_planned(root: Root, file: SavedFile) -> None:
    if root.read(file.path) != file.before:
        raise Busy(f"{file.path}: another program changed it in the meantime", hint=AGAIN)


def _write(root: Root, file: SavedFile) -> None:
    with root.entry_to_write(file.path) as entry:
        attributes = file.attributes
        if attributes is None:
            owner = os.fstat(entry.directory.descriptor)
            attributes = Attributes(NEW_FILE_MODE, owner.st_uid, owner.st_gid, ())
        entry.replace(file.after, attributes, lambda: _last_look(root, entry, file))


def _last_look(root: Root, entry: Entry, file: SavedFile) -> None:
    """Raise Busy unless content and attributes are those that the new file was made from.

    Both are read in the open directory that is written to, and the content also by its path.
    """
    require_still(root, entry, file.path, file.before)
    if file.attributes is not None and entry.attributes(file.path) != file.attributes:
        raise Busy(f"{file.path}: another program changed its mode or owner", hint=AGAIN)
