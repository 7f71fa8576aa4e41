from __future__ import annotations

import re

import pytest

from creds_session.setup_pam.explain.as_text import Style, explanation_lines
from creds_session.setup_pam.explain.narrow_text import fitted
from tests.unit.setup_pam.explain.test_explanation import DEBIAN, show

TREE = "  2    ├─ common-account:1  [success=1 new_authtok_reqd=done default=ignore] pam_unix.so"


@pytest.mark.parametrize("width", [60, 80])
def test_an_explanation_fits_the_terminal(width: int) -> None:
    lines = explanation_lines(show(DEBIAN), Style(width=width))
    assert [line for line in lines if len(line) > width] == []


def test_a_wide_terminal_and_a_file_have_the_same_text() -> None:
    assert explanation_lines(show(DEBIAN), Style(width=300)) == explanation_lines(show(DEBIAN))


def test_nothing_of_a_login_is_lost_in_a_narrow_terminal() -> None:
    def words(width: int) -> set[str]:
        lines = explanation_lines(show(DEBIAN), Style(width=width))
        return set(re.findall(r"[\w.]+", " ".join(lines)))

    assert words(0) - words(60) <= {"update"}  # a call that no login makes there


def test_colours_take_no_room() -> None:
    plain = explanation_lines(show(DEBIAN), Style(width=70))
    coloured = explanation_lines(show(DEBIAN), Style(is_coloured=True, width=70))
    assert [re.sub("\033\\[\\d*m", "", line) for line in coloured] == plain


def test_a_line_goes_on_below_its_last_column() -> None:
    first, second = fitted(TREE, 80)
    assert len(first) <= 80
    assert second == " " * TREE.index("[success") + "pam_unix.so"
    assert fitted(TREE, 0) == fitted(TREE, 200) == [TREE]
