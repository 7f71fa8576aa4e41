r"""Several files changed as one: all of them, verified, or none.

    lock -> recover -> save (durable) -> record, write each -> verify -> finalize
                                                  \________________\__ on any failure: restore

``recover`` takes back what a run that died had begun. ``take_back`` is the same step for every
change, finished or not: the very bytes where the file is as we left it, else only our own lines.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from creds_session.errors import Busy, CannotWrite, CredsSessionError, InvalidData
from creds_session.system import checkpoints
from creds_session.system.checkpoints import IN_PROGRESS, Checkpoint
from creds_session.system.directory import Directory
from creds_session.system.files import (
    Attributes,
    cannot_write,
    make_directory,
    refuse_unless_plain,
    remove,
    replace,
    sweep,
)
from creds_session.system.lock import exclusive
from creds_session.system.manifest import SavedEdit, SavedFile
from creds_session.system.root import Root
from creds_session.system.state import LOCK, STATE, state_directory, state_directory_if_there

NEW_FILE_MODE = 0o644


class FileChange(NamedTuple):
    """One file: ``before`` is what the plan was made from, None where there is no file."""

    path: str
    before: bytes | None
    after: bytes
    edits: tuple[SavedEdit, ...] = ()


def change(root: Root, files: tuple[FileChange, ...], verify: Callable[[], None]) -> None:
    """Make the change, or leave everything as it was.

    ``verify`` looks at what was written and raises to have it undone. Raises Busy when a file is
    no longer what the plan was made from, CannotWrite, InvalidData.
    """
    with _locked(root) as (_, directory):
        saved = tuple(_save(root, file) for file in files)
        new = [root.place(file.path).parent for file in files if file.before is None]
        missing = [str(p) for folder in new for p in _missing(folder)]
        relative = tuple("/" + str(Path(p).relative_to(root.directory)) for p in missing)
        checkpoint = checkpoints.save(directory, saved, relative)
        try:
            for file in saved:
                written = checkpoint.manifest.written
                recorded = checkpoint.with_written(*written, file.path)
                _require_as_planned(root, file)
                checkpoint = recorded
                _write(root, file)
            verify()
            checkpoint.finalized()
        except BaseException:  # an interrupt must undo it too
            _restore(root, checkpoint)
            raise


def take_back(
    root: Root,
    check: Callable[[str, bytes, bytes], None] = lambda *_: None,
    then: Callable[[Directory], None] = lambda _state: None,
    only_if: Callable[[Directory], bool] = lambda _state: True,
) -> tuple[str, ...]:
    """Take back every change that was made, the newest first; return the files touched.

    ``check(path, now, content)`` is asked before a file that others edited since is written, and
    may raise; then that change stays to be taken back. ``then`` is called with the state directory
    while the lock is held, and so is ``only_if``, before all else: if it says no, nothing is taken
    back. InvalidData is raised after the other changes were taken back if what was saved of one
    cannot be read; that stays as it is, and ``then`` is not called.
    """
    touched: list[str] = []
    with _locked(root, recovers=False) as (state, directory):
        if not only_if(state):
            return ()
        for checkpoint in checkpoints.load_all(directory):
            touched += _restore(root, checkpoint, check)
        then(state)
    return tuple(dict.fromkeys(touched))


def recover(root: Root) -> None:
    """Take back what a run that died had begun, so that plans are made from what will be there."""
    with state_directory_if_there(root) as state:
        if state is None:
            return
    with _locked(root):
        pass


@contextmanager
def _locked(root: Root, *, recovers: bool = True) -> Iterator[tuple[Directory, Directory]]:
    """Hold the lock; give the state directory and that of the checkpoints, both open.

    Whatever a run that died left behind is reverted first, unless ``recovers`` is false: whoever
    reverts everything reverts that too, and says so.
    """
    try:
        with state_directory(root) as state:
            checkpoints.refuse_untrusted(state)  # before a lock is made beside them
            with exclusive(state, LOCK), checkpoints.open_or_make(state) as directory:
                checkpoints.sweep(directory)
                if recovers:
                    _recover(root, directory)
                yield state, directory
    except OSError as error:
        raise cannot_write(Path(error.filename or root.path(STATE)), error) from error


def _recover(root: Root, directory: Directory) -> None:
    for checkpoint in checkpoints.load_all(directory, state=IN_PROGRESS):
        _restore(root, checkpoint)


def _save(root: Root, file: FileChange) -> SavedFile:
    path = root.place(file.path)
    if root.read(file.path) != file.before:
        raise Busy(f"{file.path}: changed while it was being looked at", hint="run it again")
    attributes = None
    if os.path.lexists(path):  # a link to nothing reads as no file
        refuse_unless_plain(path, file.path)
        attributes = Attributes.read(path)
    return SavedFile(file.path, file.before, file.after, attributes, file.edits)


def _missing(folder: Path) -> list[Path]:
    return [p for p in [folder, *folder.parents] if not p.exists()]


def _require_as_planned(root: Root, file: SavedFile) -> None:
    if root.read(file.path) != file.before:
        raise Busy(f"{file.path}: changed while it was being written", hint="run it again")


def _write(root: Root, file: SavedFile) -> None:
    path = root.place(file.path)
    attributes = file.attributes
    if attributes is None:
        make_directory(path.parent, 0o755)
        owner = path.parent.stat()
        attributes = Attributes(NEW_FILE_MODE, owner.st_uid, owner.st_gid, ())
    replace(path, file.after, attributes, last_look=lambda: _last_look(root, file))


def _last_look(root: Root, file: SavedFile) -> None:
    """Raise Busy unless content and attributes are those that the new file was made from."""
    _require_as_planned(root, file)
    path = root.place(file.path)
    if file.attributes is not None and Attributes.read(path) != file.attributes:
        raise Busy(f"{file.path}: its mode or owner changed meanwhile", hint="run it again")


Check = Callable[[str, bytes, bytes], None]


def _restore(root: Root, checkpoint: Checkpoint, check: Check = lambda *_: None) -> list[str]:
    """Put each file back; then forget the checkpoint, unless a file could not be put back."""
    touched: list[str] = []
    refused: dict[str, CredsSessionError] = {}
    for file in reversed(checkpoint.manifest.files):
        try:
            if file.path in checkpoint.manifest.written and _put_back(root, file, check):
                touched.append(file.path)
        except CredsSessionError as error:
            refused[file.path] = error
    if refused:
        with suppress(CannotWrite):  # a disk that is full for a file is full for this note too
            checkpoint.with_written(*refused)
        raise _refusal(list(refused.values()))
    for folder in checkpoint.manifest.made_directories:
        with suppress(OSError, InvalidData):  # not empty, not there, or a link by now
            root.place(folder).rmdir()
    checkpoint.discard()
    return touched


def _refusal(errors: list[CredsSessionError]) -> CredsSessionError:
    """Return one error for all the files that could not be put back."""
    first = errors[0]
    return type(first)(
        "; ".join(error.problem for error in errors), hint=first.hint, root_may=first.root_may
    )


def _put_back(root: Root, file: SavedFile, check: Check) -> bool:
    """Put one file back; tell whether that changed anything.

    The file keeps the mode, owner and attributes that it has: ``replace`` gave it its old ones,
    and what an admin changed since is the admin's.
    """
    path = root.place(file.path)
    sweep(path)
    now = root.read(file.path)
    if now is None or now == file.before:
        return False
    _require_plain(path, file.path)
    if file.before is None and now == file.after:
        remove(path)
        return True
    content = file.before if now == file.after else None
    if content is None:
        content = without_edits(now, file.before or b"", file.edits, file.path)
        check(file.path, now, content)
    if content == now:
        return False
    replace(path, content, Attributes.read(path), last_look=lambda: _still(root, file.path, now))
    return True


def _require_plain(path: Path, shown: str) -> None:
    try:
        refuse_unless_plain(path, shown)
    except InvalidData as error:
        hint = "make it a plain file again, then revert"
        raise InvalidData(error.problem, hint=hint) from error


def _still(root: Root, path: str, content: bytes) -> None:
    if root.read(path) != content:
        raise Busy(f"{path}: changed while it was being written", hint="run it again")


def saved_edits(before: bytes, after: bytes) -> tuple[SavedEdit, ...]:
    """Return what makes the second from the first, as whole lines."""
    old, new = before.split(b"\n"), after.split(b"\n")
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return tuple(
        SavedEdit(first + 1, b"\n".join(old[a:b]), b"\n".join(new[first:last]))
        for kind, a, b, first, last in matcher.get_opcodes()
        if kind != "equal"
    )


def without_edits(
    content: bytes, before: bytes, edits: tuple[SavedEdit, ...], path: str = "the file"
) -> bytes:
    """Take our lines out, and put changed ones back, in a file that others edited since.

    Neighbouring lines go together or not at all (a guard and the rule that it guards), found by
    their whole text, the nearest to where they were written. Lines that are all gone are not
    missed; where only some are there still, InvalidData says which. ``before`` tells whether
    the file ended without a newline: then the one before our last line is ours.
    """
    was_open = before[-1:] not in {b"", b"\n"}
    lines = _lines(content)
    for edit in reversed(edits):
        wanted = edit.new.split(b"\n")
        bare = [line.rstrip(b"\n") for line in lines]
        places = [n for n in range(len(lines)) if bare[n : n + len(wanted)] == wanted]
        if not places:
            _require_all_gone(bare, wanted, path)
            continue
        place = min(places, key=lambda n: abs(n + 1 - edit.line))
        last = lines[place + len(wanted) - 1]
        old = [line + b"\n" for line in edit.old.split(b"\n")] if edit.old else []
        lines[place : place + len(wanted)] = old
        if not last.endswith(b"\n") and lines and (old or was_open):
            lines[-1] = lines[-1].rstrip(b"\n")
    return b"".join(lines)


def _require_all_gone(lines: list[bytes], wanted: list[bytes], path: str) -> None:
    for line in wanted:
        if line.strip() and line in lines:
            number = lines.index(line) + 1
            shown = line.decode(errors="replace")
            raise InvalidData(
                f"{path}:{number}: {shown}: what stood beside it was edited since",
                hint="take our lines out by hand, then revert",
            )


def _lines(content: bytes) -> list[bytes]:
    """Split at newlines alone, as libpam does."""
    parts = content.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
