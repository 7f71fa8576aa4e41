from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from creds_session.errors import NotPermitted, Unavailable
from creds_session.facts.collection_state import CollectionState
from creds_session.facts.session import DaemonRole, NameOwner
from creds_session.session import lock as locking
from creds_session.session.lock import Locked, lock
from creds_session.session.unlock import unlocked_note
from creds_session.system.bus.connection import Peer
from tests.unit import examples
from tests.unit.service import LOCKED, UNLOCKED, Answer, serving
from tests.unit.system.bus.test_connection import dbus_daemon

COLLECTIONS = "/org/freedesktop/secrets/collection"
ANSWER: Answer = ("aoo", ([], "/"))


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    with dbus_daemon(tmp_path) as address:
        yield {"DBUS_SESSION_BUS_ADDRESS": address, "HOME": str(tmp_path)}


def test_lock_says_locked_when_the_property_says_so(
    environ: dict[str, str], tmp_path: Path
) -> None:
    told = tmp_path / "told"
    with serving(environ["DBUS_SESSION_BUS_ADDRESS"], told, Lock=ANSWER, Get=LOCKED) as pid:
        assert lock(environ) == Locked(("login",), pid)
    assert told.read_text().split() == ["ReadAlias", "ReadAlias", "ReadAlias", "Lock", "Get"]


def test_the_login_hook_looks_again_after_a_lock(environ: dict[str, str], tmp_path: Path) -> None:
    environ["XDG_RUNTIME_DIR"] = str(tmp_path)
    unlocked_note.note(environ, os.getpid())
    assert (tmp_path / unlocked_note.NOTE).exists()
    with serving(environ["DBUS_SESSION_BUS_ADDRESS"], tmp_path / "told", Lock=ANSWER, Get=LOCKED):
        lock(environ)
    assert not (tmp_path / unlocked_note.NOTE).exists()


def test_lock_that_changes_nothing_is_told(environ: dict[str, str], tmp_path: Path) -> None:
    address = environ["DBUS_SESSION_BUS_ADDRESS"]
    service = serving(address, tmp_path / "told", Lock=ANSWER, Get=UNLOCKED)
    with service, pytest.raises(Unavailable, match="did not lock: login"):
        lock(environ)


def test_lock_of_no_keyring_asks_for_nothing(environ: dict[str, str], tmp_path: Path) -> None:
    told = tmp_path / "told"
    with serving(environ["DBUS_SESSION_BUS_ADDRESS"], told, ReadAlias=("o", ("/",))) as pid:
        assert lock(environ) == Locked((), pid)
    assert told.read_text().split() == ["ReadAlias", "ReadAlias", "ReadAlias"]


def test_lock_of_everything_leaves_out_what_has_no_password() -> None:
    class Service:
        def __init__(self) -> None:
            self.owner = Peer(":1.7", 7, os.getuid())
            self.locked: list[str] = []

        def lock(self, path: str) -> None:
            self.locked.append(path)

        def state(self, _path: str) -> object:
            return CollectionState.LOCKED

    paths = tuple(f"{COLLECTIONS}/{name}" for name in ("login", "session", "work"))
    service = Service()
    assert locking._lock(service, paths) == ("login", "work")  # type: ignore[arg-type]
    assert service.locked == [paths[0], paths[2]]


def test_lock_without_a_daemon_has_nothing_to_lock(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "keyring_daemons", lambda _uid: ())
    assert lock(environ) == Locked()


def test_lock_names_the_daemon_that_holds_a_password(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = examples.daemon(DaemonRole.LOGIN)
    monkeypatch.setattr(locking, "keyring_daemons", lambda _uid: (waiting,))
    with pytest.raises(Unavailable, match=r"pid 7\).* holds the password") as caught:
        lock(environ)
    assert "kill 7" in caught.value.hint


def test_lock_without_a_bus_is_unavailable(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "creds_session.system.session_bus.connect.session_bus_address", lambda *_: None
    )
    with pytest.raises(Unavailable, match="no session bus"):
        lock(environ)


@pytest.mark.parametrize(
    ("owner", "error", "words"),
    [
        (NameOwner(8, os.getuid(), "kwalletd6"), Unavailable, "kwalletd6"),
        (NameOwner(8, os.getuid() + 1, "gnome-keyring-d"), NotPermitted, "belongs to user id"),
    ],
)
def test_lock_is_for_our_own_gnome_keyring(
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    owner: NameOwner,
    error: type[Exception],
    words: str,
) -> None:
    monkeypatch.setattr(locking, "owner_on", lambda _bus: owner)
    with pytest.raises(error, match=words):
        lock(environ)
