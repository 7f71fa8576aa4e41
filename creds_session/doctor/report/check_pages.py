"""What is told of the checks themselves: the list, one explained, its page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from creds_session.findings import Remediation, Severity

PAGES = "docs/reference/checks"
LINK = re.compile(r"\[([^]]+)\]\(../../([^)]+)\)")  # in Markdown, from the page of a check
NAMES = ("gnome-keyring", "libpam", "sshd", "systemd", "dbus-", "gcr", "creds", "passwd")
WRITTEN = "Written by `scripts/check-pages` from the registry of checks."


class Entry(NamedTuple):
    """A check as its page tells it; ``level`` None: it depends on whether a secret can be read."""

    id: str
    group: str
    level: Severity | None
    title: str
    cause: str
    remedy: Remediation | None
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
    if entry.remedy is not None:
        told += [f"cure: {entry.remedy.text}"]
        told += [f"      {line}" for line in entry.remedy.lines]
        told += [f"      ({_by_whom(entry.remedy)})"] if _by_whom(entry.remedy) else []
        for other in entry.remedy.alternatives:
            told += [f"or: {other.text}", *(f"      {line}" for line in other.lines)]
    if entry.needs:
        told += [f"silenced by: {', '.join(entry.needs)}"]
    if entry.about:
        told += ["", LINK.sub(r"\1 (docs/\2)", entry.about)]
    return [*told, "", f"page: {PAGES}/{entry.id}.md (in the source code)"]


def _word(entry: Entry) -> str:
    return entry.level.value if entry.level else "depends"


def _level(entry: Entry) -> str:
    if entry.level is not None:
        return entry.level.value
    return "error where no secret can be read, else less"


def page(entry: Entry, effects: Iterable[str]) -> str:
    """Return a check's page, in Markdown; ``effects`` are the checks that it silences."""
    told = [f"# {entry.id}", "", f"{_sentence(entry.title)}", ""]
    told += [f"Area: {entry.group}. Level: {_level(entry)}.", ""]
    told += ["## Cause", "", _sentence(entry.cause), ""]
    told += ["## Cure", "", *_remedy(entry.remedy), ""]
    if entry.about:
        told += ["## More", "", entry.about, ""]
    for words, ids in (("Silenced by", entry.needs), ("Silences", tuple(effects))):
        if ids:
            told += [f"{words}: {', '.join(f'[{one}]({one}.md)' for one in ids)}.", ""]
    told.append(WRITTEN)
    return "\n".join(told) + "\n"


def _remedy(remedy: Remediation | None) -> list[str]:
    if remedy is None:
        return ["It depends on what was seen: the finding shows it."]
    told = [_sentence(remedy.text)]
    if remedy.commands:
        told += ["", *(f"    {line}" for line in remedy.lines)]
    if _by_whom(remedy):
        told += ["", f"{_first_upper(_by_whom(remedy, '`'))}."]
    for other in remedy.alternatives:
        told += ["", f"Or: {other.text}.", *([""] if other.lines else [])]
        told += [f"    {line}" for line in other.lines]
    return told


def _by_whom(remedy: Remediation, quote: str = "") -> str:
    """Say who carries a safe cure out: ``--fix`` becomes root for nobody."""
    if not remedy.is_safe:
        return ""
    fix = f"{quote}creds-doctor --fix{quote}"
    return f"{fix} can do it" if remedy.can_be_fixed else f"this requires root; {fix} only shows it"


def _sentence(text: str) -> str:
    return f"{_first_upper(text)}."


def _first_upper(text: str) -> str:
    """Return a sentence with a capital letter, unless it begins with a name that has none."""
    first = (text.split() or [""])[0]
    is_name = first.startswith(NAMES) or any(character in first for character in "_=./`")
    return text if is_name else f"{text[:1].upper()}{text[1:]}"


def index(entries: Iterable[Entry]) -> str:
    """Return the page that lists all of them, by area."""
    told = [
        "# What the doctor finds",
        "",
        "Root causes stand before their effects, and silence them. A level that depends is an",
        "error where no secret can be read, else a warning or a note.",
        "",
        "| area | check | level | means |",
        "|---|---|---|---|",
    ]
    group = ""
    for entry in entries:
        area = "" if entry.group == group else entry.group
        group = entry.group
        link = f"[{entry.id}](checks/{entry.id}.md)"
        told.append(f"| {area} | {link} | {_word(entry)} | {entry.title} |")
    return (
        "\n".join([*told, "", "Written by `scripts/check-pages` from the registry of checks."])
        + "\n"
    )
