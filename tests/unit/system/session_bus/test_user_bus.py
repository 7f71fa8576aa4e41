from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from creds_session.errors import CannotWrite, Unavailable
from creds_session.system.bus.connection import Bus
from creds_session.system.bus.sockets import is_listening
from creds_session.system.bus.wire import DAEMON
from creds_session.system.processes import user_ids
from creds_session.system.session_bus import user_bus as module
from creds_session.system.session_bus.user_bus import (
    Found,
    assignments,
    by_use,
    find,
    has_own_runtime_directory,
    shared_place,
    start,
)
from tests.unit.system.bus.test_connection import dbus_daemon, listening

ME = os.getuid()
USUAL = Found("unix:path=/run/user/1000/bus")
OTHER = Found("unix:path=/tmp/dbus-x,guid=0")
ADDRESS, RUNTIME, CONTROL = "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "GNOME_KEYRING_CONTROL"


@pytest.mark.parametrize(
    ("environ", "ours", "found", "more"),
    [
        ({}, False, USUAL, {RUNTIME: "/run/user/1000"}),
        ({}, False, OTHER, {}),
        ({RUNTIME: "/run/user/1000"}, True, USUAL, {}),
        ({RUNTIME: "/run/mine"}, True, USUAL, {}),
        ({RUNTIME: "/run/user/0"}, False, USUAL, {RUNTIME: "/run/user/1000"}),
        ({RUNTIME: "/run/user/0"}, False, OTHER, {RUNTIME: None}),
        ({}, False, USUAL._replace(control="/run/user/1000/keyring"), {RUNTIME: "/run/user/1000"}),
        (
            {},
            False,
            OTHER._replace(control="/h/.cache/keyring-X"),
            {CONTROL: "/h/.cache/keyring-X"},
        ),
        ({CONTROL: "/gone"}, False, OTHER, {CONTROL: None}),
        ({CONTROL: ""}, False, OTHER, {}),
    ],
)
def test_assignments_are_what_the_shell_lacks(
    environ: dict[str, str],
    ours: bool,
    found: Found,
    more: Mapping[str, str | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(user_ids, "RUNTIME_DIRECTORIES", "/run/user")  # nothing there is looked at
    told = assignments(environ, found, 1000, runtime_is_ours=ours)
    assert told == {ADDRESS: found.address, **more}


def test_by_use_is_the_one_of_most_processes_first() -> None:
    addresses = ["unix:path=/b", "unix:path=/a", "unix:path=/a", "", "tcp:host=x", "autolaunch:"]
    environs = [{ADDRESS: one} for one in [*addresses, "unix:path=/tmp/creds-exec-x1/bus"]]
    assert by_use([{}, *environs]) == ["unix:path=/a", "unix:path=/b"]


def test_shared_place_is_the_runtime_directory_or_below_the_cache(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    environ = {RUNTIME: str(tmp_path), "HOME": "/home/alice"}
    assert shared_place(environ, ME, "box") == tmp_path / "bus"
    below = Path("/home/alice/.cache/creds-session/bus-box_1/bus")
    assert shared_place(environ, ME + 1, "box/1") == below
    cache = {"XDG_CACHE_HOME": "/var/alice", "HOME": "/home/alice"}
    assert shared_place(cache, ME, "box") == Path("/var/alice/creds-session/bus-box/bus")


def test_has_own_runtime_directory_is_not_of_another_and_not_gone(tmp_path: Path) -> None:
    assert has_own_runtime_directory({RUNTIME: str(tmp_path)})
    assert not has_own_runtime_directory({RUNTIME: f"{tmp_path}/gone"})
    assert not has_own_runtime_directory({})


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """Return the environments of the user's processes, none at first."""
    environs: list[dict[str, str]] = []
    monkeypatch.setattr(module, "environments", lambda _uid: iter(environs))
    return environs


def test_find_is_the_named_one_where_it_answers(short: Path, nobody: list[dict[str, str]]) -> None:
    with dbus_daemon(short) as address:
        assert find({ADDRESS: address}, 5) == Found(address)
        assert find({ADDRESS: "unix:path=/gone", RUNTIME: str(short)}, 5) == Found(address)
        assert find({ADDRESS: "tcp:host=x,port=1", RUNTIME: str(short)}, 5) == Found(address)
        nobody.append({ADDRESS: address})
        assert find({"HOME": str(short)}, 5) == Found(address)


def test_find_is_none_where_nothing_answers(short: Path, nobody: list[dict[str, str]]) -> None:
    nobody += [{ADDRESS: "unix:path=/gone"}, {ADDRESS: "unix:"}]
    with listening(short / "bus"):
        assert find({ADDRESS: f"unix:path={short}/bus", "HOME": str(short)}, 0.3) is None


def pid_of(path: Path) -> int:
    with Bus(f"unix:path={path}", 3) as connection:
        (pid,) = connection.call(DAEMON, "GetConnectionUnixProcessID", "s", DAEMON.bus_name)
    return int(str(pid))


@contextmanager
def ended(path: Path) -> Iterator[None]:
    """End the bus at this path; the process that listens is not the one that called listen(2)."""
    try:
        yield
    finally:
        os.kill(pid_of(path), signal.SIGTERM)
        while is_listening(str(path)):
            time.sleep(0.01)


@pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="needs dbus-daemon")
def test_start_makes_one_that_is_found_again(short: Path, nobody: list[dict[str, str]]) -> None:
    assert nobody == []
    environ = {"HOME": str(short), "PATH": os.defpath}
    place = shared_place(environ, ME, socket.gethostname())
    with ended(place):
        found = start(environ, 5)
        assert found == Found(f"unix:path={place}")
        assert start(environ, 5) == found
        assert find({"HOME": str(short)}, 5) == found
    assert find(environ, 1) is None
    with ended(place):  # over what the ended one left
        assert start(environ, 5) == found


@pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="needs dbus-daemon")
@pytest.mark.usefixtures("nobody")
def test_start_gives_the_bus_nothing_of_this_shell(short: Path) -> None:
    """What is started on that bus later gets the environment of the bus, and may show it."""
    environ = {"HOME": str(short), "PATH": os.defpath, "LANG": "C.UTF-8", "TOKEN": "canary"}
    path = shared_place(environ, ME, socket.gethostname())
    with ended(path):
        start(environ, 5)
        given = Path(f"/proc/{pid_of(path)}/environ").read_text()
    assert f"HOME={short}" in given
    assert "canary" not in given


def test_start_takes_no_folder_that_others_may_enter(
    short: Path, nobody: list[dict[str, str]]
) -> None:
    assert nobody == []
    environ = {"HOME": str(short)}
    folder = shared_place(environ, ME, socket.gethostname()).parent
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    with pytest.raises(CannotWrite, match="only you can enter"):
        start(environ, 1)


def test_start_takes_no_place_from_a_bus_that_hangs(
    short: Path, nobody: list[dict[str, str]]
) -> None:
    assert nobody == []
    short.chmod(0o700)
    with listening(short / "bus"), pytest.raises(Unavailable, match="does not answer"):
        start({RUNTIME: str(short), "HOME": str(short)}, 0.3)
    assert (short / "bus").exists()


def test_start_says_when_the_path_is_too_long(short: Path, nobody: list[dict[str, str]]) -> None:
    assert nobody == []
    with pytest.raises(Unavailable, match="cannot be the path of a session bus"):
        start({"HOME": f"{short}/{'a' * 100}"}, 1)


@pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="needs dbus-daemon")
@pytest.mark.parametrize(
    "name", ["alice@corp.example", "CORP\\alice", "a b", "100%", "a,b;c=d", "ü"]
)
def test_start_makes_a_bus_in_a_home_of_any_name(
    short: Path, nobody: list[dict[str, str]], name: str
) -> None:
    assert nobody == []
    home = short / name
    home.mkdir(mode=0o700)
    environ = {"HOME": str(home)}
    found = start(environ, 5)
    try:
        assert found.address.isascii()
        assert not set(found.address) & set("@ ;,\\")
        assert find(environ, 5) == found
        said = subprocess.run(
            [
                "dbus-send",
                f"--bus={found.address}",
                "--dest=org.freedesktop.DBus",
                "--print-reply",
                "/",
                "org.freedesktop.DBus.GetId",
            ],
            capture_output=True,
            check=False,
        )  # libdbus understands the address, too
        assert said.returncode == 0, said
    finally:
        with Bus(found.address, 5) as connection:
            pid = connection.call(
                DAEMON, "GetConnectionUnixProcessID", "s", "org.freedesktop.DBus"
            )[0]
        os.kill(int(str(pid)), signal.SIGTERM)
