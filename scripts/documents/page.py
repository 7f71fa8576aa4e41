"""A man page: its header, and the sections that every page has."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from datetime import date
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple

from creds_session.version import __version__
from scripts.documents import arguments, roff
from scripts.documents.markdown import Block, reference, render

CHANGELOG = Path(__file__).parents[1] / "packaging" / "debian" / "changelog"
EXIT = re.compile(
    r"(?:^| )(The command exits with|The exit codes? (?:is|are)|The other exit codes)"
)
ABOUT_EXAMPLES = "The examples on this page"
ABOUT_A_TABLE = re.compile(r"\b(?:options|table)\b")
GENERAL_CODES = rf"The general meaning of each exit code is in {reference('creds-session', 7)}."
IN_DOCUMENTATION = (
    r"Pages whose names end in .md are in the documentation, which is installed in"
    r" \fI/usr/local/share/doc/creds\-session/docs\fR or"
    r" \fI/usr/share/doc/creds\-session/docs\fR."
)


class Page(NamedTuple):
    """A man page: its name, its section, what it describes, and its text."""

    name: str
    section: int
    summary: str
    text: Sequence[str]

    @property
    def file_name(self) -> str:
        """Return the name of the file."""
        return f"{self.name}.{self.section}"


def source(page: Page) -> str:
    """Return a page with its header. Its date is that of the version, so that it never drifts."""
    title = f"{roff.escape(page.name.upper())} {page.section} {released()}"
    origin = rf'"creds\-session {__version__}" "creds\-session"'
    lines = [
        r".\" Written by scripts/man-pages from the parsers and the reference pages.",
        ".nr HY 0",  # before the header, which reads it: a command that is copied has no hyphen
        f".TH {title} {origin}",
        ".ad l",
        ".SH NAME",
        rf"{roff.escape(page.name)} \- {roff.escape(page.summary)}",
        *page.text,
    ]
    return "\n".join(without_empty_paragraphs(lines)) + "\n"


def without_empty_paragraphs(lines: Iterable[str]) -> list[str]:
    """Return lines without the paragraph macros that begin a section, where they do nothing."""
    found: list[str] = []
    for line in lines:
        if not (line == ".PP" and found and found[-1].startswith((".SH", ".SS"))):
            found.append(line)
    return found


def released() -> date:
    """Return the date of this version, which the changelog of the Debian package has."""
    last = next(line for line in CHANGELOG.read_text("utf-8").splitlines() if line[:4] == " -- ")
    return parsedate_to_datetime(last.rpartition("  ")[2]).date()


def divided(blocks: Sequence[Block]) -> tuple[list[Block], list[Block]]:
    """Divide a section of a reference page into its description and its exit codes.

    The synopsis, the examples and the tables of options are left out, with the words that announce
    them: the parser has them.
    """
    described: list[Block] = []
    codes: list[Block] = []
    for block in blocks:
        head = block.head[0] if block.head else ""
        if block.kind == "code" or head.endswith(("option", "command")):
            _drop_announcement(described, is_table=block.kind == "table")
        elif head == "code":
            codes.append(block)
        elif block.kind == "paragraph" and not block.text.startswith(ABOUT_EXAMPLES):
            before, after = _at_exit_codes(block.text)
            described += [Block("paragraph", before)] if before else []
            codes += [Block("paragraph", after)] if after else []
        elif block.kind != "paragraph":
            described.append(block)
    return described, codes


def _at_exit_codes(text: str) -> tuple[str, str]:
    found = EXIT.search(text)
    return (text[: found.start()], text[found.start() :].strip()) if found else (text, "")


def _drop_announcement(blocks: list[Block], *, is_table: bool) -> None:
    """Remove the last sentence, if it is about what stands below it."""
    if not blocks or blocks[-1].kind != "paragraph":
        return
    *kept, last = roff.SENTENCE.split(blocks[-1].text)
    if last.endswith(":") or (is_table and ABOUT_A_TABLE.search(last)):
        blocks[-1] = Block("paragraph", " ".join(kept))
        if not kept:
            del blocks[-1]


def options(parser: argparse.ArgumentParser) -> list[str]:
    """Return the sections on arguments and options."""
    text: list[str] = []
    if arguments.operands(parser):
        text += [".SH ARGUMENTS", *arguments.described(parser, arguments.operands(parser))]
    return [*text, ".SH OPTIONS", *arguments.described(parser, arguments.options(parser))]


def exit_status(codes: Sequence[Block]) -> list[str]:
    """Return the section on exit codes."""
    return [".SH EXIT STATUS", *render(codes), ".PP", *roff.lines(GENERAL_CODES)]


def see_also(name: str, others: Iterable[str] = ()) -> list[str]:
    """Return the section that names the other pages."""
    known = {"creds-setup-pam": 8, "creds-doctor-checks": 7, "creds-session": 7}
    usual = ("creds", *others, "creds-doctor", "creds-setup-pam", "creds-session")
    names = sorted(dict.fromkeys(other for other in usual if other != name))
    places = sorted((known.get(other, 1), other) for other in names)
    marked = ",\n".join(reference(other, section) for section, other in places).split("\n")
    return [".SH SEE ALSO", *marked, ".PP", *roff.lines(IN_DOCUMENTATION)]
