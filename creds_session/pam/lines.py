"""Bytes to logical lines, as libpam assembles them; every byte is kept.

Two readings exist. Before 1.6.0 (pam_handlers.c:_pam_assemble_line) a line is read by
fgets into the rest of a buffer of 1024 bytes; since then
(libpam_internal/pam_line.c:_pam_line_assemble) by getline, without a limit.

======================================= ======================= =====================
case                                    before 1.6.0            1.6.0 and later
======================================= ======================= =====================
more than 1023 bytes in a logical line  the rest is a new line  one line
backslash, then a blank or comment line goes on after it        the line ends there
backslash alone, then a comment line    goes on after it        nothing to read
backslash at the end of the file        the file is refused     the file is refused
backslash as byte 1023 of a line        libpam never returns    goes on
======================================= ======================= =====================
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, NamedTuple

from creds_session.pam.terms import Dialect

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE_LIMIT = 1023
"""The most bytes libpam before 1.6.0 takes for one line (BUF_SIZE less the NUL)."""

_BLANKS = b" \t\n"
_SPECIAL = re.compile(rb"[#\\\0]")


class LineEnd(enum.Enum):
    """How a logical line came to its end."""

    COMPLETE = "complete"
    IGNORED = "ignored"
    UNFINISHED = "unfinished"
    ENDLESS = "endless"


class LogicalLine(NamedTuple):
    """One line as libpam reads it.

    ``source`` is its exact bytes; ``number`` and ``column`` say where it starts (from 1;
    the column is not 1 only for the rest of a line that was too long); ``text`` is what
    libpam goes on to parse; ``segments`` maps it back: pairs (offset in text, offset in
    source), a new pair for each continued line.
    """

    source: bytes
    number: int
    column: int
    text: bytes
    segments: tuple[tuple[int, int], ...]
    end: LineEnd

    def source_offset(self, text_offset: int) -> int:
        """Translate an offset in ``text`` into one in ``source``."""
        for start, place in reversed(self.segments):
            if text_offset >= start:
                return place + text_offset - start
        return text_offset


class _Assembled(NamedTuple):
    """What one call of libpam's assembler made of the bytes up to ``stop``."""

    stop: int
    text: bytes
    segments: tuple[tuple[int, int], ...]
    end: LineEnd


def assemble(data: bytes, dialect: Dialect = Dialect.DEBIAN_1_7) -> Iterator[LogicalLine]:
    """Yield the logical lines of a file; their sources joined are ``data``, always."""
    read = _assemble_limited if dialect.has_line_limit else _assemble_unlimited
    start, number, line_start = 0, 1, 0
    while start < len(data):
        stop, text, segments, end = _plain(data, start) or read(data, start)
        source = data[start:stop]
        yield LogicalLine(source, number, start - line_start + 1, text, segments, end)
        newlines = source.count(b"\n")
        if newlines:
            number += newlines
            line_start = start + source.rindex(b"\n") + 1
        start = stop


def _plain(data: bytes, start: int) -> _Assembled | None:
    """Read the line that most lines are, about which nobody disagrees; for speed alone."""
    stop = data.find(b"\n", start, start + LINE_LIMIT) + 1
    if not stop:
        return None
    source = data[start:stop]
    if _SPECIAL.search(source):
        return None
    text = source.lstrip(b" \t")
    if text == b"\n":
        return _Assembled(stop, b"", (), LineEnd.IGNORED)
    return _Assembled(stop, text, ((0, len(source) - len(text)),), LineEnd.COMPLETE)


def _c_string(data: bytes) -> bytes:
    """Cut at the first NUL, as every string function of C does."""
    end = data.find(b"\0")
    return data if end < 0 else data[:end]


def _assemble_limited(data: bytes, start: int) -> _Assembled:
    """Follow pam_handlers.c:_pam_assemble_line of 1.5 (fgets into what is left)."""
    parts: list[bytes] = []
    segments: list[tuple[int, int]] = []
    used, position = 0, start
    while position < len(data):
        room = LINE_LIMIT - used
        if not room:
            # fgets(p, 1, f) reads nothing and succeeds: the loop never ends.
            return _Assembled(len(data), b"", (), LineEnd.ENDLESS)
        newline = data.find(b"\n", position, position + room)
        stop = newline + 1 if newline >= 0 else min(position + room, len(data))
        piece = _c_string(data[position:stop])
        words = piece.lstrip(_BLANKS)
        if not words or words.startswith(b"#"):
            if not parts:
                return _Assembled(stop, b"", (), LineEnd.IGNORED)
            position = stop
            continue
        segments.append((used, position - start))
        piece, comment, _ = piece.partition(b"#")
        bare = piece.rstrip(_BLANKS)
        if comment or not bare.endswith(b"\\"):
            parts.append(piece)
            return _Assembled(stop, b"".join(parts), tuple(segments), LineEnd.COMPLETE)
        parts.append(bare[:-1] + b" ")
        used, position = used + len(bare), stop
    return _Assembled(position, b"", (), LineEnd.UNFINISHED)


def _assemble_unlimited(data: bytes, start: int) -> _Assembled:
    """Follow pam_line.c:_pam_line_assemble of 1.7 (getline)."""
    parts: list[bytes] = []
    segments: list[tuple[int, int]] = []
    used, position = 0, start
    while position < len(data):
        newline = data.find(b"\n", position)
        stop = newline + 1 if newline >= 0 else len(data)
        piece = data[position:stop]
        bare = piece.rstrip(_BLANKS)
        goes_on = bare.endswith(b"\\")
        if goes_on:
            piece = bare[:-1] + b" "
        visible = _c_string(piece)
        is_last = not goes_on or b"#" in visible
        words = piece.lstrip(b" \t")
        if b"#" in visible:
            words = words.partition(b"#")[0] + b"\0"
        if words and (parts or not is_last or words[:1] not in {b"\0", b"\n"}):
            segments.append((used, position - start + len(piece) - len(piece.lstrip(b" \t"))))
            parts.append(words)
            used += len(words)
        position = stop
        if is_last:
            text = _c_string(b"".join(parts))
            end = LineEnd.COMPLETE if text else LineEnd.IGNORED
            return _Assembled(stop, text, tuple(segments) if text else (), end)
    return _Assembled(position, b"", (), LineEnd.UNFINISHED)
