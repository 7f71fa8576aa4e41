"""Write roff with the macros of man(7): fonts, sentences, lists and examples."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

COLUMNS = 78
"""The width of a line of text in a file; mandoc(1) warns about lines longer than 80."""

SPECIAL = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
SPECIAL |= {"…": "...", "\N{EN DASH}": r"\(en", "→": r"\(->"}
SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z\\])")
BREAK = r"|\:"  # a line may end behind it
HARD_SPACE = r"\~"


def escape(text: str) -> str:
    """Return text without anything that roff would understand as an instruction."""
    return "".join(SPECIAL.get(character, character) for character in text)


def bold(text: str) -> str:
    """Return text in bold, for what is typed as it stands."""
    return rf"\fB{escape(text)}\fR"


def italic(text: str) -> str:
    """Return text in italics, for what is replaced by a value."""
    return rf"\fI{escape(text)}\fR"


def together(text: str) -> str:
    """Return text that is not broken at its spaces."""
    return text.replace(" ", HARD_SPACE)


def lines(text: str) -> list[str]:
    """Return roff text as lines: a sentence begins a line, as mandoc(1) wants it."""
    found = []
    for sentence in SENTENCE.split(" ".join(text.split())):
        found += textwrap.wrap(sentence, COLUMNS, break_long_words=False, break_on_hyphens=False)
    return [guarded(line) for line in found]


def guarded(line: str) -> str:
    """Return a line that is no request, whatever it begins with."""
    return rf"\&{line}" if line.startswith((".", "'")) else line


def tagged(tag: str, body: Iterable[str]) -> list[str]:
    """Return an item of a list: a tag, and lines that describe it."""
    return [".TP 7", guarded(tag), *body]


def example(commands: Iterable[str]) -> list[str]:
    """Return lines that keep their ends, indented, for a reader who copies them."""
    kept = [guarded(escape(command)) for command in commands]
    return [".PP", ".RS 4", ".EX", *kept, ".EE", ".RE"]
