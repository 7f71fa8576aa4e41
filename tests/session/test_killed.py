"""A daemon is killed while it keeps a password: the old one is there then, or the new."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from creds_session.credentials import get, put
from creds_session.credentials.access import USUAL
from creds_session.errors import NoSuchCredential, Unavailable
from creds_session.secret import Secret
from creds_session.session.private_session import CONTROL, inside
from creds_session.session.unlock import unlock
from creds_session.system.bus.connection import Bus
from creds_session.system.bus.dbus_daemon import bus_of_ours
from creds_session.system.secret_service.service import secret_service
from tests.depth import ROUND_TRIPS
from tests.session.test_round_trips import NAMES, PASSWORDS

PASSWORD, OLD, NEW = Secret(b"of the keyring"), Secret(b"old"), Secret(b"new")
CALLS = ("link", "fsync", "rename", "unlink")  # by which it writes its file, in this order


@pytest.fixture
def own_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A session whose keyring has a password that is known, so that it can be opened again."""
    if shutil.which("strace") is None and not os.environ.get("CI"):
        pytest.skip("not installed: strace")
    place = tmp_path / "s"
    place.mkdir(mode=0o700)
    environ = inside(dict(os.environ), str(place))
    Path(environ["XDG_DATA_HOME"]).mkdir(mode=0o700)
    for name in ("XDG_SESSION_ID", "GNOME_KEYRING_CONTROL", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
        environ.pop(name, None)
    for name in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, environ[name])
    with bus_of_ours(f"{place}/bus", environ, keyring=f"{place}/{CONTROL}", timeout=10):
        open_again()
        yield


def open_again() -> None:
    """Open the keyring, with a new daemon where there is none."""
    unlock(dict(os.environ), lambda _creating: PASSWORD, create=True, timeout=10)


def daemon() -> int:
    with Bus(os.environ["DBUS_SESSION_BUS_ADDRESS"], 5) as bus:
        service = secret_service(bus)
        assert service is not None
        return service.owner.pid


def kill_daemon() -> None:
    """Kill it, and wait until the bus knows."""
    os.kill(daemon(), signal.SIGKILL)
    with Bus(os.environ["DBUS_SESSION_BUS_ADDRESS"], 5) as bus:
        while secret_service(bus) is not None:
            assert bus.remaining


@contextmanager
def killed_at(call: str, nth: int) -> Iterator[None]:
    """Kill the daemon when it enters the nth call of this kind, from now on."""
    inject = f"inject=/^{call}:signal=KILL:when={nth}"
    argv = ["strace", "-f", "-p", str(daemon()), "-e", f"trace=/^{call}", "-e", inject]
    with subprocess.Popen(argv, stderr=subprocess.PIPE) as tracer:
        assert tracer.stderr is not None
        assert b"attached" in tracer.stderr.readline()
        try:
            yield
        finally:
            tracer.send_signal(signal.SIGINT)
            try:
                tracer.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                tracer.kill()  # of a daemon of several threads it may wait for one that is gone


def kept(service: str, username: str) -> Secret | None:
    try:
        return get(service, username).password
    except NoSuchCredential:
        return None


@pytest.mark.usefixtures("own_session")
@pytest.mark.parametrize("before", [OLD, None])
def test_killed_at_any_step_of_its_writing_the_old_value_is_there_or_the_new(
    before: Secret | None,
) -> None:
    put("other", "one", Secret(b"other"))
    seen, killed = [], 0
    for call, nth in itertools.product(CALLS, range(1, 5)):
        username = f"{call} {nth}"
        if before is not None:
            put("app", username, before)
        with killed_at(call, nth):
            try:
                put("app", username, NEW, access=USUAL._replace(timeout=5))
                is_told_kept = True
            except Unavailable:
                is_told_kept = False
        if not is_told_kept:
            killed += 1
            open_again()
        seen.append(kept("app", username))
        assert seen[-1] == NEW or (not is_told_kept and seen[-1] == before)
        assert get("other", "one").password == Secret(b"other")
        put("app", username, NEW)
        assert get("app", username).password == NEW
    assert killed > len(CALLS), "the daemon was killed at several steps"
    assert {None if one is None else one.reveal() for one in seen} == {
        None if before is None else before.reveal(),
        NEW.reveal(),
    }


@pytest.mark.usefixtures("own_session")
@pytest.mark.timeout(3600)
@settings(
    max_examples=max(3, ROUND_TRIPS // 50),
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(them=st.dictionaries(st.tuples(NAMES, NAMES), PASSWORDS, min_size=1, max_size=30))
def test_a_new_daemon_reads_all_that_was_kept(them: dict[tuple[str, str], str]) -> None:
    for (service, username), password in them.items():
        put(service, username, Secret(password.encode()))
    kill_daemon()
    open_again()
    assert {at: kept(*at) for at in them} == {
        at: Secret(password.encode()) for at, password in them.items()
    }
