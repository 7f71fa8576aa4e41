"""Remove our own lines from a file that others have edited since; touch no disk."""

from __future__ import annotations

import difflib
import re

from creds_session.errors import InvalidData
from creds_session.system.files.manifest import SavedEdit

BY_HAND = "remove our lines by hand, then revert"
TYPES = frozenset({b"account", b"auth", b"password", b"session"})


def saved_edits(before: bytes, after: bytes) -> tuple[SavedEdit, ...]:
    """Return the edits that turn ``before`` into ``after``, as whole lines."""
    old, new = before.split(b"\n"), after.split(b"\n")
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return tuple(
        SavedEdit(first + 1, b"\n".join(old[a:b]), b"\n".join(new[first:last]))
        for kind, a, b, first, last in matcher.get_opcodes()
        if kind != "equal"
    )


def whole_edit(before: bytes, after: bytes) -> tuple[SavedEdit, ...]:
    """Return one edit of all lines: they are removed together, or the file is refused."""
    return (SavedEdit(1, before.rstrip(b"\n"), after.rstrip(b"\n")),)


def without_edits(
    content: bytes, before: bytes, edits: tuple[SavedEdit, ...], path: str = "the file"
) -> bytes:
    """Return the content without our lines, and with the lines that we had changed restored.

    Neighbouring lines (such as a guard and its rule) are removed together or not at all. They are
    found by their whole text, nearest to the place where they were written. It is no error if all
    of them are gone. If only some are left, InvalidData names them. ``before`` shows whether the
    file ended without a newline: then the newline before our last line is ours.
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
    """Raise InvalidData if ``left`` still has a line of ours that somebody has edited.

    Such a line has the type and the module of a rule of ours, or all words of another line of ours,
    and our own line is not in ``now``. It is not the written line, so it was not removed. A line
    that the file had before the change is not ours.
    """
    there, theirs = set(now.split(b"\n")), set(before.split(b"\n"))
    ours = [line for edit in edits for line in edit.new.split(b"\n") if line not in there]
    for number, line in enumerate(left.split(b"\n"), 1):
        if line not in theirs and any(_is_edited(own, line) for own in ours):
            shown = line.decode(errors="replace").strip()
            raise InvalidData(
                f"{path}:{number}: {shown}: this line of ours was edited since", hint=BY_HAND
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
    """Split a rule of PAM or a setting of systemd, which may have blanks around its ``=``.

    The type of a rule is returned in lower case and without a leading dash: libpam reads ``-auth``
    and ``AUTH`` as ``auth`` (pam.conf(5)).
    """
    first, *rest = re.sub(rb"[ \t]*=[ \t]*", b"=", line).split() or [b""]
    is_type = (kind := first.removeprefix(b"-").lower()) in TYPES
    return [kind if is_type else first, *rest] if first else []


def _module(words: list[bytes]) -> bytes:
    """Return the file name of the module that a rule calls, or ""."""
    return next((word.rpartition(b"/")[2] for word in words if word.endswith(b".so")), b"")


def _require_all_gone(lines: list[bytes], wanted: list[bytes], path: str) -> None:
    for line in wanted:
        if line.strip() and not _is_heading(line) and line in lines:
            number = lines.index(line) + 1
            shown = line.decode(errors="replace")
            raise InvalidData(
                f"{path}:{number}: {shown}: the line next to it was edited since", hint=BY_HAND
            )


def _is_heading(line: bytes) -> bool:
    """Return whether a line is the heading of a section of a unit file (systemd.syntax(7))."""
    return line.startswith(b"[") and line.rstrip().endswith(b"]")


def _lines(content: bytes) -> list[bytes]:
    """Split at newlines only, as libpam does."""
    parts = content.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
