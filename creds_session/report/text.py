"""Text of others, made safe for a terminal and for one line."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return the text with all that would act on a terminal, or is no text, as an escape.

    An error of another program, an argument of a process and a file's name can hold anything.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
