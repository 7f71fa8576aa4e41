"""Text of others, made safe for a terminal and for one line."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return the text with all that would act on a terminal, or is no text, as an escape.

    An error of another program, an argument of a process and a file's name can hold anything.
    """
    return _escaped(text, "")


def printable_lines(text: str) -> str:
    """Return the same of a text that may have several lines, and tabs."""
    return _escaped(text, "\t\n")


def _escaped(text: str, kept: str) -> str:
    return "".join(c if c.isprintable() or c in kept else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
