from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from creds_session.errors import (
    CannotWrite,
    CredsSessionError,
    InvalidData,
    NoBus,
    NotPermitted,
    TimedOut,
    Unavailable,
    WrongPassword,
)
from creds_session.facts.session import NameOwner
from creds_session.probe.keyring import owner_on
from creds_session.secret import Secret
from creds_session.session import unlock as unlocking
from creds_session.session.unlock import PasswordRequest, Route, new_daemon, planned_route, unlock
from creds_session.session.unlock.confirmation import confirm_unlocked
from creds_session.session.unlock.patience import Patience
from creds_session.session.unlock.routes import NoKeyringYet, OtherProvider
from creds_session.system.bus.connection import Bus
from creds_session.system.bus.peer_process import await_end, end_listener, listener
from creds_session.system.secret_service.service import LOGIN, ServiceEnded, secret_service
from tests.unit import examples
from tests.unit.service import LEAVES, LOCKED, UNLOCKED, Answer, serving
from tests.unit.system.bus.test_connection import dbus_daemon, listening

DENIED = "org.gnome.keyring.Error.Denied"


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


def never(wanted: PasswordRequest) -> Secret:
    raise AssertionError(wanted)


def test_unlock_asks_for_nothing_where_there_is_no_keyring(environ: dict[str, str]) -> None:
    with pytest.raises(NoKeyringYet):
        unlock(environ, never)
    with pytest.raises(NoKeyringYet):
        planned_route(environ)


def test_unlock_starts_nothing_for_a_password_that_cannot_be_one(environ: dict[str, str]) -> None:
    asked: list[bool] = []

    def ask(wanted: PasswordRequest) -> Secret:
        asked.append(wanted.is_new)
        return Secret(b"")

    assert planned_route(environ, create=True) is Route.NEW_DAEMON
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
            planned_route(environ)
        assert select.select([control], [], [], 0.2)[0] == []


def given(_wanted: PasswordRequest) -> Secret:
    return Secret(b"canary")


@pytest.mark.parametrize(
    ("method", "error", "words"),
    [
        (DENIED, WrongPassword, "did not accept"),
        ("org.example.Other", Unavailable, "refused UnlockWithMasterPassword"),
        (("", ()), Unavailable, "still reports the keyring as locked"),
    ],
)
def test_unlock_in_place_says_what_became_of_the_password(
    environ: dict[str, str],
    tmp_path: Path,
    method: str | tuple[str, tuple[object, ...]],
    error: type[CredsSessionError],
    words: str,
) -> None:
    address = environ["DBUS_SESSION_BUS_ADDRESS"]
    service = serving(address, tmp_path / "told", UnlockWithMasterPassword=method, Get=LOCKED)
    with service, pytest.raises(error, match=words) as caught:
        unlock(environ, given)
    assert "canary" not in str(caught.value)
    assert isinstance(caught.value, WrongPassword) is (error is WrongPassword)


def test_unlock_sends_no_password_to_an_owner_that_was_not_looked_at(
    environ: dict[str, str], tmp_path: Path
) -> None:
    address = environ["DBUS_SESSION_BUS_ADDRESS"]
    with contextlib.ExitStack() as first, contextlib.ExitStack() as second:
        first.enter_context(serving(address, tmp_path / "first"))

        def ask(_wanted: PasswordRequest) -> Secret:
            first.close()
            second.enter_context(serving(address, tmp_path / "second", program="other"))
            return Secret(b"canary")

        with pytest.raises(OtherProvider, match="serves secrets here: other"):
            unlock(environ, ask)
    assert "OpenSession" not in (tmp_path / "first").read_text()
    assert "OpenSession" not in (tmp_path / "second").read_text()


NONE = ("o", ("/",))
WORK = ("o", ("/org/freedesktop/secrets/collection/work",))


def test_unlock_uses_a_password_for_no_keyring_but_the_one_it_was_asked_for(
    environ: dict[str, str], tmp_path: Path
) -> None:
    address = environ["DBUS_SESSION_BUS_ADDRESS"]
    with contextlib.ExitStack() as first, contextlib.ExitStack() as second:
        first.enter_context(serving(address, tmp_path / "first"))

        def ask(wanted: PasswordRequest) -> Secret:
            assert wanted.keyring == "login"
            first.close()
            told = tmp_path / "second"
            second.enter_context(serving(address, told, ReadAlias=WORK, ReadAlias_login=NONE))
            return Secret(b"canary")

        with pytest.raises(Unavailable, match="for login was typed, but work is locked now"):
            unlock(environ, ask)
    assert "OpenSession" not in (tmp_path / "second").read_text()


def test_unlock_tries_a_second_time_if_the_daemon_ends(
    environ: dict[str, str], tmp_path: Path
) -> None:
    asked: list[PasswordRequest] = []

    def ask(wanted: PasswordRequest) -> Secret:
        asked.append(wanted)
        return Secret(b"canary")

    address, told = environ["DBUS_SESSION_BUS_ADDRESS"], tmp_path / "told"
    service = serving(address, told, UnlockWithMasterPassword=LEAVES)
    with service, pytest.raises(Unavailable, match="still reports the keyring as locked"):
        unlock(environ, ask)
    assert told.read_text().split().count("UnlockWithMasterPassword") == 2
    assert len(asked) == 1


ENDED = r"pid {}\) ended before it answered to UnlockWithMasterPassword"


def test_a_daemon_that_ends_again_is_said_to_have_ended(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """At the first try, no session is opened; at the second one, the password is not answered."""
    address, told = environ["DBUS_SESSION_BUS_ADDRESS"], tmp_path / "told"
    service = serving(address, told, OpenSession=LEAVES, UnlockWithMasterPassword=LEAVES)
    with service as pid, pytest.raises(Unavailable, match=ENDED.format(pid)) as caught:
        unlock(environ, given)
    assert "canary" not in str(caught.value)
    assert "refused" not in str(caught.value)


def test_nobody_is_asked_where_the_daemon_ended_that_needed_no_password(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """It is the default keyring, whose password the login keyring stores."""
    address, told = environ["DBUS_SESSION_BUS_ADDRESS"], tmp_path / "told"
    service = serving(
        address,
        told,
        ReadAlias_default=WORK,
        Get_Locked=LOCKED,
        SearchItems=("ao", ([f"{LOGIN}/1"],)),
        GetSecret=SECRET,
        UnlockWithMasterPassword=LEAVES,
    )
    with service, pytest.raises(AssertionError):
        unlock(environ, never)
    assert told.read_text().split().count("UnlockWithMasterPassword") == 2


def test_a_bus_that_ends_with_its_daemon_asks_for_no_second_password(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller would look for another bus, and ask for the password there."""
    address = environ["DBUS_SESSION_BUS_ADDRESS"]
    observe, looks = unlocking._observe, []

    def observe_once(*given: object, **options: object) -> object:
        looks.append(given)
        if len(looks) > 1:
            raise NoBus("gone")
        return observe(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(unlocking, "_observe", observe_once)
    service = serving(address, tmp_path / "told", UnlockWithMasterPassword=LEAVES)
    with service as pid, pytest.raises(Unavailable, match=ENDED.format(pid)):
        unlock(environ, given)
    assert len(looks) == 2


@pytest.mark.parametrize("act", [lambda environ: unlock(environ, never), planned_route])
def test_unlock_gives_no_password_to_a_process_of_another_user(
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[dict[str, str]], object],
) -> None:
    owner = NameOwner(7, os.getuid() + 1, "gnome-keyring-d", ":1.7")
    for look in ("probe_bus", "look_at"):
        monkeypatch.setattr(unlocking, look, lambda *_: examples.bus(owner))
    with pytest.raises(NotPermitted, match=rf"pid 7\) belongs to user id {owner.uid}"):
        act(environ)


def test_unlock_is_content_with_what_is_unlocked(environ: dict[str, str], tmp_path: Path) -> None:
    address = environ["DBUS_SESSION_BUS_ADDRESS"]
    with serving(address, tmp_path / "told", Get=UNLOCKED) as pid:
        assert unlock(environ, never).pid == pid


ITEMS = ("v", (("ao", ["/org/freedesktop/secrets/collection/login/1"]),))
SECRET = ("(oayays)", (("/session", b"", b"canary", "text/plain"),))


@pytest.mark.parametrize("secret", [SECRET, "org.freedesktop.Secret.Error.IsLocked"])
def test_unlocked_is_a_keyring_of_which_a_secret_can_be_read(
    environ: dict[str, str], tmp_path: Path, secret: Answer
) -> None:
    address = environ["DBUS_SESSION_BUS_ADDRESS"]
    told = tmp_path / "told"
    with serving(address, told, Get=UNLOCKED, Get_Items=ITEMS, GetSecret=secret) as pid:
        if secret is SECRET:
            assert unlock(environ, never).pid == pid
        else:
            with pytest.raises(Unavailable):
                unlock(environ, never, timeout=0.5)
    assert "GetSecret" in (tmp_path / "told").read_text()


def test_a_daemon_that_answers_to_the_end_is_not_called_hung(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """It says each time that the keyring is unlocked, and never gives the secret."""
    address, refusal = environ["DBUS_SESSION_BUS_ADDRESS"], "org.freedesktop.Secret.Error.IsLocked"
    told = tmp_path / "told"
    service = serving(address, told, delay=0.1, Get=UNLOCKED, Get_Items=ITEMS, GetSecret=refusal)
    with service as pid, pytest.raises(Unavailable) as caught:
        unlock(environ, never, timeout=3)
    assert told.read_text().count("GetSecret") >= 1
    assert not isinstance(caught.value, TimedOut)
    assert f"(pid {pid}) says that the login keyring is unlocked" in caught.value.problem
    assert "does not answer" not in str(caught.value)


def test_time_limit_is_one_for_all_steps_and_not_for_the_person(
    environ: dict[str, str], tmp_path: Path
) -> None:
    def ask(_wanted: PasswordRequest) -> Secret:
        time.sleep(1)
        return Secret(b"canary")

    address = environ["DBUS_SESSION_BUS_ADDRESS"]
    slow = serving(address, tmp_path / "told", delay=0.2, UnlockWithMasterPassword=DENIED)
    with slow, pytest.raises(Unavailable, match="no answer to"):
        unlock(environ, ask, timeout=1)
    quick = serving(address, tmp_path / "told", UnlockWithMasterPassword=DENIED)
    with quick, pytest.raises(WrongPassword):
        unlock(environ, ask, timeout=0.9)


def test_daemon_that_took_the_control_socket_is_named(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keyring").mkdir()
    with socket.socket(socket.AF_UNIX) as control:
        control.bind(str(tmp_path / "keyring" / "control"))
        control.listen()
        with serving(environ["DBUS_SESSION_BUS_ADDRESS"], tmp_path / "told", Get=UNLOCKED):
            assert unlock(environ, never).beside is None
            monkeypatch.setattr(unlocking, "program_of", lambda _pid: "gnome-keyring-daemon")
            assert unlock(environ, never).beside == os.getpid()


def test_proof_that_is_slow_to_come_ends_within_the_time_limit(
    environ: dict[str, str], tmp_path: Path
) -> None:
    address = environ["DBUS_SESSION_BUS_ADDRESS"]
    served = serving(address, tmp_path / "told", delay=0.35, ReadAlias=("o", ("/",)))
    with served, Bus(address, 0.5) as bus:
        begin = time.monotonic()
        with pytest.raises(Unavailable):
            confirm_unlocked(bus, Route.NEW_DAEMON, "login", Patience(0.5))
        assert time.monotonic() - begin < 0.8


@pytest.mark.parametrize("is_known", [True, False])
def test_confirmation_is_asked_of_one_daemon(
    environ: dict[str, str], tmp_path: Path, is_known: bool
) -> None:
    address = environ["DBUS_SESSION_BUS_ADDRESS"]
    with serving(address, tmp_path / "told", Get=LEAVES) as pid, Bus(address, 20) as bus:
        owner = owner_on(bus) if is_known else None
        with pytest.raises(ServiceEnded, match=rf"pid {pid}\) ended"):
            confirm_unlocked(bus, Route.NEW_DAEMON, "login", Patience(20), owner)


def test_another_program_confirms_nothing(environ: dict[str, str], tmp_path: Path) -> None:
    address = environ["DBUS_SESSION_BUS_ADDRESS"]
    service = serving(address, tmp_path / "told", program="other", Get=UNLOCKED)
    with service, Bus(address, 1) as bus, pytest.raises(Unavailable, match="no keyring daemon"):
        confirm_unlocked(bus, Route.NEW_DAEMON, "login", Patience(1))


@pytest.mark.parametrize("starts", [False, True])
def test_daemon_that_does_not_start_leaves_no_folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    starts: bool,
) -> None:
    program = tmp_path / "daemon"
    if starts:
        program.write_text("#!/bin/sh\nexec cat >/dev/null\n")
        program.chmod(0o755)
    monkeypatch.setattr(new_daemon, "find_program", lambda _name: str(program))
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    with listening(tmp_path / "bus"), contextlib.suppress(Unavailable):
        new_daemon.start_daemon(Secret(b"canary"), "unix:path=/tmp/other", environ, 3)
    left = [one.name for one in tmp_path.iterdir() if one.name.startswith("keyring-")]
    assert len(left) == starts


def test_daemon_whose_folder_cannot_be_made_is_told_in_our_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_daemon, "is_nested", lambda *_: True)
    monkeypatch.setattr(new_daemon, "find_program", lambda _name: "/bin/true")
    with pytest.raises(CannotWrite, match="gone"):
        new_daemon.start_daemon(Secret(b"x"), "", {"XDG_RUNTIME_DIR": f"{tmp_path}/gone"}, 3)


needs_daemon = pytest.mark.skipif(
    shutil.which("gnome-keyring-daemon") is None, reason="needs gnome-keyring-daemon"
)


@pytest.fixture
def with_keyring(short: Path) -> Iterator[dict[str, str]]:
    """Make a session that has a login keyring with the password ``right``, and no daemon."""
    with dbus_daemon(short) as address:
        environ = {
            "DBUS_SESSION_BUS_ADDRESS": address,
            "HOME": str(short),
            "PATH": os.defpath,
            "XDG_RUNTIME_DIR": str(short),
        }
        made = unlock(environ, lambda _creating: Secret(b"right"), create=True)
        assert (made.created, made.route) == (True, Route.NEW_DAEMON)
        with listener(f"{short}/keyring/control") as daemon:
            os.kill(made.pid, signal.SIGTERM)
            await_end(daemon)
        yield environ
        end_listener(f"{short}/keyring/control")


@needs_daemon
def test_new_daemon_with_a_wrong_password_is_ended_and_the_password_is_called_wrong(
    with_keyring: dict[str, str],
) -> None:
    """It would remember that password, and give it to the keyring at a later prompt."""
    keyring = Path(with_keyring["HOME"]) / ".local/share/keyrings/login.keyring"
    before = keyring.read_bytes()
    control = f"{with_keyring['XDG_RUNTIME_DIR']}/keyring/control"
    with pytest.raises(WrongPassword, match="did not accept the password") as caught:
        unlock(with_keyring, lambda _creating: Secret(b"wrong canary"))
    assert "canary" not in str(caught.value)
    with listener(control) as daemon:
        assert daemon is None
    with Bus(with_keyring["DBUS_SESSION_BUS_ADDRESS"], 5) as bus:
        assert secret_service(bus) is None
    assert keyring.read_bytes() == before
    opened = unlock(with_keyring, lambda _creating: Secret(b"right"))
    assert (opened.route, opened.created) == (Route.NEW_DAEMON, False)


@needs_daemon
def test_daemon_that_was_there_is_not_ended_for_a_wrong_password(
    with_keyring: dict[str, str],
) -> None:
    pid = unlock(with_keyring, lambda _creating: Secret(b"right")).pid
    with Bus(with_keyring["DBUS_SESSION_BUS_ADDRESS"], 5) as bus:
        service = secret_service(bus)
        assert service is not None
        service.lock(service.alias("login"))
        with pytest.raises(WrongPassword):
            unlock(with_keyring, lambda _creating: Secret(b"wrong"))
        assert unlock(with_keyring, lambda _creating: Secret(b"right")).pid == pid


@needs_daemon
def test_a_daemon_that_ends_while_a_person_types_is_started_again(
    with_keyring: dict[str, str],
) -> None:
    first = unlock(with_keyring, lambda _creating: Secret(b"right"))
    with Bus(with_keyring["DBUS_SESSION_BUS_ADDRESS"], 5) as bus:
        service = secret_service(bus)
        assert service is not None
        service.lock(service.alias("login"))
    asked: list[PasswordRequest] = []

    def ask(wanted: PasswordRequest) -> Secret:
        asked.append(wanted)
        with listener(f"{with_keyring['XDG_RUNTIME_DIR']}/keyring/control") as daemon:
            os.kill(first.pid, signal.SIGKILL)
            await_end(daemon)
        return Secret(b"right")

    again = unlock(with_keyring, ask)
    assert (again.route, again.created, len(asked)) == (Route.NEW_DAEMON, False, 1)
    assert again.pid != first.pid
