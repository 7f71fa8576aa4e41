"""Take the commands to type out of the documents, so that a test types what a reader types.

A code block is indented by four columns more than the text around it. Its lines are commands; a
comment behind two blanks is not typed. In a block that begins with ``$`` or ``#`` only the lines
with this prompt are commands (of a user, of root), and the others show what is printed: ``…``
stands for anything. The lines of a here-document belong to its command.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).parents[1]
COMMENT = re.compile(r" {2,}# .*$", re.MULTILINE)
PROMPTS = ("$ ", "# ")
HERE_DOCUMENT = re.compile(r"<<'?(\w+)'?$", re.MULTILINE)
NEW_LOGIN = re.compile(r"^Log (?:out, and log )?in again", re.MULTILINE)
PROCESS = re.compile(r"\bpid\\ \d+")  # after re.escape


class Step(NamedTuple):
    """A command of a transcript; ``prompt`` is ``$`` or ``#``, ``printed`` what follows."""

    prompt: str
    command: str
    printed: str


def blocks(text: str) -> list[str]:
    """Return the code blocks of a Markdown page, without their indentation."""
    found: list[list[str]] = []
    is_after_blank, is_in_block, indent = True, False, 0
    for line in text.splitlines():
        width = len(line) - len(line.lstrip(" "))
        if is_after_blank and line.strip() and width >= 4 and not is_in_block:
            is_in_block, indent = True, width
            found.append([])
        elif is_in_block and line.strip() and width < indent:
            is_in_block = False
        if is_in_block:
            found[-1].append(line[indent:])
        is_after_blank = not line.strip()
    return ["\n".join(lines).strip("\n") for lines in found]


def block(page: str, holding: str) -> str:
    """Return the only code block of a page that holds this text; one that is this text comes first.

    Raises AssertionError.
    """
    found = [one for one in blocks((CHECKOUT / page).read_text("utf-8")) if holding in one]
    found = [one for one in found if COMMENT.sub("", one) == holding] or found
    assert len(found) == 1, f"{page}: {len(found)} code blocks hold {holding!r}"
    return found[0]


def commands(page: str, holding: str) -> list[str]:
    """Return the commands of the code block of a page that holds this text."""
    typed: list[str] = []
    for line in COMMENT.sub("", block(page, holding)).splitlines():
        if typed and not _is_whole(typed[-1]):
            typed[-1] += f"\n{line}"
        elif line.strip():
            typed.append(line)
    return typed


def transcripts(page: str) -> list[list[Step]]:
    """Return the commands of each transcript of a page, in their order."""
    return _transcripts((CHECKOUT / page).read_text("utf-8"))


def logins(page: str) -> list[list[Step]]:
    """Return the commands of a page's transcripts, in a list for each login that it asks for."""
    parts = re.split(NEW_LOGIN, (CHECKOUT / page).read_text("utf-8"))
    return [[step for steps in _transcripts(part) for step in steps] for part in parts]


def _transcripts(text: str) -> list[list[Step]]:
    found: list[list[Step]] = []
    for one in blocks(text):
        if not one.startswith(PROMPTS):
            continue
        found.append([])
        for line in one.splitlines():
            if line.startswith(PROMPTS):
                found[-1].append(Step(line[0], COMMENT.sub("", line[2:]), ""))
                continue
            last = found[-1].pop()
            if _is_whole(last.command):
                last = last._replace(printed=f"{last.printed}\n{line}".lstrip("\n"))
            else:
                last = last._replace(command=f"{last.command}\n{line}")
            found[-1].append(last)
    return found


def is_as_shown(printed: str, shown: str) -> bool:
    """Return whether a program printed what a document shows, ``…`` being anything.

    A message is broken at the width of the terminal, so any blanks and newlines count as one blank.
    Each process has an id of its own.
    """
    parts = (re.escape(" ".join(part.split())) for part in shown.split("…"))
    pattern = PROCESS.sub(r"pid \\d+", r"\ ?.*\ ?".join(parts))
    return re.fullmatch(pattern, " ".join(printed.split())) is not None


def _is_whole(command: str) -> bool:
    """Return whether a shell would run this, rather than wait for the rest of a text."""
    first, _, rest = command.partition("\n")
    if opened := HERE_DOCUMENT.search(first):
        return rest.split("\n")[-1] == opened[1]
    try:
        shlex.split(command)
    except ValueError:
        return False
    return not command.endswith(("\\", "|"))
