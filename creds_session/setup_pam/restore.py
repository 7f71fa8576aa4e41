"""Put the files of one change back as they were, or take our lines out of them.

    the file now                     what becomes of it
    does not exist                   nothing: whoever removed it removed our lines as well
    is as it was before              nothing
    is as we left it                 the very bytes of before (removed, if there was no file)
    was edited since                 our own lines are taken out, line by line; the rest stays
    edited within our lines          InvalidData: it stays, and so does what was saved of it

What was saved is forgotten only if every file is one of the first four.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from creds_session.errors import Busy, CannotWrite, CredsSessionError, InvalidData
from creds_session.setup_pam.reverse_edits import refuse_edited_lines, whole_edit, without_edits
from creds_session.system.files.checkpoints import LARGEST_COPY, Checkpoint
from creds_session.system.files.entry import Entry
from creds_session.system.files.manifest import SavedFile
from creds_session.system.files.replace import Attributes
from creds_session.system.files.root import Root

Check = Callable[[str, bytes, bytes], None]
"""Is given a path, its content and what it is to become; raises if that would do harm."""


PutCopy = Callable[[Entry, Attributes, Callable[[], None]], bool]
"""See ``Checkpoint.put_copy``."""


class Restored(NamedTuple):
    """What became of one change: the files that were written, and why others were not."""

    touched: tuple[str, ...]
    refused: dict[str, CredsSessionError]

    def raise_refused(self) -> None:
        """Raise one error for all the files that could not be put back."""
        if self.refused:
            raise one_error(list(self.refused.values()))


def restore(
    root: Root,
    checkpoint: Checkpoint,
    check: Check = lambda *_: None,
    leave: Collection[str] = (),
) -> Restored:
    """Put each file back; then forget the checkpoint, unless a file could not be put back.

    ``leave`` are files that hold a later change which could not be taken back: they stay, and so
    does this checkpoint. Raises CannotWrite if the checkpoint cannot be removed.
    """
    touched: list[str] = []
    refused: dict[str, CredsSessionError] = {}
    kept: list[str] = []
    for index, file in reversed(list(enumerate(checkpoint.manifest.files))):
        if file.path not in checkpoint.manifest.written:
            continue
        if file.path in leave:
            kept.append(file.path)
            continue
        try:
            if _restore_file(root, file, check, partial(checkpoint.put_copy, index)):
                touched.append(file.path)
        except CredsSessionError as error:
            refused[file.path] = error
    if refused or kept:
        with suppress(CannotWrite):  # a disk that is full for a file is full for this note too
            checkpoint.with_written(*kept, *refused)
        return Restored(tuple(touched), refused)
    for path in checkpoint.manifest.made_directories:
        _remove_if_empty(root, path)
    checkpoint.discard()
    return Restored(tuple(touched), {})


def _remove_if_empty(root: Root, path: str) -> None:
    """Remove a directory that was made for the change, unless it is in use, or a link by now."""
    with suppress(CredsSessionError), root.entry(path) as entry:
        if entry is not None:
            entry.directory.remove_directory(entry.name)


def one_error(errors: list[CredsSessionError]) -> CredsSessionError:
    """Return one error that says what several say; its kind and its hint are the first one's."""
    first = errors[0]
    return type(first)(
        "; ".join(error.problem for error in errors), hint=first.hint, root_may=first.root_may
    )


class _Target(NamedTuple):
    """A file that is written only if it still is as it was found."""

    root: Root
    entry: Entry
    path: str
    now: bytes

    def last_look(self) -> None:
        """Raise Busy unless it is. Other tools know no lock of ours."""
        require_still(self.root, self.entry, self.path, self.now)


def _restore_file(root: Root, file: SavedFile, check: Check, put_copy: PutCopy) -> bool:
    """Put one file back; tell whether that changed anything.

    The file keeps the mode, owner and attributes that it has: ``replace`` gave it its old ones,
    and what an admin changed since is the admin's. Raises InvalidData if it was edited within our
    lines, and whatever ``check`` raises.
    """
    with root.entry(file.path) as entry:
        if entry is None:
            if file.before is not None:
                raise InvalidData(
                    f"{file.path}: its directory is not there",
                    hint="run creds-setup-pam revert again when it is there",
                )
            return False
        entry.sweep()
        now = root.read(file.path)
        if now is None or now == file.before:
            return False
        _require_plain(entry, file.path)
        is_as_left = now == file.after or _is_padded(file, now)
        content = file.before if is_as_left else _without_ours(file, now)
        if not is_as_left:
            check(file.path, now, content or b"")
        if content == now:
            return False
        target = _Target(root, entry, file.path, now)
        if content is None:
            target.last_look()
            entry.remove()
        else:
            _write(target, content, put_copy if is_as_left else _no_copy)
        return True


def _is_padded(file: SavedFile, now: bytes) -> bool:
    """Tell what ``overwrite`` leaves if it is killed between its two steps."""
    return file.before is not None and now == file.before.ljust(len(file.after), b"\n")


def _without_ours(file: SavedFile, now: bytes) -> bytes | None:
    """Return a file that others edited without our lines; None if nothing but blanks is left.

    A manifest of an older version has no edits for files that were written as a whole.
    """
    before = file.before or b""
    edits = file.edits or whole_edit(before, file.after)
    left = without_edits(now, before, edits, file.path)
    refuse_edited_lines(now, left, before, edits, file.path)
    return None if file.before is None and not left.strip() else left


def _write(target: _Target, content: bytes, put_copy: PutCopy) -> None:
    """Replace the file. On a full disk put the saved copy there, or overwrite the file itself.

    What goes back is no longer than what is there. Raises CannotWrite, Busy.
    """
    entry = target.entry
    attributes = entry.attributes(target.path)
    try:
        entry.replace(content, attributes, target.last_look)
    except CannotWrite as error:
        if not _is_full(error):
            raise
        if not put_copy(entry, attributes, target.last_look):
            target.last_look()
            if not entry.overwrite(target.now, content):
                raise


def _no_copy(_entry: Entry, _attributes: Attributes, _last_look: Callable[[], None]) -> bool:
    """Tell that there is no copy of this content."""
    return False


def _is_full(error: CannotWrite) -> bool:
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in {errno.ENOSPC, errno.EDQUOT}


def _require_plain(entry: Entry, shown: str) -> None:
    try:
        entry.refuse_unless_plain(shown)
    except InvalidData as error:
        hint = "make it a plain file again, then revert"
        raise InvalidData(error.problem, hint=hint) from error


def require_still(root: Root, entry: Entry, path: str, content: bytes | None) -> None:
    """Raise Busy unless this is what is there, None for no file.

    It is looked at in the directory that is written to; and the path must still lead there.
    """
    if not root.read(path) == entry.read(LARGEST_COPY) == content:
        raise Busy(f"{path}: changed while it was being written", hint="run it again")
