from __future__ import annotations

import pytest

from creds_session.pam.syntax.lines import LineEnd, LogicalLine, assemble, even_line, next_uneven
from creds_session.pam.syntax.terms import Dialect

OLD, NEW = Dialect.DEBIAN_1_5, Dialect.DEBIAN_1_7


def texts(data: bytes, dialect: Dialect) -> list[bytes]:
    return [b" ".join(line.text.split()) for line in assemble(data, dialect) if line.text]


@pytest.mark.parametrize(
    ("data", "old", "new"),
    [
        (b"", [], []),
        (b"a b\n", [b"a b"], [b"a b"]),
        (b"a b", [b"a b"], [b"a b"]),
        (b"# a\n \t\n  # b \\\nc\n", [b"c"], [b"c"]),
        (b"a # b\n", [b"a"], [b"a"]),
        (b"a[b#]\n", [b"a[b"], [b"a[b"]),
        (b"a \\\nb\n", [b"a b"], [b"a b"]),
        (b"a \\ \t\nb\n", [b"a b"], [b"a b"]),
        (b"a # \\\nb\n", [b"a", b"b"], [b"a", b"b"]),
        (b"a \\\n\nb\n", [b"a b"], [b"a", b"b"]),
        (b"a \\\n# c\nb\n", [b"a b"], [b"a", b"b"]),
        (b"a \\\nb # c\nd\n", [b"a b", b"d"], [b"a b", b"d"]),
        (b"\\\n# c\nb\n", [b"b"], [b"b"]),
        (b"a\0b\nc\n", [b"a", b"c"], [b"a", b"c"]),
        (b"\0a\nb\n", [b"b"], [b"b"]),
        (b"a\0b \\\nc\n", [b"a", b"c"], [b"a"]),
        (b"a\\\0b\nc\n", [b"a c"], [b"a\\", b"c"]),
        (b"a" * 1023 + b"\nb\n", [b"a" * 1023, b"b"], [b"a" * 1023, b"b"]),
        (b"a" * 1024 + b"\n", [b"a" * 1023, b"a"], [b"a" * 1024]),
        (b"#".ljust(1023, b"-") + b"x\n", [b"x"], []),
    ],
)
def test_assemble_reads_as_libpam_does(data: bytes, old: list[bytes], new: list[bytes]) -> None:
    assert texts(data, OLD) == old
    assert texts(data, NEW) == new


@pytest.mark.parametrize("dialect", [OLD, NEW])
@pytest.mark.parametrize("data", [b"a \\", b"a \\\n", b"\\", b"x\na \\\nb \\\n"])
def test_a_backslash_on_the_last_line_leaves_it_unfinished(data: bytes, dialect: Dialect) -> None:
    assert list(assemble(data, dialect))[-1].end is LineEnd.UNFINISHED


def test_a_backslash_at_byte_1023_never_ends_before_1_6() -> None:
    data = b"a" * 1022 + b"\\\nb\n"
    (line,) = assemble(data, OLD)
    assert (line.end, line.source) == (LineEnd.ENDLESS, data)
    assert texts(data, NEW) == [b"a" * 1022 + b" b"]


@pytest.mark.parametrize(
    ("first", "is_even"),
    [
        (b"", True),
        (b"a \\ b # \\", True),
        (b"a # \0 \\", True),
        (b"a\0b # c", True),
        (b"a" * 1022, True),
        (b"a" * 1023, False),
        (b"a \\", False),
        (b"\\ \t", False),
        (b"a\0b \\", False),
        (b"a\0# \\", False),
        (b"a \\ \0b", False),
    ],
)
def test_uneven_lines_are_those_that_may_be_split_or_go_on(first: bytes, *, is_even: bool) -> None:
    data = b"a\n" + first + b"\nb \\\n"
    uneven = data.index(b"b \\\n") if is_even else 2
    assert next_uneven(data, 0) == next_uneven(data, 2) == uneven
    assert next_uneven(b"a\n" + first, 0) == (len(first) + 2 if is_even else 2)


def test_an_even_line_is_what_stands_before_a_comment_or_a_nul() -> None:
    assert even_line(b" a b # c\n").text == b" a b "
    assert even_line(b"a\0b # c\n").text == b"a"
    assert [even_line(data).end for data in (b"a\n", b" # a\n", b"\0a", b" \n")] == [
        LineEnd.COMPLETE,
        *[LineEnd.IGNORED] * 3,
    ]


def test_assembly_may_begin_later_in_the_file() -> None:
    data = b"a\nb \\\nc\n"
    assert list(assemble(data, NEW, 2, 2)) == list(assemble(data, NEW))[1:]


def test_lines_know_where_they_start_and_where_their_text_stands() -> None:
    first, second, third = assemble(b"#\n  a \\\n\t b\nc" + b"x" * 10, NEW)
    assert [(line.number, line.column) for line in (first, second, third)] == [
        (1, 1),
        (2, 1),
        (4, 1),
    ]
    assert [
        second.source[second.source_offset(i)]
        for i, byte in enumerate(second.text)
        if byte in b"ab"
    ] == list(b"ab")
    rest = list(assemble(b"a" * 1030, OLD))[1]
    assert (rest.number, rest.column, rest.source) == (1, 1024, b"a" * 7)


def test_a_line_is_a_value() -> None:
    line = next(assemble(b"a\n", NEW))
    assert line == LogicalLine(b"a\n", 1, 1, b"a\n", ((0, 0),), LineEnd.COMPLETE)
