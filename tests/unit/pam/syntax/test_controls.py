from __future__ import annotations

import pytest

from creds_session.pam.syntax.controls import (
    ALL_BAD,
    SimpleControl,
    ValueActionControl,
    all_words,
    next_word,
    parse_control,
)
from creds_session.pam.syntax.terms import Action, Dialect, Jump, ReturnValue


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b" a\tb\n", [b"a", b"b"]),
        (b"a\vb\r\n", [b"a\vb\r"]),
        (b"[a b]c", [b"a b", b"c"]),
        (rb"[a\]b] [c", [b"a]b", b"c"]),
        (rb"[\\]] x", [b"\\]", b"x"]),
        (b"a[b c]", [b"a[b", b"c]"]),
        (b"[]", [b""]),
        (b" \n", []),
    ],
)
def test_words_are_cut_as_libpam_cuts_them(text: bytes, words: list[bytes]) -> None:
    assert list(all_words(text, 0)) == words


def test_a_word_without_its_closing_bracket_runs_to_the_end() -> None:
    word = next_word(b"a [b c\n", 1)
    assert word is not None
    assert (word.value, word.start, word.end, word.is_closed) == (b"b c\n", 2, 7, False)


@pytest.mark.parametrize("word", [control.value for control in SimpleControl])
def test_simple_controls_are_read_in_any_case(word: str) -> None:
    assert parse_control(word.upper().encode()) is SimpleControl(word)


@pytest.mark.parametrize(
    ("control", "success", "ignore", "auth_err"),
    [
        ("required", Action.OK, Action.IGNORE, Action.BAD),
        ("requisite", Action.OK, Action.IGNORE, Action.DIE),
        ("sufficient", Action.DONE, Action.IGNORE, Action.IGNORE),
        ("optional", Action.OK, Action.IGNORE, Action.IGNORE),
        ("success=1 default=ignore", Jump(1), Action.IGNORE, Action.IGNORE),
        ("default=die success=ok", Action.OK, Action.DIE, Action.DIE),
        ("success=ok", Action.OK, Action.BAD, Action.BAD),
        ("success=1default=ignore", Jump(1), Action.IGNORE, Action.IGNORE),
        (" success = ok\tdefault\n=\vreset ", Action.OK, Action.RESET, Action.RESET),
        ("default=ok default=die", Action.OK, Action.OK, Action.OK),
    ],
)
def test_controls_give_actions(
    control: str, success: Action, ignore: Action, auth_err: Action
) -> None:
    actions = parse_control(control.encode()).actions
    chosen = [ReturnValue.SUCCESS, ReturnValue.IGNORE, ReturnValue.AUTH_ERR]
    assert [actions[value] for value in chosen] == [success, ignore, auth_err]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"requierd", "expecting return value"),
        (b"success=0", "expecting non-zero"),
        (b"success=okay", "expecting return value"),
        (b"success=ok;", "expecting return value"),
        (b"success", "expecting return value"),
        (b"success ok", "expecting '='"),
        (b"success= ", "expecting action"),
        (b"success=x", "expecting jump number"),
        (b"SUCCESS=ok", "expecting return value"),
        (b"success=2147483648", "expecting smaller jump number"),
    ],
)
def test_a_refused_control_is_bad_for_every_value(text: bytes, error: str) -> None:
    control = parse_control(text)
    assert isinstance(control, ValueActionControl)
    assert (control.error, control.actions) == (error, ALL_BAD)


@pytest.mark.parametrize(
    ("number", "action"),
    [
        ("4294967298", Jump(2)),
        ("4294967295", Action.OK),
        ("4294967290", Action.BAD),
        ("2147483648", Jump(-(2**31))),
    ],
)
def test_numbers_wrap_around_before_1_6(number: str, action: Action | Jump) -> None:
    control = parse_control(f"success={number}".encode(), Dialect.DEBIAN_1_5)
    assert control.actions[ReturnValue.SUCCESS] == action
