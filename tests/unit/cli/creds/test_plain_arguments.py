"""What is read without argparse is read as argparse reads it, and the usual is read without it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creds_session.cli.creds.main import command_parser
from creds_session.cli.creds.plain_arguments import COMMANDS, plain_arguments

OPTIONS = sorted(
    {option for plain in COMMANDS.values() for option in (*plain.flags, *plain.valued)}
)
MORE = (
    "app",
    "me",
    "",
    "-",
    "--",
    "--username-key=k",
    "-v",
    "--format",
    "json",
    "--help",
    "-x",
    "-1",
)
WORDS = st.lists(st.sampled_from((*OPTIONS, *MORE)) | st.text("-ab =", max_size=4), max_size=6)


def by_argparse(command: str, words: list[str]) -> dict[str, Any] | None:
    try:
        return vars(command_parser(command).parse_args(words))
    except SystemExit:
        return None


@given(st.sampled_from(sorted(COMMANDS)), WORDS)
def test_what_is_read_without_argparse_is_what_argparse_reads(
    command: str, words: list[str]
) -> None:
    read = plain_arguments([command, *words])
    if read is not None:
        assert vars(read) == by_argparse(command, words)


@pytest.mark.parametrize(
    "line",
    [
        *["get a b", "get --no-newline a b", "get a b --no-newline", "get a --username-key-env V"],
        *["put a b", "put a b --replace -q", "put --password-stdin a", "list", "list a --json"],
        *["status", "status --json", "unlock", "unlock -q", "unlock --password-stdin --create"],
    ],
)
def test_the_usual_needs_no_argparse_and_is_read_alike(line: str) -> None:
    command, *words = line.split()
    read = plain_arguments([command, *words])
    assert read is not None
    assert vars(read) == by_argparse(command, words)


@pytest.mark.parametrize(
    "line",
    [
        *["", "get", "get a b c", "get a -v", "get a --no", "get --help", "get a -- b"],
        *["put", "put a b c", "status x", "status --timeout 3", "unlock x", "unlock --explain"],
        *["delete a b", "list a b", "get a --username-key k --username-key-env V", "-- get a b"],
    ],
)
def test_all_else_is_left_to_argparse(line: str) -> None:
    assert plain_arguments(line.split()) is None
