"""Lines and tables of an explanation for a terminal that is too narrow for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from textwrap import wrap

from creds_session.setup_pam.explain.explanation import Cell, Tone

COLUMN = re.compile(r"(?<=\S)  +(?=\S)")  # two blanks or more divide columns
MARGIN = re.compile(r"[\s\d│├└─|`-]*")


def fitted(line: str, width: int) -> list[str]:
    """Break a line at its words; what follows stands below the last column of the line.

    A width of 0 is that of a line of any length.
    """
    if not width or len(line) <= width:
        return [line]
    columns = [gap.end() for gap in COLUMN.finditer(line) if gap.end() <= width // 2]
    margin = MARGIN.match(line)
    hanging = columns[-1] if columns else (margin.end() if margin else 0) + 2
    return wrap(
        line,
        width,
        subsequent_indent=" " * hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def tables(
    rows: Sequence[tuple[str, Sequence[Cell]]], width: int, paint: Callable[[Tone, str], str]
) -> Iterator[str]:
    """Yield a table for each column, with its heading; calls that are not made are left out.

    The first row has the headings.
    """
    (_, headings), *others = rows
    first = max(len(name) for name, _ in rows) + 2
    for column, heading in enumerate(headings):
        made = [(name, row[column]) for name, row in others if row[column].tone is not Tone.ABSENT]
        yield heading.text if made else f"{heading.text}: not called"
        for name, cell in made:
            lines = wrap(
                cell.text, max(width - first, 1), break_long_words=False, break_on_hyphens=False
            )
            for number, line in enumerate(lines):
                yield f"{'' if number else name:<{first}}{paint(cell.tone, line)}"
