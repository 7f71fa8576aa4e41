"""What is told of the checks themselves: the list, one explained, its page."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import NamedTuple

from creds_session.findings import Remediation, Severity

PAGES = "docs/reference/checks"


class Entry(NamedTuple):
    """A check as its page tells it; ``level`` None: it depends on whether a secret can be read."""

    id: str
    group: str
    level: Severity | None
    title: str
    cause: str
    cure: Remediation | None
    needs: tuple[str, ...]
    about: str


def list_lines(entries: Iterable[Entry]) -> list[str]:
    """Return one line a check: id, level, title."""
    entries = tuple(entries)
    width = max(len(entry.id) for entry in entries)
    return [f"{entry.id:<{width}}  {_word(entry):<7}  {entry.title}" for entry in entries]


def explain_lines(entry: Entry) -> list[str]:
    """Return what ``--explain`` tells of one check."""
    told = [f"{entry.id}: {entry.title}", f"area: {entry.group}", f"level: {_level(entry)}"]
    told += [f"cause: {entry.cause}"]
    if entry.cure is not None:
        told += [f"cure: {entry.cure.text}"]
        told += [f"      {shlex.join(argv)}" for argv in entry.cure.commands]
        told += ["      (creds-doctor --fix can do it)"] if entry.cure.is_safe else []
    if entry.needs:
        told += [f"silenced by: {', '.join(entry.needs)}"]
    if entry.about:
        told += ["", entry.about]
    return [*told, "", f"page: {PAGES}/{entry.id}.md"]


def _word(entry: Entry) -> str:
    return entry.level.value if entry.level else "depends"


def _level(entry: Entry) -> str:
    if entry.level is not None:
        return entry.level.value
    return "error where no secret can be read, else less"
