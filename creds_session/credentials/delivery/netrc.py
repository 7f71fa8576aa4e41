"""Parse a .netrc file as ftp(1), curl and GNU inetutils read it.

Tokens are separated by blanks, tabs and newlines. A token may be in double quotes, with backslashes
as escapes (curl, lib/netrc.c; GNU inetutils). ``macdef`` extends to the next empty line. ``#``
begins a comment if it stands in the place of a keyword; a password may begin with ``#``, as in ftp.
``default`` is for all machines that are not named; its entry has no machine here.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from creds_session.errors import InvalidData
from creds_session.secret import Secret

VALUES = (b"login", b"password", b"account")
QUOTED = re.compile(rb'"((?:[^"\\\n]|\\.)*)"')
ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}
PLAIN = re.compile(rb"[^ \t\r\n]+")
BLANK = re.compile(rb"[ \t\r\n]*")
COMMENT = re.compile(rb"#[^\n]*")
MACRO = re.compile(rb"[^\n]*\n(?:[^\r\n][^\n]*\n)*[^\n]*")
QUOTE = 'write a password that has a blank in quotes: "..."'


class NetrcEntry(NamedTuple):
    """Hold a machine's login and password, and the number of the line on which the entry begins."""

    line: int
    machine: str | None
    login: str | None = None
    password: Secret | None = None


def parse_netrc(content: bytes, name: str) -> list[NetrcEntry]:
    """Return the entries of a file in their order; ``name`` is the file's name for messages.

    Raises: InvalidData, whose message names the file and the line.
    """
    entries: list[NetrcEntry] = []
    reader = _Reader(content, name)
    while (word := reader.keyword()) is not None:
        if word == b"machine":
            entries.append(NetrcEntry(reader.line, reader.value("machine")))
        elif word == b"default":
            entries.append(NetrcEntry(reader.line, None))
        elif word == b"macdef":
            reader.skip_macro()
        elif word in VALUES and entries:
            entries[-1] = _filled(entries[-1], word, reader.value(word.decode()))
        elif word in VALUES:
            raise reader.wrong(f"{word.decode()} comes before the first machine")
        else:  # the word is not shown, because it may be a part of a password with a blank
            raise reader.wrong("a word that is not a keyword of a netrc file", QUOTE)
    return entries


def _filled(entry: NetrcEntry, word: bytes, value: str) -> NetrcEntry:
    if word == b"password":
        return entry._replace(password=Secret(value.encode()))
    return entry._replace(login=value) if word == b"login" else entry


class _Reader:
    """Read the tokens of a file; ``line`` is the number of the last token's line."""

    def __init__(self, content: bytes, name: str) -> None:
        self._content, self._name, self._place = content, name, 0
        self.line = 1

    def keyword(self) -> bytes | None:
        """Return the next word that is not in a comment, or None at the end."""
        while (word := self._next(COMMENT, PLAIN)) is not None and word.startswith(b"#"):
            pass
        return word

    def value(self, keyword: str) -> str:
        """Return the value of a keyword."""
        line = self.line
        word = self._next(QUOTED, PLAIN)
        if word is None:
            self.line = line
            raise self.wrong(f"{keyword} without a value")
        if word.startswith(b'"'):
            word = self._unquoted(word)
        try:
            return word.decode()
        except UnicodeDecodeError:
            raise self.wrong(f"the value of {keyword} is not UTF-8") from None

    def skip_macro(self) -> None:
        """Skip the definition of a macro."""
        self._advance(MACRO)

    def wrong(self, problem: str, hint: str = "") -> InvalidData:
        """Return the error for this place in the file."""
        place = f"{self._name}:{self.line}"
        return InvalidData(f"{place}: {problem}; nothing was stored", hint=hint)

    def _next(self, *patterns: re.Pattern[bytes]) -> bytes | None:
        self._advance(BLANK)
        return next(filter(None, map(self._advance, patterns)), None)

    def _advance(self, pattern: re.Pattern[bytes]) -> bytes | None:
        match = pattern.match(self._content, self._place)
        if match is None:
            return None
        self.line += match.group().count(b"\n")
        self._place = match.end()
        return match.group()

    def _unquoted(self, word: bytes) -> bytes:
        whole = QUOTED.fullmatch(word)
        if whole is None:
            raise self.wrong("a quote that does not end on its line")
        return ESCAPED.sub(lambda match: ESCAPES.get(match[1], match[1]), whole.group(1))
