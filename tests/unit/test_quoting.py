from __future__ import annotations

import pytest

from creds_session.quoting import LONGEST, quoted


@pytest.mark.parametrize("name", ["/etc/pam.d/sshd", "user@1000.service", "/home/jürgen/%d,=+~-"])
def test_a_plain_name_is_shown_as_it_is(name: str) -> None:
    assert quoted(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", '""'),
        ("a b", '"a b"'),
        ("a;b", '"a;b"'),
        ("it's", '"it\'s"'),
        ('a"b\\', '"a\\"b\\\\"'),
        ("a\nb", '"a\\nb"'),
        ("\x1b[0m", '"\\x1b[0m"'),
        ("\u202etxt", '"\\u202etxt"'),
        ("\udcff", '"\\udcff"'),
        ("$(id)", '"$(id)"'),
    ],
)
def test_another_name_is_quoted(name: str, shown: str) -> None:
    assert quoted(name) == shown


def test_a_long_name_is_cut() -> None:
    assert quoted("a" * LONGEST) == "a" * LONGEST
    assert quoted("a" * (LONGEST + 1)) == f'"{"a" * LONGEST}..."'
