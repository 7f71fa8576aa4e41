"""Quote names that a user chose, for a sentence that another person reads.

A file may be called ``x; sudo rm -r /``, or its name may have a newline. Such a name is printed in
quotes and with escapes, so that it is not taken for a part of the sentence.
"""

from __future__ import annotations

import re

PLAIN = re.compile(r"[\w./@%+=:,~-]{1,1024}")
LONGEST = 1024  # characters of a name that are printed


def quoted(name: str) -> str:
    """Return a name unchanged if it has only plain characters, or else in double quotes.

    In quotes, a quote, a backslash and every character that is not printable are escaped as in
    Python. A name of more than 1,024 characters is cut, and ends with three dots.
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
