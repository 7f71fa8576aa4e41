"""Split bytes into logical lines, as libpam assembles them; every byte is kept.

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

from creds_session.pam.syntax.terms import Dialect

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE_LIMIT = 1023
"""The most bytes libpam before 1.6.0 takes for one line (BUF_SIZE less the NUL)."""

_BLANKS = b" \t\n"
# A line that some libpam splits, or may join with the next line: the line is too long, or has a
# backslash before its end or before a NUL. A comment hides a backslash after it, a NUL does not.
_UNEVEN = re.compile(
    rb"^(?:[^\n]{%d}|[^#\0\n]*(?:\0[^\n]*)?\\[ \t]*(?:[\n\0]|\Z))" % LINE_LIMIT,
    re.MULTILINE,
)


class LineEnd(enum.Enum):
    """How a logical line ends."""

    COMPLETE = "complete"
    IGNORED = "ignored"
    UNFINISHED = "unfinished"
    ENDLESS = "endless"


class LogicalLine(NamedTuple):
    """One line as libpam reads it.

    ``source`` has its exact bytes. ``number`` and ``column`` say where it starts, counted from 1;
    the column is 1 except for the rest of a line that was too long. ``text`` is what libpam parses.
    ``segments`` has a pair (offset in text, offset in source) for each line that was joined.
    """

    source: bytes
    number: int
    column: int
    text: bytes
    segments: tuple[tuple[int, int], ...]
    end: LineEnd

    def source_offset(self, text_offset: int) -> int:
        """Return the offset in ``source`` for an offset in ``text``."""
        if self.segments is _IN_PLACE:
            return text_offset
        for start, place in reversed(self.segments):
            if text_offset >= start:
                return place + text_offset - start
        return text_offset


_IN_PLACE = ((0, 0),)
"""The segments of a text that is the beginning of its source."""


class _Assembled(NamedTuple):
    """What one call of libpam's assembler made of the bytes before ``stop``."""

    stop: int
    text: bytes
    segments: tuple[tuple[int, int], ...]
    end: LineEnd


def next_uneven(data: bytes, position: int) -> int:
    """Return the offset of the first line from ``position`` on that is not even.

    Every libpam reads an even line alone and in the same way. Most lines are even, and can be read
    fast.
    """
    found = _UNEVEN.search(data, position)
    return found.start() if found else len(data)


def even_line(source: bytes) -> LogicalLine:
    """Return the logical line of an even line, as if it were the first line of its file.

    Every dialect reads the same words at the same places.
    """
    text = _c_string(source.partition(b"#")[0])
    end = LineEnd.COMPLETE if text.strip(_BLANKS) else LineEnd.IGNORED
    return LogicalLine(source, 1, 1, text, _IN_PLACE, end)


def assemble(
    data: bytes, dialect: Dialect = Dialect.DEBIAN_1_7, start: int = 0, number: int = 1
) -> Iterator[LogicalLine]:
    """Yield the logical lines of a file; their joined sources are always ``data``.

    ``start`` is the offset at which the line with that ``number`` begins.
    """
    read = _assemble_limited if dialect.has_line_limit else _assemble_unlimited
    line_start = start
    while start < len(data):
        stop, text, segments, end = read(data, start)
        source = data[start:stop]
        yield LogicalLine(source, number, start - line_start + 1, text, segments, end)
        newlines = source.count(b"\n")
        if newlines:
            number += newlines
            line_start = start + source.rindex(b"\n") + 1
        start = stop


def _c_string(data: bytes) -> bytes:
    """Return the bytes before the first NUL, as every string function of C does."""
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
        has_comment = b"#" in piece and b"#" in _c_string(piece)
        is_last = not goes_on or has_comment
        words = piece.lstrip(b" \t")
        indent = len(piece) - len(words)
        if has_comment:
            words = words.partition(b"#")[0] + b"\0"
        if words and (parts or not is_last or words[:1] not in {b"\0", b"\n"}):
            segments.append((used, position - start + indent))
            parts.append(words)
            used += len(words)
        position = stop
        if is_last:
            text = _c_string(b"".join(parts))
            end = LineEnd.COMPLETE if text else LineEnd.IGNORED
            return _Assembled(stop, text, tuple(segments) if text else (), end)
    return _Assembled(position, b"", (), LineEnd.UNFINISHED)
