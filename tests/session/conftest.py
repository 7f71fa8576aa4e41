"""A bus and a real gnome-keyring-daemon for a module's tests, on this very machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import keyring
import pytest
import secretstorage
from jeepney import DBusAddress, new_method_call
from jeepney.io.blocking import DBusConnection
from keyring.backends.SecretService import Keyring as SecretServiceKeyring
from secretstorage import dbus_init

from creds_session.system.secret_service.service import NAME, PATH
from tests.session.clients import in_a_session

OF_KEYRING = (
    "ignore::ResourceWarning",  # it leaves its sockets open
    "ignore::pytest.PytestUnraisableExceptionWarning",
    "ignore:Empty usernames:DeprecationWarning",
)

SERVICE = DBusAddress(PATH, NAME, "org.freedesktop.Secret.Service")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            for warning in OF_KEYRING:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="module")
def session() -> Iterator[dict[str, str]]:
    """Put this process into a session whose login keyring is open and empty."""
    with in_a_session() as environ:
        yield environ


@pytest.fixture(autouse=True)
def own_choice(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every test begin as a process that has not asked keyring for anything, and end so."""
    monkeypatch.setattr(keyring.core, "_keyring_backend", None)
    monkeypatch.setattr(secretstorage, "dbus_init", introduced)
    yield
    with suppress(KeyError):  # it asks all backends once
        keyring.backend.get_all_keyring.reset()


def introduced() -> DBusConnection:
    """Connect for keyring and SecretStorage, whose first call would end a busy daemon now and then.

    It reads a property (docs/decisions/0012). What is tested here is not that fault of the daemon.
    """
    connection = dbus_init()
    connection.send_and_get_reply(new_method_call(SERVICE, "ReadAlias", "s", ("default",)))
    return connection


@pytest.fixture
def by_keyring(session: dict[str, str]) -> Any:  # noqa: ARG001
    """keyring's own backend, which this process has not chosen."""
    return SecretServiceKeyring()  # type: ignore[no-untyped-call]


@pytest.fixture
def collection(session: dict[str, str]) -> Iterator[secretstorage.Collection]:  # noqa: ARG001
    """The open login keyring, as SecretStorage sees it, empty."""
    connection = secretstorage.dbus_init()
    found = secretstorage.get_default_collection(connection)
    for item in found.get_all_items():
        item.delete()
    yield found
    connection.close()
