"""Restore the files of one change, or remove our lines from them.

    the file now                     what is done
    does not exist                   nothing: our lines were removed together with the file
    is as it was before              nothing
    is as we left it                 the exact bytes are restored (or the file is removed)
    was edited since                 our lines are removed, line by line; the rest stays
    has a vendor's newer lines       the same, if ``keep_vendor``
    our lines were edited            InvalidData: the file stays, and so does its saved copy

The saved copies are removed only if every file is one of the first four.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from creds_session.errors import Busy, CannotWrite, CredsSessionError, InvalidData
from creds_session.system.files.checkpoints import LARGEST_COPY, Checkpoint
from creds_session.system.files.entry import Entry
from creds_session.system.files.manifest import SavedFile
from creds_session.system.files.replace import Attributes
from creds_session.system.files.reverse_edits import refuse_edited_lines, whole_edit, without_edits
from creds_session.system.files.root import Root

AGAIN = "run the command again"
REVERT = "creds-setup-pam revert"
Check = Callable[[str, bytes, bytes], None]
"""Called with a path, its content and its new content; raises if that would do harm."""


PutCopy = Callable[[Entry, Attributes, Callable[[], None]], bool]
"""See ``Checkpoint.put_copy``."""


class Restored(NamedTuple):
    """The result for one change: the files that were written, and why others were not."""

    touched: tuple[str, ...]
    refused: dict[str, CredsSessionError]

    def raise_refused(self) -> None:
        """Raise one error for all files that could not be restored."""
        if self.refused:
            raise one_error(list(self.refused.values()))


def restore(
    root: Root,
    checkpoint: Checkpoint,
    check: Check = lambda *_: None,
    leave: Collection[str] = (),
    *,
    keep_vendor: bool = False,
    settled: Collection[str] = (),
) -> Restored:
    """Restore each file; then remove the checkpoint, unless a file could not be restored.

    ``leave`` are files with a later change that could not be reverted: they stay, and so does this
    checkpoint. ``keep_vendor``: a vendor's newer lines that the change brought stay
    (``SavedFile``). ``settled`` are files with such a later change: our lines are gone from them
    already. Raises CannotWrite if the checkpoint cannot be removed.
    """
    touched: list[str] = []
    refused: dict[str, CredsSessionError] = {}
    kept: list[str] = []
    for index, file in reversed(list(enumerate(checkpoint.manifest.files))):
        if file.path not in checkpoint.manifest.written or file.path in settled:
            continue
        if file.path in leave:
            kept.append(file.path)
            continue
        saved = file if keep_vendor else file._replace(keeps_vendor=False)
        try:
            if _restore_file(root, saved, check, partial(checkpoint.put_copy, index)):
                touched.append(file.path)
        except CredsSessionError as error:
            refused[file.path] = error
    if refused or kept:
        with suppress(CannotWrite):  # if the disk is full for a file, it is full for this, too
            checkpoint.with_written(*kept, *refused)
        return Restored(tuple(touched), refused)
    for path in checkpoint.manifest.made_directories:
        _remove_if_empty(root, path)
    checkpoint.discard()
    return Restored(tuple(touched), {})


def _remove_if_empty(root: Root, path: str) -> None:
    """Remove a directory that was made for the change, unless it is in use, or is a link now."""
    with suppress(CredsSessionError), root.entry(path) as entry:
        if entry is not None:
            entry.directory.remove_directory(entry.name)


def one_error(errors: list[CredsSessionError]) -> CredsSessionError:
    """Return one error with the problems of several; kind and hint are those of the first."""
    first = errors[0]
    return type(first)(
        "; ".join(error.problem for error in errors), hint=first.hint, root_may=first.root_may
    )


class _Target(NamedTuple):
    """A file that is written only if it is unchanged since it was read."""

    root: Root
    entry: Entry
    path: str
    now: bytes

    def last_look(self) -> None:
        """Raise Busy if the file has changed; other tools do not know our lock."""
        require_still(self.root, self.entry, self.path, self.now)


def _restore_file(root: Root, file: SavedFile, check: Check, put_copy: PutCopy) -> bool:
    """Restore one file; return whether that changed anything.

    The file keeps its mode, owner and attributes: the change kept them, and an administrator may
    have changed them since. Raises InvalidData if our lines were edited, and what ``check`` raises.
    """
    with root.entry(file.path) as entry:
        if entry is None:
            if file.before is not None:
                raise InvalidData(
                    f"{file.path}: its directory does not exist",
                    hint="run creds-setup-pam revert again when it exists",
                )
            return False
        entry.sweep()
        now = _content(root, file)
        if now is None or now == file.before:
            return False
        _require_plain(entry, file.path)
        is_as_left = not file.keeps_vendor and (now == file.after or _is_padded(file, now))
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


def _content(root: Root, file: SavedFile) -> bytes | None:
    """Return the present content, or None if the file does not exist.

    Raises InvalidData if something else stands there. The hint then also lets the person restore
    the file, since a file that does not exist counts as reverted.
    """
    try:
        return root.read(file.path)
    except InvalidData as error:
        restore_first = file.before is not None
        put_back = ", restore the file from its package or from a backup" if restore_first else ""
        hint = f"look at {file.path} and move it away{put_back}, then run {REVERT} again"
        raise InvalidData(error.problem, hint=hint) from error


def _is_padded(file: SavedFile, now: bytes) -> bool:
    """Return whether a file is as ``overwrite`` leaves it if it is killed between its two steps."""
    return file.before is not None and now == file.before.ljust(len(file.after), b"\n")


def _without_ours(file: SavedFile, now: bytes) -> bytes | None:
    """Return a file that others edited without our lines, or None if only blanks are left.

    A manifest of an older version has no edits for files that were written as a whole.
    """
    before = file.before or b""
    edits = file.edits if file.keeps_vendor else file.edits or whole_edit(before, file.after)
    left = without_edits(now, before, edits, file.path)
    refuse_edited_lines(now, left, before, edits, file.path)
    return None if file.before is None and not left.strip() else left


def _write(target: _Target, content: bytes, put_copy: PutCopy) -> None:
    """Replace the file. On a full disk, use the saved copy, or overwrite the file itself.

    The restored content is not longer than the present one. Raises CannotWrite, Busy.
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
    """Return False: there is no copy of this content."""
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
    """Raise Busy unless the file has this content; None means that no file exists.

    The file is read in the open directory that will be written to, and also by its path.
    """
    if not root.read(path) == entry.read(LARGEST_COPY) == content:
        raise Busy(f"{path}: another program changed it in the meantime", hint=AGAIN)
