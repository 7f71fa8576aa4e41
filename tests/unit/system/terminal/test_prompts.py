from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creds_session.secret import Secret
from creds_session.system.terminal.prompts import LONGEST, Expected, Mask, Prompts

PASSWORD = Secret(b"canary")


def expected(pattern: bytes) -> Expected:
    return Expected(re.compile(pattern), PASSWORD)


@pytest.mark.parametrize(
    ("output", "is_asked"),
    [
        (b"Password: ", True),
        (b"Password:\r\n", True),
        (b"welcome\r\nalice's password: ", True),
        (b"", False),
        (b"Your password: expires soon\r\n$ ", False),
        (b"password: one\r\npassword: ", True),
    ],
)
def test_only_the_last_line_asks(output: bytes, is_asked: bool) -> None:
    prompts = Prompts([expected(b"assword:")])
    prompts.shown(output)
    assert (prompts.waiting is not None) is is_asked


def test_prompt_in_pieces_is_one() -> None:
    prompts = Prompts([expected(b"assword:")])
    for byte in b"Password:":
        assert prompts.waiting is None
        prompts.shown(bytes([byte]))
    assert prompts.waiting is not None


def answer(prompts: Prompts, output: bytes) -> Expected | None:
    prompts.shown(output)
    waiting = prompts.waiting
    if waiting is not None:
        prompts.answered(waiting)
    return waiting


def test_each_is_answered_once_and_then_is_again() -> None:
    new, again = expected(b"New:"), expected(b"Again:")
    prompts = Prompts([new, again])
    assert answer(prompts, b"New:") == new
    assert not prompts.is_again
    assert answer(prompts, b"\r\nAgain:") == again
    assert not prompts.is_again
    assert answer(prompts, b"\r\nThey differ.\r\nNew:") is None
    assert prompts.is_again


def test_pattern_given_twice_is_answered_twice() -> None:
    prompts = Prompts([expected(b"word:"), expected(b"word:")])
    assert answer(prompts, b"word:") is not None
    assert answer(prompts, b"word:") is not None
    assert answer(prompts, b"word:") is None
    assert prompts.is_again


def test_output_without_an_end_is_not_kept() -> None:
    prompts = Prompts([expected(b"word:")])
    prompts.shown(b"x" * 10 * LONGEST + b"word:")
    assert prompts.waiting is not None
    assert len(prompts._recent) == LONGEST


def masked(*pieces: bytes) -> bytes:
    mask = Mask()
    mask.typed(PASSWORD)
    return b"".join(map(mask.shown, pieces)) + mask.rest()


def test_echo_is_taken_out_whole_or_in_pieces() -> None:
    assert masked(b"canary\r\nok") == b"\r\nok"
    assert masked(*(bytes([one]) for one in b"canary\r\nok")) == b"\r\nok"


def test_what_only_begins_as_the_password_is_shown() -> None:
    assert masked(b"can", b"non\r\n") == b"cannon\r\n"
    assert masked(b"cana") == b"cana"


def test_only_the_line_after_the_typing_is_looked_at() -> None:
    assert masked(b"\r\ncanary\r\n") == b"\r\ncanary\r\n"
    assert masked(b"\r\n", b"canary") == b"\r\ncanary"
    assert Mask().shown(b"canary") == b"canary"


@given(st.lists(st.binary(max_size=8)), st.binary(min_size=1, max_size=3))
def test_nothing_else_is_lost(pieces: list[bytes], secret: bytes) -> None:
    mask = Mask()
    mask.typed(Secret(secret))
    shown = b"".join(map(mask.shown, pieces)) + mask.rest()
    line, newline, more = b"".join(pieces).partition(b"\n")
    if b"\n" not in secret:
        assert secret not in shown.partition(b"\n")[0] or secret in line.replace(secret, b"")
        assert shown.endswith(newline + more)
