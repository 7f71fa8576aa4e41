"""Make text from other programs and files safe for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return the text on one line, with an escape in place of each character that is not printable.

    An error of another program, an argument of a process and the name of a file can hold any
    character, and a terminal acts on some of them.
    """
    return _escaped(text, "")


def printable_lines(text: str) -> str:
    """Return the text as ``printable`` does, but keep newlines and tabs."""
    return _escaped(text, "\t\n")


def _escaped(text: str, kept: str) -> str:
    return "".join(c if c.isprintable() or c in kept else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
