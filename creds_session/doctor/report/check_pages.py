"""Describe the checks themselves: the list, one check for ``--explain``, its page, the index."""

from __future__ import annotations

import re
from collections.abc import Iterable

from creds_session.doctor.checks.registry import Case
from creds_session.findings import Remediation, Severity
from creds_session.records import NamedTuple

LINK = re.compile(r"\[([^]]+)\]\(([^)]+)\)")  # in Markdown, from the page of a check
NAMES = (
    *("gnome-keyring", "python-keyring", "libpam", "sshd", "systemd", "dbus-", "gcr", "creds"),
    "passwd",
)
WHOLE_NAMES = frozenset({"tmux", "su", "sudo", "snap"})
WRITTEN = "Written by `scripts/check-pages` from the registry of checks."
DEPENDS = "it depends on what was seen"
VARIES = "error or less"
SEVERAL = "creds-doctor shows the remedy for what it saw"


class Entry(NamedTuple):
    """A check as its page describes it.

    ``level`` is None if the level depends on what was seen; ``level_text`` then says on what.
    """

    id: str
    group: str
    level: Severity | None
    title: str
    cause: str
    remedy: Remediation | None
    needs: tuple[str, ...]
    about: str
    level_text: str = DEPENDS
    cases: tuple[Case, ...] = ()


def list_lines(entries: Iterable[Entry]) -> list[str]:
    """Return one line for each check: id, level, title."""
    entries = tuple(entries)
    width = max(len(entry.id) for entry in entries)
    return [
        f"{entry.id:<{width}}  {_word(entry):<{len(VARIES)}}  {entry.title}" for entry in entries
    ]


def explain_lines(entry: Entry) -> list[str]:
    """Return the lines that ``--explain`` prints about a check, without Markdown."""
    lines = [f"{entry.id}: {entry.title}", f"area: {entry.group}", f"level: {_level(entry)}"]
    lines += [f"cause: {entry.cause}", *_explained_remedy(entry)]
    for case in entry.cases:
        lines += [f"  if {_without_links(case.seen)}:", f"        {_without_links(case.remedy)}"]
    if entry.needs:
        lines += [f"skipped if one of these finds something: {', '.join(entry.needs)}"]
    if entry.about:
        lines += ["", _without_links(entry.about)]
    page = f"reference/checks/{entry.id}.md"
    return [*lines, "", f"This text is also in the documentation: {page}"]


def _explained_remedy(entry: Entry) -> list[str]:
    remedy = entry.remedy
    if remedy is None:
        usual = "; these are the usual cases" if entry.cases else ""
        return [f"remedy: {SEVERAL}{usual}"]
    lines = [f"remedy: {remedy.text}", *(f"        {line}" for line in remedy.lines)]
    lines += [f"        ({_by_whom(remedy)})"] if _by_whom(remedy) else []
    for other in remedy.alternatives:
        lines += [f"or: {other.text}", *(f"        {line}" for line in other.lines)]
    return lines


def _without_links(text: str) -> str:
    """Return a text of a page for a terminal: a link becomes the name of what it leads to."""
    return LINK.sub(_as_words, text)


def _as_words(link: re.Match[str]) -> str:
    words, target = link.groups()
    if target.startswith("../../"):
        return f"{words} ({target[len('../../') :]} in the documentation)"
    return f"{words} (creds-doctor --explain {target[: -len('.md')]})"


def _word(entry: Entry) -> str:
    return entry.level.value if entry.level else VARIES


def _level(entry: Entry) -> str:
    return entry.level.value if entry.level is not None else entry.level_text


def page(entry: Entry, effects: Iterable[str]) -> str:
    """Return the page of a check in Markdown; ``effects`` are the checks that it silences."""
    lines = [f"# {entry.id}", "", f"{_sentence(entry.title)}", ""]
    lines += [f"Area: {entry.group}. Level: {_level(entry)}.", ""]
    lines += ["## Cause", "", _sentence(entry.cause), ""]
    lines += ["## Remedy", "", *_remedy(entry), ""]
    if entry.about:
        lines += ["## More", "", entry.about, ""]
    for words, ids in (
        ("Skipped if one of these checks finds something", entry.needs),
        ("If this check finds something, these are skipped", tuple(effects)),
    ):
        if ids:
            lines += [f"{words}: {', '.join(f'[{name}]({name}.md)' for name in ids)}.", ""]
    lines.append(WRITTEN)
    return "\n".join(lines) + "\n"


def _remedy(entry: Entry) -> list[str]:
    remedy = entry.remedy
    if remedy is None:
        usual = " These are the usual cases:" if entry.cases else ""
        return [f"`creds-doctor` shows the remedy for what it saw.{usual}", "", *_table(entry)]
    lines = [_sentence(remedy.text)]
    if remedy.commands:
        lines += ["", *(f"    {line}" for line in remedy.lines)]
    if _by_whom(remedy):
        lines += ["", f"{_first_upper(_by_whom(remedy, '`'))}."]
    for other in remedy.alternatives:
        lines += ["", f"Or: {other.text}.", *([""] if other.lines else [])]
        lines += [f"    {line}" for line in other.lines]
    return [*lines, *(["", *_table(entry)] if entry.cases else [])]


def _table(entry: Entry) -> list[str]:
    rows = [f"| {_cell(case.seen)} | {_cell(case.remedy)} |" for case in entry.cases]
    return ["| if | then |", "|---|---|", *rows] if rows else []


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _by_whom(remedy: Remediation, quote: str = "") -> str:
    """Say who carries out a safe remedy: ``--fix`` never does what requires root."""
    if not remedy.is_safe:
        return ""
    fix = f"{quote}creds-doctor --fix{quote}"
    return f"{fix} can do it" if remedy.can_be_fixed else f"this requires root; {fix} only shows it"


def _sentence(text: str) -> str:
    return f"{_first_upper(text)}."


def _first_upper(text: str) -> str:
    """Return a sentence with a capital letter, unless it begins with a name that has none."""
    first = (text.split() or [""])[0]
    is_name = first.startswith(NAMES) or first.rstrip(",;:") in WHOLE_NAMES
    is_name = is_name or any(character in first for character in "_=./`")
    return text if is_name else f"{text[:1].upper()}{text[1:]}"


def index(entries: Iterable[Entry]) -> str:
    """Return the page that lists all checks, by area."""
    lines = [
        "# What creds-doctor finds",
        "",
        "Root causes are listed before their effects. If a root cause is found, the checks for its",
        "effects are skipped. The level `error or less` depends on what was seen: most of these",
        "checks are errors if no secret can be read, and warnings or notes otherwise.",
        "",
        "| area | check | level | meaning |",
        "|---|---|---|---|",
    ]
    group = ""
    for entry in entries:
        area = "" if entry.group == group else entry.group
        group = entry.group
        link = f"[{entry.id}](checks/{entry.id}.md)"
        lines.append(f"| {area} | {link} | {_word(entry)} | {entry.title} |")
    return "\n".join([*lines, "", WRITTEN]) + "\n"
