from __future__ import annotations

import pytest

from creds_session.pam.syntax.terms import (
    Call,
    Dialect,
    ManagementGroup,
    Pass,
    ReturnValue,
    return_word,
)


def test_return_values_are_libpams_32() -> None:
    assert [int(value) for value in ReturnValue] == list(range(32))
    assert ReturnValue(7).word == "auth_err"


@pytest.mark.parametrize(
    ("value", "word"), [(0, "success"), (31, "incomplete"), (32, "32"), (-1, "-1")]
)
def test_return_word_names_any_number(value: int, word: str) -> None:
    assert return_word(value) == word


@pytest.mark.parametrize(
    ("version", "debian", "dialect"),
    [
        ("1.5.2", True, Dialect.DEBIAN_1_5),
        ("1.5.3", False, Dialect.UPSTREAM_1_5),
        ("1.3.1", False, Dialect.UPSTREAM_1_5),
        ("1.6.0", False, Dialect.UPSTREAM_1_7),
        ("1.7.0", True, Dialect.DEBIAN_1_7),
        ("2", True, Dialect.DEBIAN_1_7),
    ],
)
def test_dialect_of_a_version(version: str, debian: bool, dialect: Dialect) -> None:
    assert Dialect.of(version, debian=debian) is dialect


def test_chauthtok_runs_in_two_passes_and_setcred_is_frozen() -> None:
    assert Call.CHAUTHTOK.passes == (Pass.PRELIM, Pass.UPDATE)
    assert Call.SETCRED.passes == (Pass.SETCRED,)
    assert Call.SETCRED.group is ManagementGroup.AUTH
    assert [pass_ for pass_ in Pass if pass_.is_frozen] == [Pass.SETCRED, Pass.CLOSE_SESSION]
