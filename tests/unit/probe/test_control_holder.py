"""Which keyring daemon at the control socket keeps the programs of a session bus waiting."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from creds_session.errors import Unavailable
from creds_session.facts.machine import UnitFacts, UnitsFacts
from creds_session.facts.session import ControlHolder, Daemon, DaemonRole, KeyringFacts
from creds_session.facts.session_state import SessionState, judge
from creds_session.probe import control_holder
from creds_session.probe.control_holder import require_no_other_holder, with_holder
from tests.unit.examples import bus, daemon, keyring

UNSERVED = bus(None, None)
LISTENS = keyring(listens=True)._replace(control_pid=7)
MAY_START = UnitsFacts(UnitFacts(active="active"), UnitFacts("loaded", "active", "listening"))
STOPPED = UnitsFacts(UnitFacts(active="active"), UnitFacts("loaded", "inactive", "dead"))


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Callable[[Daemon | None, str], None]:
    """Let pid 7 be this daemon, which was started on this session bus."""

    def be(found: Daemon | None, address: str = "unix:path=/tmp/dbus-x") -> None:
        monkeypatch.setattr(control_holder, "daemon_of", lambda _pid, _uid: found)
        environ = {"DBUS_SESSION_BUS_ADDRESS": address} if address else {}
        monkeypatch.setattr(control_holder, "environment_of", lambda _pid: environ)
        monkeypatch.setattr(control_holder, "is_listening", lambda _path: False)

    return be


def started(role: DaemonRole, age: float) -> Daemon:
    return daemon(role)._replace(started=time.time() - age)


WITHOUT_SECRETS = {"arguments": ("gnome-keyring-daemon", "--components=pkcs11")}


@pytest.mark.parametrize(
    ("role", "age", "changes", "is_holder"),
    [
        (DaemonRole.ACTIVATED, 60, {}, True),
        (DaemonRole.BY_HAND, 60, {}, True),
        (DaemonRole.ACTIVATED, 0, {}, False),  # it may still take its name
        (DaemonRole.LOGIN, 60, {}, False),  # it waits to be initialised
        (DaemonRole.LOGIN, 200, {}, True),
        (DaemonRole.BY_HAND, 60, {"state": "T"}, False),  # it is only stopped
        (DaemonRole.BY_HAND, 60, WITHOUT_SECRETS, False),
    ],
)
def test_only_a_daemon_that_must_serve_by_now_is_named(
    process: Callable[[Daemon | None], None],
    role: DaemonRole,
    age: float,
    changes: dict[str, Any],
    *,
    is_holder: bool,
) -> None:
    process(started(role, age)._replace(**changes))
    expected = ControlHolder(7, "unix:path=/tmp/dbus-x", bus_listens=False)
    assert with_holder(UNSERVED, LISTENS).holder == (expected if is_holder else None)


def test_systemd_and_other_users_processes_are_not_named(
    process: Callable[[Daemon | None], None],
) -> None:
    process(None)
    assert with_holder(UNSERVED, LISTENS).holder is None


@pytest.mark.parametrize(
    ("on_bus", "files"),
    [
        (bus(), LISTENS),
        (UNSERVED._replace(reason="no answer"), LISTENS),
        (UNSERVED, keyring()),
        (UNSERVED, LISTENS._replace(is_elsewhere=True)),
    ],
)
def test_nobody_is_named_if_this_bus_is_served_or_silent_or_nobody_listens(
    process: Callable[[Daemon | None], None], on_bus: object, files: KeyringFacts
) -> None:
    process(started(DaemonRole.BY_HAND, 60))
    assert with_holder(on_bus, files).holder is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("units", "uid", "is_holder"),
    [(STOPPED, os.getuid(), True), (STOPPED, 54321, False), (MAY_START, os.getuid(), False)],
)
def test_no_connection_is_made_that_may_start_a_daemon(
    monkeypatch: pytest.MonkeyPatch,
    process: Callable[[Daemon | None], None],
    units: UnitsFacts,
    uid: int,
    *,
    is_holder: bool,
) -> None:
    process(started(DaemonRole.BY_HAND, 60))
    asked: list[str] = []

    def peer(path: str) -> tuple[int, int]:
        asked.append(path)
        return 7, uid

    monkeypatch.setattr(control_holder, "probe_units", lambda: units)
    monkeypatch.setattr(control_holder, "peer_at", peer)
    found = with_holder(UNSERVED, LISTENS._replace(control_pid=None))
    assert (found.holder is not None) is is_holder
    assert bool(asked) is (units is STOPPED)


def test_who_unlocks_is_told_which_daemon_to_end(
    process: Callable[[Daemon | None], None],
) -> None:
    process(started(DaemonRole.ACTIVATED, 60))
    with pytest.raises(Unavailable, match=r"pid 7\) holds the control socket /run/user") as caught:
        require_no_other_holder(UNSERVED, LISTENS)
    assert caught.value.hint.endswith("kill 7; creds unlock")


def test_the_state_stays_the_same_and_its_line_names_the_daemon() -> None:
    verdict = judge(UNSERVED, LISTENS._replace(holder=ControlHolder(7)))
    assert verdict.state is SessionState.WAITING
    assert "(pid 7) holds the control socket" in verdict.line
    assert "does not serve this session bus" in verdict.line
