"""Bring a newer file of a vendor together with a copy that somebody has edited."""

from __future__ import annotations

import pytest

from creds_session.pam.changes.vendor_update import Conflict, has_same_rules, lacking, merged
from creds_session.pam.syntax.terms import Dialect

BASE = b"# head\nauth a.so\nauth b.so\naccount c.so\nsession d.so\n"
DIALECT = Dialect.DEBIAN_1_7


def test_without_lines_of_an_administrator_the_new_file_is_taken_as_it_is() -> None:
    new = BASE.replace(b"auth b.so", b"auth x.so\nauth b.so y")
    assert merged(BASE, BASE, new) == new


def test_lines_of_both_sides_that_stand_apart_are_kept() -> None:
    ours = BASE.replace(b"# head", b"# mine\nauth mine.so")
    theirs = BASE + b"session new.so\n"
    assert merged(BASE, ours, theirs) == ours + b"session new.so\n"


def test_a_line_that_both_sides_added_is_there_once() -> None:
    both = BASE.replace(b"session d.so", b"session d.so\nsession e.so")
    assert merged(BASE, both, both) == both


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (BASE.replace(b"auth b.so", b"auth b.so mine"), BASE.replace(b"auth b.so", b"auth b.so x")),
        (BASE.replace(b"auth b.so\n", b""), BASE.replace(b"auth b.so", b"auth b.so x")),
        # The order of two new lines at one place is not known.
        (
            BASE.replace(b"auth b.so", b"auth b.so\nauth mine.so"),
            BASE.replace(b"auth b.so", b"auth b.so\nauth x.so"),
        ),
        (BASE.replace(b"auth a.so", b"auth mine.so"), BASE.replace(b"auth b.so", b"auth x.so")),
    ],
)
def test_edits_that_touch_are_a_conflict(ours: bytes, theirs: bytes) -> None:
    found = merged(BASE, ours, theirs)
    assert isinstance(found, Conflict)
    assert found.ours
    assert found.theirs


def test_without_the_old_file_only_a_new_file_with_all_lines_is_taken() -> None:
    new = BASE.replace(b"account c.so", b"account new.so\naccount  c.so\n")
    assert merged(None, BASE, new) == new
    found = merged(None, BASE + b"# mine\n", new)
    assert isinstance(found, Conflict)
    assert b"# mine" in found.ours
    assert b"account new.so" in found.theirs


def test_without_the_old_file_lines_in_another_order_are_a_conflict() -> None:
    turned = BASE.replace(b"auth a.so\nauth b.so", b"auth b.so\nauth a.so")
    assert isinstance(merged(None, BASE, turned), Conflict)


def test_rules_are_compared_without_comments_and_blanks() -> None:
    assert has_same_rules(BASE, BASE.replace(b"auth a", b"auth\t  a") + b"#\n", DIALECT)
    assert lacking(BASE, BASE + b"auth a.so # twice\n", DIALECT) == (b"auth a.so",)
    assert lacking(BASE, BASE, DIALECT) == ()


JUMP = b"auth [success=2 default=ignore] pam_succeed_if.so quiet user ingroup exempt\n"


@pytest.mark.parametrize("is_mine", [True, False])
def test_a_jump_is_never_merged_with_edits_of_the_other_side(is_mine: bool) -> None:
    """A line that one side adds among the rules that a jump skips would move its end."""
    base = b"auth a.so\nauth b.so\nauth c.so\naccount d.so\n"
    with_jump = JUMP + base
    with_line = base.replace(b"auth b.so", b"auth new.so\nauth b.so")
    sides = (with_jump, with_line) if is_mine else (with_line, with_jump)
    found = merged(base, *sides)
    assert isinstance(found, Conflict)
    assert found.is_jump
    assert JUMP.strip() in (found.ours if is_mine else found.theirs)
    assert merged(base, base, with_jump) == with_jump
    assert merged(base, with_jump, base) == with_jump
    assert merged(base, with_jump, with_jump) == with_jump
    assert merged(base, b"# mine\n" + base, base + JUMP) == b"# mine\n" + base + JUMP


def test_a_comment_and_a_word_are_no_jump() -> None:
    ours = b"# [success=1]\nauth [success=ok default=bad] x.so n=1\n" + BASE
    assert merged(BASE, ours, BASE + b"session new.so\n") == ours + b"session new.so\n"
