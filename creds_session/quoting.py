"""Names that a user chose, in a sentence that somebody else reads.

A file may be called ``x; sudo rm -r /`` or end its line. Such a name is shown in quotes and with
escapes, so that it can be told from the words around it.
"""

from __future__ import annotations

import re

PLAIN = re.compile(r"[\w./@%+=:,~-]{1,1024}")
LONGEST = 1024  # characters that are shown of a name


def quoted(name: str) -> str:
    """Return a name as it is if it is made of plain characters, else in double quotes.

    In quotes, a quote, a backslash and whatever cannot be printed are escapes as in Python. What
    is longer than 1,024 characters is cut, and ends with three dots.
    """
    if PLAIN.fullmatch(name):
        return name
    shown = name if len(name) <= LONGEST else f"{name[:LONGEST]}..."
    return f'"{"".join(map(_escaped, shown))}"'


def _escaped(character: str) -> str:
    if character in {'"', "\\"}:
        return f"\\{character}"
    if character.isprintable():
        return character
    return character.encode("unicode_escape", "surrogatepass").decode()
