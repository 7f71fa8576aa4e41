"""What a .netrc says, as ftp(1), curl and GNU inetutils read it (the netrc section there).

Tokens are separated by blanks, tabs and newlines; one may be in double quotes, with backslashes
in it (curl, lib/netrc.c; GNU inetutils). ``macdef`` goes to the next empty line. ``#`` begins a
comment where a keyword could stand; a password may begin with it, as for ftp. ``default`` is for
all machines that were not named: it has no machine here.
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
QUOTE = 'put a password with a blank in it in quotes: "..."'


class NetrcEntry(NamedTuple):
    """A machine's login and password, and the line where it begins; ``default`` has no machine."""

    line: int
    machine: str | None
    login: str | None = None
    password: Secret | None = None


def parse_netrc(content: bytes, name: str) -> list[NetrcEntry]:
    """Return the entries in their order. Raises InvalidData, with the file's name and line."""
    found: list[NetrcEntry] = []
    reader = _Reader(content, name)
    while (word := reader.keyword()) is not None:
        if word == b"machine":
            found.append(NetrcEntry(reader.line, reader.value("machine")))
        elif word == b"default":
            found.append(NetrcEntry(reader.line, None))
        elif word == b"macdef":
            reader.skip_macro()
        elif word in VALUES and found:
            found[-1] = _filled(found[-1], word, reader.value(word.decode()))
        elif word in VALUES:
            raise reader.wrong(f"{word.decode()} comes before any machine")
        else:  # it may be the rest of a password with a blank: it is not shown
            raise reader.wrong("a word that is none of a netrc's", QUOTE)
    return found


def _filled(entry: NetrcEntry, word: bytes, value: str) -> NetrcEntry:
    if word == b"password":
        return entry._replace(password=Secret(value.encode()))
    return entry._replace(login=value) if word == b"login" else entry


class _Reader:
    """The tokens of a file, and the line of the last one."""

    def __init__(self, content: bytes, name: str) -> None:
        self._content, self._name, self._place = content, name, 0
        self.line = 1

    def keyword(self) -> bytes | None:
        """Return the next word, comments left out, or None at the end."""
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
        """Go on behind the definition of a macro."""
        self._advance(MACRO)

    def wrong(self, problem: str, hint: str = "") -> InvalidData:
        """Return what is wrong at this place."""
        place = f"{self._name}:{self.line}"
        return InvalidData(f"{place}: {problem}; nothing was stored", hint=hint)

    def _next(self, *patterns: re.Pattern[bytes]) -> bytes | None:
        self._advance(BLANK)
        return next(filter(None, map(self._advance, patterns)), None)

    def _advance(self, pattern: re.Pattern[bytes]) -> bytes | None:
        found = pattern.match(self._content, self._place)
        if found is None:
            return None
        self.line += found.group().count(b"\n")
        self._place = found.end()
        return found.group()

    def _unquoted(self, word: bytes) -> bytes:
        whole = QUOTED.fullmatch(word)
        if whole is None:
            raise self.wrong("a quote that does not end on its line")
        return ESCAPED.sub(lambda one: ESCAPES.get(one.group(1), one.group(1)), whole.group(1))
