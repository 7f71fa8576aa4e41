from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from creds_session.facts.collection_state import CollectionState
from creds_session.facts.machine import ProcessFacts
from creds_session.probe import keyring, live
from creds_session.probe.keyring import hands_over, probe_bus, probe_keyring
from creds_session.probe.snapshot import probe
from creds_session.system.files.root import Root
from creds_session.system.processes.survey import Survey
from creds_session.system.secret_service.service import LOGIN, SecretService
from tests.unit.children import run_child
from tests.unit.service import LEAVES, serving
from tests.unit.system.bus.test_connection import dbus_daemon

ME = os.getuid()
NOBODY = 65_534


@pytest.fixture
def bus_alone(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Make a bus, and give the one variable that names it."""
    with dbus_daemon(tmp_path) as address:
        yield {"DBUS_SESSION_BUS_ADDRESS": address}


def test_probe_bus_gives_a_reason_where_there_is_none(tmp_path: Path) -> None:
    facts = probe_bus({"XDG_RUNTIME_DIR": str(tmp_path)}, 1)
    assert (facts.address, facts.answers) == (None, False)
    dead = f"unix:path={tmp_path}/bus"
    facts = probe_bus({"DBUS_SESSION_BUS_ADDRESS": dead}, 1)
    assert (facts.address, facts.answers) == (dead, False)
    assert "no session bus answers" in facts.reason
    facts = probe_bus({"DBUS_SESSION_BUS_ADDRESS": "tcp:host=x"}, 1)
    assert "not a unix socket" in facts.reason


@pytest.mark.parametrize(
    ("variables", "folder"),
    [({"HOME": "{}"}, ".local/share"), ({"HOME": "/x", "XDG_DATA_HOME": "{}/data"}, "data")],
)
def test_probe_keyring_looks_where_the_daemon_keeps_it(
    tmp_path: Path, variables: dict[str, str], folder: str
) -> None:
    environ = {name: value.format(tmp_path) for name, value in variables.items()}
    path = tmp_path / folder / "keyrings" / "login.keyring"
    assert (probe_keyring(environ).path, probe_keyring(environ).exists) == (str(path), False)
    path.parent.mkdir(parents=True)
    path.touch()
    assert probe_keyring(environ).exists is True


@pytest.mark.skipif(ME != 0, reason="needs root")
def test_probe_keyring_knows_what_it_may_not_see(tmp_path: Path) -> None:
    (tmp_path / "keyrings").mkdir(mode=0o700)

    def look() -> None:
        os.setuid(65_534)
        assert probe_keyring({"XDG_DATA_HOME": str(tmp_path)}).exists is None

    tmp_path.chmod(0o700)
    assert run_child(look) == 0


@pytest.mark.parametrize("runtime", ["{}", "{}/", "{}/./", "{}/link"])
def test_probe_keyring_sees_who_listens_and_connects_only_where_it_is_told(
    tmp_path: Path, runtime: str
) -> None:
    environ = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": runtime.format(tmp_path)}
    (tmp_path / "keyring").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)

    def listens(*, connect: bool) -> bool:
        return probe_keyring(environ, connect=connect).control_listens

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "keyring" / "control"))
        assert probe_keyring(environ).control is not None
        assert not listens(connect=True)
        assert not listens(connect=False)
        server.listen()
        assert listens(connect=False)
        assert select.select([server], [], [], 0.2)[0] == []
        assert listens(connect=True)
        assert select.select([server], [], [], 0.2)[0] == [server]
    assert not listens(connect=False)


def test_probe_keyring_connects_to_none_behind_the_first_that_answers(tmp_path: Path) -> None:
    """The one of the runtime directory may be systemd's, which starts a daemon for who connects."""
    environ = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    environ["GNOME_KEYRING_CONTROL"] = str(tmp_path / "named")
    with socket.socket(socket.AF_UNIX) as named, socket.socket(socket.AF_UNIX) as usual:
        for control, folder in ((named, "named"), (usual, "keyring")):
            (tmp_path / folder).mkdir()
            control.bind(str(tmp_path / folder / "control"))
            control.listen()
        seen = probe_keyring(environ)
        assert (seen.control, seen.control_pid) == (f"{tmp_path}/named/control", os.getpid())
        assert select.select([named, usual], [], [], 0.2)[0] == [named]


@pytest.mark.skipif(ME != 0, reason="needs root")
@pytest.mark.parametrize("folder", ["keyring", "named"])
@pytest.mark.parametrize("given_to_us", [False, True])
def test_probe_keyring_takes_no_control_socket_of_another_user(
    tmp_path: Path, folder: str, *, given_to_us: bool
) -> None:
    """The file's owner is looked at before a connection, and who listens after it.

    SO_PEERCRED names who called listen(2), whoever the file belongs to (unix(7)).
    """
    environ = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    environ["GNOME_KEYRING_CONTROL"] = str(tmp_path / "named")
    (tmp_path / folder).mkdir()
    path = tmp_path / folder / "control"
    with socket.socket(socket.AF_UNIX) as planted:
        planted.bind(str(path))
        os.seteuid(NOBODY)
        try:
            planted.listen()
        finally:
            os.seteuid(0)
        os.chown(path, ME if given_to_us else NOBODY, -1)
        for connect in (True, False) if not given_to_us else (True,):
            seen = probe_keyring(environ, connect=connect)
            assert not seen.control_listens
            assert seen.control_pid is None
        is_spoken_to = bool(select.select([planted], [], [], 0)[0])
        assert is_spoken_to == given_to_us
        if given_to_us:
            connection, _ = planted.accept()
            with connection:
                assert connection.recv(1) == b""  # it was connected to, and told nothing


def test_probe_keyring_takes_no_control_socket_of_another_bus(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    (tmp_path / "keyring").mkdir()
    with socket.socket(socket.AF_UNIX) as control, socket.socket(socket.AF_UNIX) as bus:
        control.bind(str(tmp_path / "keyring" / "control"))
        bus.bind(str(tmp_path / "bus"))
        assert probe_keyring(environ).control is not None
        nested = {**environ, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/tmp/other"}
        assert probe_keyring(nested).control is None


def test_probe_says_that_a_bus_that_is_gone_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another message bus of this user may run on this host.
    monkeypatch.setattr(live, "survey", lambda _uid: Survey((), ProcessFacts()))
    environ = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/gone", "HOME": str(tmp_path)}
    facts = probe(environ, Root(tmp_path))
    assert not facts.bus.is_idle
    assert "no session bus answers" in facts.bus.reason


def test_probe_bus_tells_the_default_keyring_from_the_login_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = f"{LOGIN[:-5]}work"
    states = {LOGIN: CollectionState.UNLOCKED, other: CollectionState.LOCKED}
    monkeypatch.setattr(SecretService, "state", lambda _, path: states[path])
    with dbus_daemon(tmp_path) as address, serving(address, tmp_path / "told"):
        environ = {"DBUS_SESSION_BUS_ADDRESS": address}
        for default in (other, LOGIN):
            names = {"default": default, "login": LOGIN}
            monkeypatch.setattr(SecretService, "alias", lambda _, name, names=names: names[name])
            facts = probe_bus(environ, 5)
            assert (facts.login, facts.default) == (states[LOGIN], states[default])
            assert facts.default_path == default


@pytest.mark.parametrize(
    ("address", "listens", "command", "expected"),
    [
        ("/tmp/other", True, "/usr/bin/gnome-keyring-daemon --start --foreground", True),
        ("/tmp/other", True, "/usr/bin/another", False),
        ("/tmp/other", False, "/usr/bin/gnome-keyring-daemon --start --foreground", False),
        ("bus", True, "/usr/bin/gnome-keyring-daemon --start --foreground", False),
    ],
)
def test_hands_over_in_a_nested_session_whose_outer_daemon_listens(
    tmp_path: Path, *, address: str, listens: bool, command: str, expected: bool
) -> None:
    services = tmp_path / "dbus-1/services"
    services.mkdir(parents=True)
    (services / "x.service").write_text(f"Name=org.freedesktop.secrets\nExec={command}\n")
    (tmp_path / "keyring").mkdir()
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    with socket.socket(socket.AF_UNIX) as bus, socket.socket(socket.AF_UNIX) as control:
        bus.bind(str(tmp_path / "bus"))
        control.bind(str(tmp_path / "keyring/control"))
        if listens:
            control.listen()
        assert hands_over(environ, f"unix:path={tmp_path / address}") is expected


@pytest.mark.parametrize(
    ("program", "content", "expected"),
    [
        ("gnome-keyring-daemon", b"[keyring]\ndisplay-name=x\n", True),
        ("gnome-keyring-daemon", b"GnomeKeyring\n\r\0\n", False),
        ("another-keyring", b"[keyring]\ndisplay-name=x\n", False),
        ("", b"[keyring]\ndisplay-name=x\n", False),
    ],
)
@pytest.mark.parametrize("name", ["login", "other"])
def test_a_keyring_without_a_password_is_opened_by_what_the_first_file_starts(
    tmp_path: Path, program: str, content: bytes, name: str, *, expected: bool
) -> None:
    services, keyrings = tmp_path / "dbus-1/services", tmp_path / "keyrings"
    services.mkdir(parents=True)
    keyrings.mkdir()
    (keyrings / f"{name}.keyring").write_bytes(content)
    (keyrings / "default").write_text(name)
    path = tmp_path / (program or "missing/gnome-keyring-daemon")
    if program:
        path.touch(mode=0o755)
    command = f"Name=org.freedesktop.secrets\nExec={path} --start\n"
    (services / "x.service").write_text(command)
    environ = {"XDG_DATA_HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    assert probe_keyring(environ, connect=False).is_activated is expected


def test_a_daemon_that_has_just_ended_is_no_other_program(
    bus_alone: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel forgets a process some time before the bus does."""
    looks: list[int] = []

    def gone(pid: int) -> str:
        looks.append(pid)
        if len(looks) > 1:
            os.kill(pid, signal.SIGKILL)
        return ""

    monkeypatch.setattr(keyring, "program_of", gone)
    monkeypatch.setattr(keyring, "LEAVING", 20)
    with serving(bus_alone["DBUS_SESSION_BUS_ADDRESS"], tmp_path / "told") as pid:
        facts = probe_bus(bus_alone, 30)
        assert (facts.answers, facts.owner) == (True, None)
    assert set(looks) == {pid}


def test_a_program_that_stays_unseen_owns_the_name(
    bus_alone: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "program_of", lambda _pid: "")
    with serving(bus_alone["DBUS_SESSION_BUS_ADDRESS"], tmp_path / "told") as pid:
        facts = probe_bus(bus_alone, 5)
        assert facts.owner is not None
        assert (facts.owner.pid, facts.owner.is_gnome_keyring) == (pid, False)


@pytest.mark.parametrize("program", ["gnome-keyring-daemon", "other"])
def test_a_program_that_ends_while_it_is_described_is_not_what_is_described(
    bus_alone: dict[str, str], tmp_path: Path, program: str
) -> None:
    told = tmp_path / "told"
    address = bus_alone["DBUS_SESSION_BUS_ADDRESS"]
    with serving(address, told, program=program, Get=LEAVES) as pid:
        facts = probe_bus(bus_alone, 5)
    assert (facts.answers, facts.default) == (True, CollectionState.LOCKED)
    assert facts.owner is not None
    assert facts.owner.pid == pid
    assert told.read_text().count("Get\n") == 2
