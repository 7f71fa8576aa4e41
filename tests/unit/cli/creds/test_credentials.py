from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creds_session.cli.creds.credentials import add_arguments, execute
from creds_session.cli.creds.main import _parse
from creds_session.cli.creds.plain_get import plain_get
from creds_session.cli.parser import Parser
from creds_session.credentials import Deleted

WORDS = ("app", "me", "", "-", "--", "--no-newline", "--username-key", "--username-key=k", "-v")
MORE = ("--username-key-env", "--username-key-file", "--format", "json", "--help", "-x")


def by_argparse(words: list[str]) -> dict[str, Any] | None:
    parser = Parser("creds get", "", "")
    parser.set_defaults(command="get")
    add_arguments(parser)
    try:
        return vars(parser.parse_args(words[1:]))
    except SystemExit:
        return None


@given(st.lists(st.sampled_from(WORDS + MORE), max_size=6))
def test_a_plain_get_is_read_as_argparse_reads_it(words: list[str]) -> None:
    read = plain_get(["get", *words])
    if read is not None:
        assert vars(read) == by_argparse(["get", *words])


@pytest.mark.parametrize(
    "line",
    ["get a b", "get --no-newline a b", "get a b --no-newline", "get a --username-key-env V"],
)
def test_the_usual_needs_no_argparse(line: str) -> None:
    assert plain_get(line.split()) is not None


@pytest.mark.parametrize("line", ["", "put a b", "get", "get a b c", "get a -v", "get a --no"])
def test_all_else_is_left_to_argparse(line: str) -> None:
    assert plain_get(line.split()) is None


@pytest.mark.parametrize("command", ["put", "get", "delete", "list", "backends"])
def test_each_command_is_read_alone_as_among_all(command: str) -> None:
    words = [command] + ["a", "b"] * (command in {"put", "get", "delete"})
    read = vars(_parse(words))
    assert read["command"] == command
    assert read.get("service") in {"a", None}


PASSWORD_ALONE = Deleted(password=True, user_name=False)
NAME_ALONE = "creds: deleted the user name of app under lookup key k"
OTHER_NAME = (
    "creds: the lookup key k of app does not hold this user name; what is stored under it was not"
    " deleted"
)


@pytest.mark.parametrize(
    ("line", "deleted", "told"),
    [
        ("app me", PASSWORD_ALONE, "creds: deleted the password of user me of app"),
        (
            "app --username-key k",
            Deleted(password=True, user_name=True),
            f"creds: deleted the password of app {NAME_ALONE}",
        ),
        (
            "app --username-key k",
            Deleted(password=False, user_name=True),
            f"{NAME_ALONE}; no password was stored for that user name",
        ),
        (
            "app me --username-key k",
            PASSWORD_ALONE,
            f"creds: deleted the password of user me of app {OTHER_NAME}",
        ),
        ("app me -q", PASSWORD_ALONE, ""),
    ],
)
def test_delete_says_what_was_deleted(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str,
    deleted: Deleted,
    told: str,
) -> None:
    monkeypatch.setattr("creds_session.credentials.delete", lambda *_, **__: deleted)
    assert execute(_parse(["delete", *line.split()])) == 0
    assert " ".join(capsys.readouterr().err.split()) == told
