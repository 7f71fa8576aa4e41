"""Find the lines that libpam before 1.6 and libpam since 1.6 read differently."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from creds_session.findings import Severity
from creds_session.pam.syntax.controls import all_words
from creds_session.pam.syntax.diagnostic import Diagnostic
from creds_session.pam.syntax.lines import LINE_LIMIT, LineEnd, assemble, next_uneven
from creds_session.pam.syntax.terms import Dialect

_OTHER_ASSEMBLY: Final = {
    Dialect.DEBIAN_1_5: Dialect.DEBIAN_1_7,
    Dialect.DEBIAN_1_7: Dialect.DEBIAN_1_5,
    Dialect.UPSTREAM_1_5: Dialect.UPSTREAM_1_7,
    Dialect.UPSTREAM_1_7: Dialect.UPSTREAM_1_5,
}
_REASON: Final = (
    "libpam before 1.6 and since 1.6 read this line differently: it is longer"
    f" than {LINE_LIMIT} bytes, or a blank or comment line interrupts what it continues"
)
_Meanings = dict[tuple[int, int], tuple[LineEnd, tuple[bytes, ...]]]
"""The words of each line that is not ignored, by the line and column where it starts."""


def reading_differences(data: bytes, dialect: Dialect) -> Iterator[Diagnostic]:
    """Yield a warning for each line of a file that the two kinds of libpam read differently."""
    start, number = 0, 1
    while True:
        uneven = next_uneven(data, start)
        if uneven == len(data):
            return
        number += data.count(b"\n", start, uneven)
        mine, other, start = _both_readings(data, dialect, uneven, number)
        numbers = {key[0] for key, meaning in mine.items() if other.get(key) != meaning}
        numbers |= {key[0] for key in other if key not in mine}
        for differing in sorted(numbers):
            yield Diagnostic(Severity.WARNING, "dialects-differ", differing, 1, _REASON)
        number += data.count(b"\n", uneven, start)


def _both_readings(
    data: bytes, dialect: Dialect, start: int, number: int
) -> tuple[_Meanings, _Meanings, int]:
    """Return both readings of the lines from ``start`` on, and where they end.

    They end where both kinds of libpam next begin a line at the same byte.
    """
    readers = [assemble(data, each, start, number) for each in (dialect, _OTHER_ASSEMBLY[dialect])]
    meanings: tuple[_Meanings, _Meanings] = ({}, {})
    stops = [start, start]
    # The reading that is behind goes on by one line, until both stop at the same byte.
    while stops[0] != stops[1] or stops[0] == start:
        behind = stops.index(min(stops))
        line = next(readers[behind])
        stops[behind] += len(line.source)
        if line.end is not LineEnd.IGNORED:
            meanings[behind][line.number, line.column] = line.end, all_words(line.text, 0)
    return (*meanings, stops[0])
