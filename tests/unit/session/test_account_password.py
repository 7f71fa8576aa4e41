from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from creds_session.errors import CredsSessionError, Unavailable, WrongPassword
from creds_session.secret import Secret
from creds_session.session import account_password
from creds_session.system.libpam import mount_namespace
from creds_session.system.libpam.conversation import Outcome

IN = Outcome(0, "Success", knows_password=True)
NO = Outcome(7, "Authentication failure")
ASKED = Secret(b"canary")


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(account_password, "PLACES", (tmp_path / "etc", tmp_path))
    return tmp_path / "creds-session"


def answering(outcome: Outcome) -> Callable[..., object]:
    @contextmanager
    def conversation(*_: object) -> Iterator[Callable[[Secret], Outcome]]:
        yield lambda _password: outcome

    return conversation


@pytest.mark.parametrize(("outcome", "accepted"), [(IN, True), (NO, False)])
def test_what_pam_takes_is_the_account_s(
    service: Path,
    monkeypatch: pytest.MonkeyPatch,
    outcome: Outcome,
    accepted: bool,
) -> None:
    service.touch()
    monkeypatch.setattr(account_password, "conversation", answering(outcome))
    if accepted:
        account_password.require_own("alice", ASKED)
        return
    with pytest.raises(WrongPassword, match="Authentication failure") as caught:
        account_password.require_own("alice", ASKED)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("password", "error"), [(b"canary", Unavailable), (b"canary\nx", WrongPassword)]
)
def test_pam_is_not_asked_where_its_answer_would_say_nothing(
    service: Path,
    monkeypatch: pytest.MonkeyPatch,
    password: bytes,
    error: type[CredsSessionError],
) -> None:
    monkeypatch.setattr(account_password, "conversation", None)
    assert not service.exists()
    with pytest.raises(error) as caught:
        account_password.require_own("alice", Secret(password))
    assert "canary" not in str(caught.value)
    assert "twice" in caught.value.hint


def test_a_child_that_sees_the_files_as_they_are_needs_no_root(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mount_namespace, "ctypes", None)  # so that it could not unshare
    with mount_namespace.private_child({}, lambda secret: secret[::-1]) as child:
        assert child.ask(ASKED, 5) == b"yranac"


@pytest.mark.parametrize(
    ("password", "words"),
    [(b"one\ntwo", "the two lines differ; no keyring"), (b"a\nb\nc", "has several lines")],
)
def test_lines_that_differ_are_told_as_that(password: bytes, words: str) -> None:
    with pytest.raises(WrongPassword, match=words):
        account_password.require_own("alice", Secret(password))
