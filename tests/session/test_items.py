"""What is kept, over the bus, against a real daemon: the items of keyring, and their troubles."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import keyring
import pytest
import secretstorage
from keyring.backend import KeyringBackend
from keyring.backends.SecretService import Keyring as SecretServiceKeyring

import creds_session
from creds_session.credentials import delete, get, list_credentials, opening, put
from creds_session.credentials.access import USUAL
from creds_session.credentials.keyring_settings import read_keyring_settings
from creds_session.errors import (
    Ambiguous,
    CollectionLocked,
    InvalidData,
    NoService,
    NoSuchCredential,
    PromptImpossible,
)
from creds_session.secret import Secret
from creds_session.system.bus.transport import Transport
from creds_session.system.bus.wire import Message
from creds_session.system.secret_service import collection as module
from tests.session.clients import lookup, secret_tool, shapes

Collection = secretstorage.Collection
ODD = [("app", "me"), ("", ""), ("sérvice 'q' \"\n", "u\tö🔑"), ("x" * 4000, "y" * 4000)]


@pytest.mark.parametrize(("service", "username"), ODD)
@pytest.mark.parametrize("encrypted", [False, True])
def test_an_item_is_the_very_one_that_keyring_makes(
    collection: Collection,
    by_keyring: Any,
    service: str,
    username: str,
    encrypted: bool,
) -> None:
    made = []
    access = USUAL._replace(encrypted=encrypted)
    for keep in (
        lambda: by_keyring.set_password(service, username, "pä\n"),
        lambda: put(service, username, Secret("pä\n".encode()), access=access),
    ):
        keep()
        made += shapes(collection)
        for item in collection.get_all_items():
            item.delete()
    assert len(made) == 2
    assert made[0] == made[1]


def test_a_put_replaces_what_keyring_kept_and_the_other_way_round(
    collection: Collection, by_keyring: Any
) -> None:
    by_keyring.set_password("app", "me", "1")
    put("app", "me", Secret(b"2"))
    assert by_keyring.get_password("app", "me") == "2"
    by_keyring.set_password("app", "me", "3")
    assert get("app", "me").password == Secret(b"3")
    assert len(list(collection.get_all_items())) == 1


def test_the_recipe_goes_on_working(collection: Collection) -> None:
    keyring.set_password("emcli", "sysman", "MyOhMy!")
    keyring.set_password("emcli", "a key", "sysman")
    through_keyring = get("emcli", username_key="a key")
    keyring.core._keyring_backend = None
    assert get("emcli", username_key="a key") == through_keyring
    put("emcli", "sysman", Secret(b"new"), username_key="a key")
    assert keyring.get_password("emcli", keyring.get_password("emcli", "a key") or "") == "new"
    assert len(list(collection.get_all_items())) == 2


def test_two_users_of_one_service_are_two(collection: Collection) -> None:
    put("app", "me", Secret(b"1"))
    put("app", "you", Secret(b"2"))
    assert (get("app", "me").password, get("app", "you").password) == (Secret(b"1"), Secret(b"2"))
    delete("app", "me")
    assert list_credentials() == [("app", "you")]
    assert len(list(collection.get_all_items())) == 1
    with pytest.raises(NoSuchCredential):
        get("app", "me")


def duplicate(collection: Collection, secret: bytes) -> None:
    attributes = {"service": "app", "username": "me", "by": str(secret)}
    collection.create_item("another tool's", attributes, secret)


def wait_a_second() -> None:
    """Wait until the second has changed in which the daemon notes what is changed."""
    now = int(time.time())
    while int(time.time()) == now:
        time.sleep(0.01)


@pytest.mark.parametrize("ours_last", [False, True])
def test_of_duplicates_the_last_changed_is_meant_as_keyring_means_it(
    collection: Collection,
    by_keyring: Any,
    ours_last: bool,
) -> None:
    told: list[str] = []
    keep: list[Callable[[], None]] = [
        lambda: duplicate(collection, b"theirs"),
        lambda: put("app", "me", Secret(b"ours")),
    ]
    for one in keep if ours_last else reversed(keep):
        one()
        wait_a_second()
    found = get("app", "me", access=USUAL._replace(tell=told.append))
    assert found.password == Secret(b"ours" if ours_last else b"theirs")
    assert found.password.reveal().decode() == by_keyring.get_password("app", "me")
    assert any("2 items match" in one for one in told)
    delete("app", "me", access=USUAL._replace(tell=told.append))
    assert "1 left" in told[-1]
    assert get("app", "me").password == Secret(b"theirs" if ours_last else b"ours")


def test_duplicates_of_one_second_are_ambiguous(collection: Collection) -> None:
    wait_a_second()
    duplicate(collection, b"1")
    duplicate(collection, b"canary")
    with pytest.raises(Ambiguous) as caught:
        get("app", "me")
    assert "canary" not in f"{caught.value} {caught.value.hint}"


def test_duplicates_with_one_password_are_not_ambiguous(collection: Collection) -> None:
    duplicate(collection, b"1")
    collection.create_item("a", {"service": "app", "username": "me"}, b"1")
    assert get("app", "me").password == Secret(b"1")


def test_a_password_of_another_tool_need_be_no_text(collection: Collection) -> None:
    duplicate(collection, b"\xff\0\n")
    assert get("app", "me").password.reveal() == b"\xff\0\n"


@pytest.mark.parametrize(
    ("service", "username", "password", "words"),
    [
        ("a\0b", "me", b"x", "NUL"),
        ("a", "m\0e", b"x", "NUL"),
        ("a", "me", b"canary\0", "NUL"),
        ("a\udcff", "me", b"x", "UTF-8"),
        ("a", "me", b"canary\xff", "UTF-8"),
    ],
)
def test_what_others_could_not_read_is_refused_and_nothing_kept(
    collection: Collection, service: str, username: str, password: bytes, words: str
) -> None:
    with pytest.raises(InvalidData, match=words) as caught:
        put(service, username, Secret(password))
    assert "canary" not in f"{caught.value!r} {caught.value.hint}"
    assert list(collection.get_all_items()) == []


def test_list_has_the_names_that_can_be_got_and_no_others(collection: Collection) -> None:
    put("b\n", "me", Secret(b"x"))
    put("a", "you", Secret(b"x"))
    assert secret_tool("store", "--label=l", "k", "v", stdin=b"x") is not None
    assert (
        secret_tool("store", "--label=l", "service", "a", "username", "i", stdin=b"x") is not None
    )
    assert list_credentials() == [("a", "i"), ("a", "you"), ("b\n", "me")]
    assert list_credentials("a") == [("a", "i"), ("a", "you")]
    assert list_credentials("none") == []
    assert len(list(collection.get_all_items())) == 4


def test_the_preferred_collection_is_keyrings(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("app", "me", Secret(b"default"))
    path = "/org/freedesktop/secrets/collection/session"
    monkeypatch.setenv("KEYRING_PROPERTY_PREFERRED_COLLECTION", path)
    preferring: Any = SecretServiceKeyring()  # type: ignore[no-untyped-call]
    with pytest.raises(NoSuchCredential):
        get("app", "me")
    put("app", "me", Secret(b"preferred"))
    assert preferring.get_password("app", "me") == "preferred"
    delete("app", "me")
    monkeypatch.delenv("KEYRING_PROPERTY_PREFERRED_COLLECTION")
    assert get("app", "me").password == Secret(b"default")
    assert len(list(collection.get_all_items())) == 1


@pytest.mark.usefixtures("collection")
def test_what_keyring_would_ask_afterwards_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    class Chain(KeyringBackend):
        priority = 10

        def get_password(self, service: str, username: str) -> str | None:
            return f"{service} {username}" if username == "elsewhere" else None

        def set_password(self, *_: str) -> None:
            raise AssertionError

    told: list[str] = []
    monkeypatch.setattr(keyring, "get_keyring", Chain)
    seen = read_keyring_settings(os.environ)
    names = seen.packages.names | {"gi"}
    seen = seen._replace(packages=seen.packages._replace(names=names))
    monkeypatch.setattr(opening, "read_keyring_settings", lambda _: seen)
    access = USUAL._replace(tell=told.append)
    put("app", "here", Secret(b"x"), access=access)
    assert get("app", "here", access=access).password == Secret(b"x")
    assert not any("through keyring" in one for one in told)
    assert get("app", "elsewhere", access=access).password == Secret(b"app elsewhere")
    assert "libsecret" in told[-1]


class Locker:
    """Lock the keyring before the nth call of a kind, as another program might."""

    def __init__(self, collection: Collection, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
        before = getattr(module.Collection, at)

        def locked_first(items: module.Collection, *arguments: object) -> object:
            collection.lock()
            return before(items, *arguments)

        monkeypatch.setattr(module.Collection, at, locked_first)


@pytest.mark.parametrize(
    ("at", "act"),
    [
        ("search_items", lambda: get("app", "me")),
        ("secrets", lambda: get("app", "me")),
        ("search_items", lambda: put("app", "me", Secret(b"canary"))),
        ("_create", lambda: put("app", "me", Secret(b"canary"))),
        ("_create", lambda: put("app", "new", Secret(b"canary"))),
        ("delete", lambda: delete("app", "me")),
    ],
)
def test_a_keyring_that_is_locked_half_way_is_an_error_and_keeps_the_old_value(
    monkeypatch: pytest.MonkeyPatch, at: str, act: Callable[[], object]
) -> None:
    from creds_session.session.private_session import private_session

    with private_session(dict(os.environ)) as environ:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        put("app", "me", Secret(b"old"))
        connection = secretstorage.dbus_init()
        collection = secretstorage.get_default_collection(connection)
        Locker(collection, monkeypatch, at)
        with pytest.raises(CollectionLocked) as caught:
            act()
        assert "canary" not in repr(caught.value)
        for again in (lambda: get("app", "me"), lambda: put("a", "b", Secret(b"c"))):
            with pytest.raises(CollectionLocked, match="is locked"):
                again()
        begin = time.monotonic()
        with pytest.raises(PromptImpossible):
            get("app", "me", access=USUAL._replace(prompt=True, timeout=5))
        assert time.monotonic() - begin < 5
        connection.close()


def test_without_a_bus_there_is_no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    for act in (lambda: get("a", "b"), lambda: put("a", "b", Secret(b"c")), list_credentials):
        with pytest.raises(NoService):
            act()


@pytest.mark.usefixtures("collection")
def test_names_of_the_public_interface_are_these() -> None:
    creds_session.put("app", "me", creds_session.Secret(b"canary"))
    found = creds_session.get("app", "me")
    assert found == creds_session.Credential("app", "me", Secret(b"canary"))
    assert "canary" not in f"{found!r} {found}"
    assert {
        name for name in creds_session.__all__ if getattr(creds_session, name, None) is None
    } == set()
    with pytest.raises(AttributeError):
        creds_session.nothing  # noqa: B018
    assert lookup("app", "me") == b"canary"


def test_listing_twice_as_many_sends_at_most_twice_as_many_messages(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Message] = []
    send = Transport.send

    def counted(transport: Transport, message: Message, deadline: float) -> int:
        sent.append(message)
        return send(transport, message, deadline)

    monkeypatch.setattr(Transport, "send", counted)
    messages = {}
    for count in (150, 300):
        for number in range(len(list_credentials("many")), count):
            attributes = {"service": "many", "username": str(number)}
            collection.create_item("l", attributes, b"x")
        sent.clear()
        assert len(list_credentials("many")) == count
        messages[count] = len(sent)
    assert 150 < messages[300] <= 2 * messages[150]
