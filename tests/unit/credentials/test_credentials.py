from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from keyring import errors as theirs
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.backends.SecretService import Keyring as SecretServiceKeyring

from creds_session.credentials import Credential, Deleted, delete, get, put
from creds_session.credentials.access import USUAL, open_items
from creds_session.credentials.keyring_store import BUS_ADDRESS
from creds_session.errors import (
    CollectionLocked,
    CredsSessionError,
    InvalidData,
    NoSuchCredential,
    Unavailable,
)
from creds_session.secret import Secret
from creds_session.system.bus.connection import Bus
from creds_session.system.secret_service.service import LOGIN, SecretService
from tests.unit.service import serving
from tests.unit.system.bus.test_connection import dbus_daemon

PASSWORD = Secret("canary-ü".encode())


class Memory(KeyringBackend):
    """A backend of keyring's that keeps everything in this process."""

    priority = 0.1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}
        self.log: list[str] = []
        self.failure: Exception | None = None

    def get_password(self, service: str, username: str) -> str | None:
        if self.failure:
            raise self.failure
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.failure:
            raise self.failure
        self.log.append(username)
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def backend() -> Iterator[Memory]:
    before, memory = keyring.core._keyring_backend, Memory()
    keyring.set_keyring(memory)
    yield memory
    keyring.core._keyring_backend = before


def test_put_get_delete_by_name(backend: Memory) -> None:
    put("app", "me", PASSWORD)
    assert get("app", "me") == Credential("app", "me", PASSWORD)
    delete("app", "me")
    assert backend.kept == {}


def test_put_get_delete_by_key(backend: Memory) -> None:
    put("app", "me", PASSWORD, username_key="key")
    assert backend.kept == {("app", "me"): "canary-ü", ("app", "key"): "me"}
    assert backend.log == ["me", "key"], "a name must never stand there without its password"
    assert get("app", username_key="key") == Credential("app", "me", PASSWORD)
    put("app", None, Secret(b"new"), username_key="key")
    assert get("app", "me").password == Secret(b"new")
    delete("app", username_key="key")
    assert backend.kept == {}


def test_the_entry_of_a_key_is_deleted_after_its_password_was(backend: Memory) -> None:
    put("app", "me", PASSWORD, username_key="key")
    assert delete("app", "me") == Deleted(password=True, user_name=False)
    assert backend.kept == {("app", "key"): "me"}
    with pytest.raises(NoSuchCredential, match="under lookup key 'key'") as caught:
        delete("app", username_key="key")  # nobody knows whether "me" is a user name or a password
    assert backend.kept == {("app", "key"): "me"}
    assert caught.value.hint.endswith("to delete it: creds delete -- app key")
    delete("app", "key")
    assert backend.kept == {}


def test_a_user_and_a_key_delete_what_is_left_of_both(backend: Memory) -> None:
    put("app", "me", PASSWORD, username_key="key")
    delete("app", "me")
    assert delete("app", "me", username_key="key") == Deleted(password=False, user_name=True)
    assert backend.kept == {}
    with pytest.raises(NoSuchCredential, match="user 'me'"):
        delete("app", "me", username_key="key")


def test_the_entry_of_a_key_stays_if_it_holds_another_user_name(backend: Memory) -> None:
    put("app", "me", PASSWORD)
    put("app", "other", PASSWORD, username_key="key")
    assert delete("app", "me", username_key="key") == Deleted(password=True, user_name=False)
    assert backend.kept == {("app", "other"): "canary-ü", ("app", "key"): "other"}
    with pytest.raises(NoSuchCredential, match="user 'me'"):
        delete("app", "me", username_key="key")


def test_a_key_that_is_its_own_user_name_is_deleted_once(backend: Memory) -> None:
    put("app", "me", Secret(b"me"))
    assert delete("app", username_key="me").password
    assert backend.kept == {}


def test_put_and_get_keep_an_empty_password_and_newlines(backend: Memory) -> None:
    for value in (b"", b"\n", b" a\nb\n"):
        put("app", "me", Secret(value))
        assert get("app", "me").password.reveal() == value
    assert len(backend.kept) == 1


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda: get("app", "me"), NoSuchCredential, "service 'app', user 'me'"),
        (lambda: delete("app", "me"), NoSuchCredential, "service 'app', user 'me'"),
        (lambda: get("app", username_key="key"), NoSuchCredential, "under lookup key 'key'"),
        (lambda: delete("app", username_key="key"), NoSuchCredential, "under lookup key 'key'"),
        (lambda: put("app", None, PASSWORD, username_key="key"), NoSuchCredential, "'key'"),
        (lambda: get("app"), InvalidData, "needs a user name"),
        (lambda: put("app", None, PASSWORD), InvalidData, "needs a user name"),
        (lambda: put("app", "me", Secret(b"canary\xff")), InvalidData, "not UTF-8"),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(
    backend: Memory,
    act: Callable[[], object],
    error: type[CredsSessionError],
    words: str,
) -> None:
    with pytest.raises(error, match=words) as caught:
        act()
    assert "canary" not in str(caught.value)
    assert backend.kept == {}


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (theirs.KeyringLocked("x"), CollectionLocked),
        (theirs.NoKeyringError("x"), Unavailable),
        (theirs.InitError("x"), Unavailable),
        (theirs.PasswordSetError("x"), Unavailable),
        (theirs.KeyringError("x"), Unavailable),
    ],
)
def test_errors_of_keyring_become_ours(
    backend: Memory, failure: Exception, error: type[CredsSessionError]
) -> None:
    backend.failure = failure
    for act in (lambda: get("app", "me"), lambda: put("app", "me", PASSWORD)):
        with pytest.raises(error) as caught:
            act()
        assert caught.value.__suppress_context__


def test_put_does_not_write_the_name_over_the_password(backend: Memory) -> None:
    with pytest.raises(InvalidData):
        put("app", "me", PASSWORD, username_key="me")
    assert ("app", "me") not in backend.kept


def test_get_tells_a_password_that_is_no_text_without_showing_it(backend: Memory) -> None:
    backend.kept["app", "me"] = "canary\udcff"
    with pytest.raises(InvalidData) as caught:
        get("app", "me")
    assert "canary" not in repr(caught.value)


@pytest.mark.parametrize("on_the_bus", [False, True])
def test_chain_asks_for_the_service_only_where_one_of_it_uses_it(
    backend: Memory,
    monkeypatch: pytest.MonkeyPatch,
    on_the_bus: bool,
) -> None:
    backend.kept["app", "me"] = "x"
    chained = [backend, SecretServiceKeyring.__new__(SecretServiceKeyring)][: 1 + on_the_bus]
    monkeypatch.setattr(ChainerBackend, "backends", chained)
    monkeypatch.setattr(
        "creds_session.system.session_bus.connect.session_bus_address", lambda *_: None
    )
    keyring.set_keyring(ChainerBackend())  # type: ignore[no-untyped-call]
    if on_the_bus:
        with pytest.raises(Unavailable, match="there is no session bus"):
            get("app", "me")
    else:
        assert get("app", "me").password == Secret(b"x")


@pytest.mark.parametrize("before", [None, "", "unix:path=/nowhere"])
def test_the_environment_is_the_callers_own_again(
    backend: Memory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, before: str | None
) -> None:
    seen: list[str | None] = []
    monkeypatch.delenv(BUS_ADDRESS, raising=False)
    if before is not None:
        monkeypatch.setenv(BUS_ADDRESS, before)

    def get_keyring() -> Memory:
        seen.append(os.environ.get(BUS_ADDRESS))
        return backend

    monkeypatch.setattr(keyring, "get_keyring", get_keyring)
    with dbus_daemon(tmp_path) as address:
        for found in (address, None, f"unix:path={tmp_path}/gone"):
            name = "creds_session.credentials.keyring_store.session_bus_address"
            monkeypatch.setattr(name, lambda *_, found=found: found)
            with pytest.raises(NoSuchCredential):
                get("app", "me")
            assert os.environ.get(BUS_ADDRESS) == before
    assert seen == [address, before, "disabled:"]


def test_open_items_needs_a_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "creds_session.system.session_bus.connect.session_bus_address", lambda *_: None
    )
    with pytest.raises(Unavailable, match="there is no session bus"):
        open_items(USUAL._replace(timeout=1))


def test_open_items_starts_nothing_where_there_is_no_keyring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dbus_daemon(tmp_path) as address:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        with pytest.raises(CollectionLocked, match="no login keyring yet"):
            open_items(USUAL._replace(timeout=1))
        with Bus(address, 1) as bus:
            assert bus.peer("org.freedesktop.secrets") is None


def test_credential_does_not_show_its_password() -> None:
    assert "canary" not in repr(Credential("app", "me", PASSWORD))


def test_a_name_that_was_looked_up_is_never_shown(backend: Memory) -> None:
    backend.kept["app", "alice"] = "canary"  # a user's own name taken for a key
    for act in (get, delete):
        with pytest.raises(NoSuchCredential) as caught:
            act("app", username_key="alice")
        assert "the user name stored under lookup key 'alice'" in caught.value.problem
        assert "canary" not in f"{caught.value!r} {caught.value.hint}"
    assert backend.kept == {("app", "alice"): "canary"}


def test_put_replaces_no_password_by_a_name(backend: Memory) -> None:
    backend.kept["app", "alice"] = "canary"
    with pytest.raises(InvalidData, match="'alice' is not a user name") as caught:
        put("app", "me", PASSWORD, username_key="alice")
    assert "canary" not in f"{caught.value!r} {caught.value.hint}"
    assert backend.kept == {("app", "alice"): "canary"}


def test_put_replaces_a_name_by_another(backend: Memory) -> None:
    put("app", "me", Secret(b"old"), username_key="key")
    put("app", "you", Secret(b"new"), username_key="key")
    assert backend.kept == {("app", "me"): "old", ("app", "key"): "you", ("app", "you"): "new"}


def test_put_completes_what_keyring_began(backend: Memory) -> None:
    for name in ("me", None):
        backend.kept = {("app", "key"): "me"}
        put("app", name, Secret(b"new"), username_key="key")
        assert backend.kept == {("app", "key"): "me", ("app", "me"): "new"}


@pytest.mark.parametrize(
    ("default", "problem", "hint"),
    [
        (f"{LOGIN[:-5]}my_5fwork", "the my_work keyring is locked", "unlock it: creds unlock"),
        (LOGIN, "the login keyring is locked", "unlock it: creds unlock"),
    ],
)
def test_a_locked_default_keyring_that_is_another_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, default: str, problem: str, hint: str
) -> None:
    names = {"default": default, "login": LOGIN}
    monkeypatch.setattr(SecretService, "alias", lambda _, name: names[name])
    with dbus_daemon(tmp_path) as address, serving(address, tmp_path / "told"):
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        with pytest.raises(CollectionLocked) as caught:
            open_items(USUAL._replace(timeout=5))
    assert caught.value.problem.startswith(problem)
    assert hint in caught.value.hint
