"""Bring a newer file of a vendor together with a copy that an administrator may have edited.

Everything here works on whole lines. Two edits of the same place, or of neighbouring places, are a
conflict: the order of rules decides what they mean, so nobody guesses. Edits of both sides are also
a conflict if a rule of the file is a jump, because a jump counts the rules that it skips.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from typing import Final, NamedTuple

from creds_session.pam.stack.lookup import rule_texts
from creds_session.pam.syntax.terms import Dialect

_JUMP: Final = re.compile(rb"[^#\[]*\[[^\]#]*=[ \t]*[0-9]")
"""The beginning of a rule whose control skips other rules (pam.conf(5))."""


class Conflict(NamedTuple):
    """Lines of both sides that cannot be brought together, as they are written.

    ``is_jump``: these are all edits of both sides, because a rule of the file is a jump.
    """

    ours: tuple[bytes, ...]
    theirs: tuple[bytes, ...]
    is_jump: bool = False


class _Edit(NamedTuple):
    """The lines ``first`` to ``last`` (not included) of the old file become other lines."""

    first: int
    last: int
    lines: tuple[bytes, ...]


def lacking(content: bytes, other: bytes, dialect: Dialect) -> tuple[bytes, ...]:
    """Return the rules of ``other`` that ``content`` has less often, without comments."""
    missing = Counter(rule_texts(other, dialect)) - Counter(rule_texts(content, dialect))
    return tuple(missing.elements())


def has_same_rules(content: bytes, other: bytes, dialect: Dialect) -> bool:
    """Return whether two files have the same rules in the same order."""
    return rule_texts(content, dialect) == rule_texts(other, dialect)


def has_taken_over(content: bytes, base: bytes, other: bytes, dialect: Dialect) -> bool:
    """Return whether a file has every change from ``base`` to ``other``; it may have more rules.

    It has all rules of ``other`` in the same order, and no rule that ``other`` has removed.
    """
    had, has, rules = (Counter(rule_texts(one, dialect)) for one in (base, other, content))
    rest = iter(rule_texts(content, dialect))
    is_there = all(rule in rest for rule in rule_texts(other, dialect))
    return is_there and not (had - has) & (rules - has)


def merged(base: bytes | None, ours: bytes, theirs: bytes) -> bytes | Conflict:
    """Return ``theirs`` with the lines that ``ours`` has changed since ``base``.

    If ``base`` is not known, ``theirs`` is returned if it has all lines of ``ours`` in the same
    order, so that no line is lost; blank lines do not count.
    """
    if base is None:
        return theirs if _is_within(ours, theirs) else _conflict_of(ours, theirs)
    lines = _lines(base)
    mine, new = (_edits(lines, _lines(one)) for one in (ours, theirs))
    pairs = [(a, b) for a in mine for b in new if a != b and _touch(a, b)]
    if pairs:
        found = [
            [line for edit in dict.fromkeys(one) for line in _shown(lines, edit)]
            for one in zip(*pairs)
        ]
        return Conflict(tuple(found[0]), tuple(found[1]))
    alone = [
        [edit for edit in side if edit not in other and _has_rule(lines, edit)]
        for side, other in ((mine, new), (new, mine))
    ]
    if all(alone) and any(map(_JUMP.match, (*lines, *_lines(ours), *_lines(theirs)))):
        found = [[line for edit in side for line in _shown(lines, edit)] for side in alone]
        return Conflict(tuple(found[0]), tuple(found[1]), is_jump=True)
    for edit in sorted({*mine, *new}, reverse=True):
        lines[edit.first : edit.last] = edit.lines
    return b"\n".join(lines)


def _is_within(ours: bytes, theirs: bytes) -> bool:
    rest = iter(line.split() for line in _lines(theirs))
    return all(line.split() in rest for line in _lines(ours) if line.strip())


def _conflict_of(ours: bytes, theirs: bytes) -> Conflict:
    left, right = (Counter(filter(None, map(bytes.strip, _lines(one)))) for one in (ours, theirs))
    return Conflict(tuple((left - right).elements()), tuple((right - left).elements()))


def _lines(content: bytes) -> list[bytes]:
    """Split at newlines only, as libpam does; joined again, the lines are the same bytes."""
    return content.split(b"\n")


def _edits(old: list[bytes], new: list[bytes]) -> list[_Edit]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return [
        _Edit(a, b, tuple(new[first:last]))
        for kind, a, b, first, last in matcher.get_opcodes()
        if kind != "equal"
    ]


def _touch(one: _Edit, other: _Edit) -> bool:
    """Return whether two edits overlap, or stand beside one another."""
    return one.first <= other.last and other.first <= one.last


def _has_rule(old: list[bytes], edit: _Edit) -> bool:
    """Return whether an edit adds or removes more than comments and blank lines."""
    changed = (line.strip() for line in (*old[edit.first : edit.last], *edit.lines))
    return any(line and (line[:1] != b"#" or line.endswith(b"\\")) for line in changed)


def _shown(old: list[bytes], edit: _Edit) -> tuple[bytes, ...]:
    """Return the new lines of an edit, or the lines that it removes."""
    return edit.lines or tuple(old[edit.first : edit.last])
