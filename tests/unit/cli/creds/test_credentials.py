from __future__ import annotations

import pytest

from creds_session.cli.creds.credentials import execute
from creds_session.cli.creds.main import _parse
from creds_session.credentials import Deleted


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
