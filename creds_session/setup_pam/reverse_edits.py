"""Our own lines, taken out of a file that others have edited since. Nothing here touches a disk."""

from __future__ import annotations

import difflib
import re

from creds_session.errors import InvalidData
from creds_session.system.files.manifest import SavedEdit

BY_HAND = "take our lines out by hand, then revert"
TYPES = frozenset({b"account", b"auth", b"password", b"session"})


def saved_edits(before: bytes, after: bytes) -> tuple[SavedEdit, ...]:
    """Return what makes the second from the first, as whole lines."""
    old, new = before.split(b"\n"), after.split(b"\n")
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return tuple(
        SavedEdit(first + 1, b"\n".join(old[a:b]), b"\n".join(new[first:last]))
        for kind, a, b, first, last in matcher.get_opcodes()
        if kind != "equal"
    )


def whole_edit(before: bytes, after: bytes) -> tuple[SavedEdit, ...]:
    """Return one edit of all lines: they are taken out together, or the file is refused."""
    return (SavedEdit(1, before.rstrip(b"\n"), after.rstrip(b"\n")),)


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


def refuse_edited_lines(
    now: bytes, left: bytes, before: bytes, edits: tuple[SavedEdit, ...], path: str
) -> None:
    """Raise InvalidData if a line of ours is in ``left`` still, edited by somebody.

    That is a line with the type and the module of a rule of ours, or with all words of another
    line, if our own is not in ``now``. It is not what was written, so it is not taken out; and it
    is not gone either. A line that the file had before the change is no line of ours.
    """
    there, theirs = set(now.split(b"\n")), set(before.split(b"\n"))
    ours = [line for edit in edits for line in edit.new.split(b"\n") if line not in there]
    for number, line in enumerate(left.split(b"\n"), 1):
        if line not in theirs and any(_is_edited(own, line) for own in ours):
            shown = line.decode(errors="replace").strip()
            raise InvalidData(
                f"{path}:{number}: {shown}: a line of ours that was edited since", hint=BY_HAND
            )


def _is_edited(own: bytes, line: bytes) -> bool:
    ours, words = _words(own), _words(line)
    if not ours or not words or words[0].startswith((b"#", b"[")):
        return False
    module = _module(ours)
    if module:
        return (ours[0], module) == (words[0], _module(words))
    return words[: len(ours)] == ours


def _words(line: bytes) -> list[bytes]:
    """Split a rule of PAM's or a setting of systemd's, which may have blanks around its ``=``.

    The type of a rule is in small letters and without the dash that it may begin with: libpam
    reads ``-auth`` and ``AUTH`` as ``auth`` (pam.conf(5)).
    """
    first, *rest = re.sub(rb"[ \t]*=[ \t]*", b"=", line).split() or [b""]
    is_type = (kind := first.removeprefix(b"-").lower()) in TYPES
    return [kind if is_type else first, *rest] if first else []


def _module(words: list[bytes]) -> bytes:
    """Return the file name of the module that a rule calls, or nothing."""
    return next((word.rpartition(b"/")[2] for word in words if word.endswith(b".so")), b"")


def _require_all_gone(lines: list[bytes], wanted: list[bytes], path: str) -> None:
    for line in wanted:
        if line.strip() and not _is_heading(line) and line in lines:
            number = lines.index(line) + 1
            shown = line.decode(errors="replace")
            raise InvalidData(
                f"{path}:{number}: {shown}: what stood beside it was edited since", hint=BY_HAND
            )


def _is_heading(line: bytes) -> bool:
    """Tell the heading of a section of a unit file, which is everybody's (systemd.syntax(7))."""
    return line.startswith(b"[") and line.rstrip().endswith(b"]")


def _lines(content: bytes) -> list[bytes]:
    """Split at newlines alone, as libpam does."""
    parts = content.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
