"""The rows of the page on files and variables that concern one command."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from scripts.documents import roff
from scripts.documents.markdown import Block, reference, render, sections

PAGE = "files-and-variables.md"
WHO = ("read by", "written by")
COMMAND = re.compile(r"\\fB(.*?)\\fR")


def environment(command: str) -> list[str]:
    """Return the section on the variables that a command reads."""
    rows = [
        row
        for heading in ("Variables of creds-session", "Variables of the session")
        for row in _of(heading, command)
    ]
    return [".SH ENVIRONMENT", *render(rows), *_others("variables")]


def files(command: str) -> list[str]:
    """Return the section on the files that a command writes or reads."""
    headings = ["Files that you write", "Files that are read"]
    rows = [row for heading in headings for row in _of(heading, command)]
    if command == "creds-setup-pam":
        tables = [block for block in sections(PAGE)["Files that root writes"] if block.head]
        rows = [tables[1], *rows]
    return [".SH FILES", *render(rows), *_others("files")]


def _others(what: str) -> list[str]:
    text = f"All {what} of creds\\-session are listed in {reference('creds-session', 7)}."
    return [".PP", *roff.lines(text)]


def _of(heading: str, command: str) -> Iterator[Block]:
    """Yield the rows of the tables below a heading that name a command, without that column."""
    for table in sections(PAGE)[heading]:
        column = next((n for n, name in enumerate(table.head) if name in WHO), None)
        if column is None:
            continue
        rows = [_without(row, column) for row in table.items if _names(row[column], command)]
        if rows:
            yield Block("table", "", rows, _without(table.head, column))


def _without(row: Sequence[str], column: int) -> list[str]:
    return [cell for number, cell in enumerate(row) if number != column]


def _names(said: str, command: str) -> bool:
    """Return whether a cell names a command: by itself, by its program, or by "all"."""
    if said.startswith("all"):
        return True
    named = {name.replace("\\-", "-") for name in COMMAND.findall(said)}
    program, _, word = command.partition(" ")
    wanted = {command, program, f"creds-{word}"} | ({word} if word else set())
    return any(name in wanted or name.startswith(f"{command} ") for name in named)
