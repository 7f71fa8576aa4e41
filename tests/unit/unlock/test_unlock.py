from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from creds_session.errors import CredsSessionError, InvalidData, Unavailable
from creds_session.secret import Secret
from creds_session.system.bus import Bus
from creds_session.system.secret_service import secret_service
from creds_session.unlock import Route, unlock, way
from creds_session.unlock.routes import NoKeyringYet
from tests.unit.system.test_bus import dbus_daemon


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Make a session with a bus of its own, on which nobody serves secrets."""
    with dbus_daemon(tmp_path) as address:
        yield {
            "DBUS_SESSION_BUS_ADDRESS": address,
            "HOME": str(tmp_path),
            "XDG_RUNTIME_DIR": str(tmp_path),
        }
        with Bus(address, 3) as bus:
            assert secret_service(bus) is None


def never(creating: bool) -> Secret:  # noqa: FBT001
    raise AssertionError(creating)


def test_unlock_asks_for_nothing_where_there_is_no_keyring(environ: dict[str, str]) -> None:
    with pytest.raises(NoKeyringYet):
        unlock(environ, never)
    with pytest.raises(NoKeyringYet):
        way(environ)


def test_unlock_starts_nothing_for_a_password_that_cannot_be_one(environ: dict[str, str]) -> None:
    asked: list[bool] = []

    def ask(creating: bool) -> Secret:  # noqa: FBT001
        asked.append(creating)
        return Secret(b"")

    assert way(environ, create=True) is Route.NEW_DAEMON
    with pytest.raises(InvalidData, match="empty"):
        unlock(environ, ask, create=True)
    assert asked == [True]


def test_unlock_without_a_bus_asks_for_nothing(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/bus"}
    with pytest.raises(Unavailable):
        unlock(environ, never, create=True)


def test_way_connects_to_no_control_socket(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "keyring").mkdir()
    with socket.socket(socket.AF_UNIX) as control:
        control.bind(str(tmp_path / "keyring" / "control"))
        control.listen()
        with contextlib.suppress(CredsSessionError):
            way(environ)
        assert select.select([control], [], [], 0.2)[0] == []
