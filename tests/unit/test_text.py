from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creds_session.text import printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain ü €", "plain ü €"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\r\nb\tc\x7f\x9b", "a\\r\\nb\\tc\\x7f\\x9b"),
        ("\udcff", "\\udcff"),
        ("\u202etxt", "\\u202etxt"),
        ("\u2028", "\\u2028"),
    ],
)
def test_printable_escapes_what_a_terminal_would_act_on(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_printable_is_one_line_that_can_be_printed_and_changes_no_more_than_it_must(
    text: str,
) -> None:
    shown = printable(text)
    assert shown.isprintable()
    shown.encode()
    assert (shown == text) is text.isprintable()
    assert printable(shown) == shown


@given(st.text())
def test_printable_lines_differs_by_tabs_and_newlines_alone(text: str) -> None:
    shown = printable_lines(text)
    assert printable(text) == shown.replace("\t", "\\t").replace("\n", "\\n")
