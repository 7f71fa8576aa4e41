from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from jeepney import Parser, new_method_return

from creds_session.errors import NotPermitted, Unavailable
from creds_session.system.bus.address import is_nested, session_bus_address
from creds_session.system.bus.connection import Bus, CallFailed
from creds_session.system.bus.sockets import is_socket_of
from creds_session.system.bus.wire import DAEMON
from creds_session.system.processes.peer import peer_credentials
from creds_session.system.secret_service.service import secret_service
from tests.unit.children import end_within, run_child

ME = os.getuid()
NOBODY = 65_534
STRANGER = ME + 12_345
needs_root = pytest.mark.skipif(ME != 0, reason="needs root")


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield server


@contextmanager
def dbus_daemon(folder: Path, user: int = ME) -> Iterator[str]:
    program = shutil.which("dbus-daemon")
    if program is None:
        pytest.skip("needs dbus-daemon")
    address = f"unix:path={folder}/bus"
    argv = [program, "--session", "--nofork", "--nopidfile", "--print-address", "--address"]
    becoming = {} if user == ME else {"user": user}
    with subprocess.Popen([*argv, address], stdout=subprocess.PIPE, **becoming) as process:  # type: ignore[call-overload]
        try:
            assert process.stdout.readline()
            yield address
        finally:
            process.terminate()


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with dbus_daemon(tmp_path) as started:
        yield started


def test_session_bus_address_is_the_named_one_whatever_else_is_there(tmp_path: Path) -> None:
    environ = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/x", "XDG_RUNTIME_DIR": str(tmp_path)}
    with listening(tmp_path / "bus"):
        assert session_bus_address(environ, ME) == "unix:path=/x"


def test_session_bus_address_is_the_socket_of_the_runtime_directory(tmp_path: Path) -> None:
    environ = {"DBUS_SESSION_BUS_ADDRESS": "", "XDG_RUNTIME_DIR": str(tmp_path)}
    assert session_bus_address(environ, STRANGER) is None
    with listening(tmp_path / "bus"):
        assert session_bus_address(environ, ME) == f"unix:path={tmp_path}/bus"
        assert session_bus_address(environ, STRANGER) is None


def test_session_bus_address_is_no_file_and_no_link(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    bus = tmp_path / "bus"
    with listening(tmp_path / "real"):
        bus.symlink_to("real")
        assert session_bus_address(environ, ME) != f"unix:path={bus}"
    bus.unlink()
    bus.touch()
    assert not is_socket_of(str(bus), ME)


def test_is_nested_where_the_runtime_directory_has_another_bus(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    own = f"unix:path={tmp_path}/bus"
    assert not is_nested(environ, "unix:path=/tmp/dbus-x")
    with listening(tmp_path / "bus"):
        assert is_nested(environ, "unix:path=/tmp/dbus-x")
        assert is_nested(environ, "unix:abstract=/tmp/dbus-x,guid=1")
        assert not is_nested(environ, own)
        assert not is_nested(environ, f"{own},guid=0123")
        assert not is_nested({}, "unix:path=/tmp/dbus-x")


def test_is_nested_takes_a_folder_with_a_slash_for_the_same(tmp_path: Path) -> None:
    with listening(tmp_path / "bus"):
        assert not is_nested({"XDG_RUNTIME_DIR": f"{tmp_path}/"}, f"unix:path={tmp_path}/bus")


@pytest.mark.parametrize(
    "address",
    ["tcp:host=localhost,port=1", "nonce-tcp:", "unixexec:path=/bin/sh", "launchd:", "", " unix:"],
)
def test_bus_refuses_what_is_no_unix_socket(address: str) -> None:
    with pytest.raises(NotPermitted, match="not a unix socket"):
        Bus(address, 1)


def test_bus_never_goes_on_to_another_transport() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0.3)
        port = server.getsockname()[1]
        with pytest.raises(Unavailable):
            Bus(f"unix:path=/nowhere/bus;tcp:host=127.0.0.1,port={port}", 1)
        with pytest.raises(socket.timeout):  # TimeoutError since Python 3.10
            server.accept()


@pytest.mark.parametrize(
    "address",
    [
        "unix:",
        "unix:path",
        "unix:path=",
        "unix:tmpdir=/tmp",
        "unix:path=/nowhere/bus",
        "unix:;",
        f"unix:path=/{'x' * 200}",
        "unix:abstract=creds-session-nowhere",
        "unix:path=/a%00b",
    ],
)
def test_bus_that_cannot_be_reached_is_unavailable(address: str) -> None:
    with pytest.raises(Unavailable, match="no session bus answers"):
        Bus(address, 1)


def in_background(server: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    """Serve the first client that speaks, in a thread, until the client leaves."""

    def accept() -> None:
        with suppress(OSError):  # the test is over
            connection, _ = server.accept()
            while not connection.recv(1, socket.MSG_PEEK):  # only looked at who listens
                connection.close()
                connection, _ = server.accept()
            with connection:
                serve(connection)

    threading.Thread(target=accept, daemon=True).start()


def read_auth(connection: socket.socket) -> None:
    received = b""
    while not received.endswith(b"\r\n"):
        received += connection.recv(100)


def authenticate_and_fall_silent(connection: socket.socket) -> None:
    read_auth(connection)
    connection.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
    while connection.recv(4096):
        pass


def test_bus_that_is_silent_is_unavailable_soon(tmp_path: Path) -> None:
    with listening(tmp_path / "bus"):
        begin = time.monotonic()
        with pytest.raises(Unavailable):
            Bus(f"unix:path={tmp_path}/bus", 0.3)
        assert time.monotonic() - begin < 2


def test_bus_that_hangs_up_is_unavailable(tmp_path: Path) -> None:
    with listening(tmp_path / "bus") as server:
        in_background(server, read_auth)
        with pytest.raises(Unavailable):
            Bus(f"unix:path={tmp_path}/bus", 5)


def test_bus_that_falls_silent_after_the_greeting_is_unavailable_soon(tmp_path: Path) -> None:
    def connect() -> None:
        end_within(4)
        in_background(server, authenticate_and_fall_silent)
        Bus(f"unix:path={tmp_path}/bus", 0.5)

    with listening(tmp_path / "bus") as server:
        assert run_child(connect) == Unavailable.exit_code


def greet(connection: socket.socket) -> None:
    """Say yes to everyone, as a bus that waits for passwords would."""
    read_auth(connection)
    connection.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
    received = b""
    while b"BEGIN\r\n" not in received:
        received += connection.recv(100)
    parser = Parser()
    messages = list(parser.feed(received.partition(b"BEGIN\r\n")[2]))
    while not messages:
        messages = list(parser.feed(connection.recv(4096)))
    connection.sendall(new_method_return(messages[0], "s", (":1.1",)).serialise(serial=1))
    connection.recv(4096)


@needs_root
@pytest.mark.parametrize("uid", [ME, NOBODY])
def test_bus_of_another_user_is_refused_however_friendly_it_is(tmp_path: Path, uid: int) -> None:
    address = f"unix:path={tmp_path}/bus"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{tmp_path}/bus")
        os.seteuid(uid)  # SO_PEERCRED tells who called listen(2)
        try:
            server.listen()
        finally:
            os.seteuid(ME)
        in_background(server, greet)
        if uid == ME:
            Bus(address, 3).close()
        else:
            with pytest.raises(NotPermitted, match=f"belongs to user id {NOBODY}"):
                Bus(address, 3)


@needs_root
def test_bus_daemon_of_another_user_is_unavailable(public: Path) -> None:
    os.chown(public, NOBODY, NOBODY)
    with dbus_daemon(public, NOBODY) as address:
        refused = {Unavailable.exit_code, NotPermitted.exit_code}
        assert run_child(lambda: Bus(address, 3).close()) in refused


def test_bus_tells_who_owns_a_name_and_starts_nothing(address: str) -> None:
    with Bus(address, 3) as bus:
        owner = bus.peer("org.freedesktop.DBus")
        assert owner is not None
        assert owner.uid == ME
        assert bus.peer("org.example.Nobody") is None
        assert not bus.activatable("org.example.Nobody")


def test_bus_call_tells_the_error_of_the_other_side(address: str) -> None:
    with Bus(address, 3) as bus:
        with pytest.raises(CallFailed) as caught:
            bus.call(DAEMON, "NoSuchMethod")
        assert caught.value.name == "org.freedesktop.DBus.Error.UnknownMethod"
        with pytest.raises(CallFailed):
            bus.start("org.example.Nobody")


def test_bus_that_is_stopped_is_unavailable_within_the_time_limit(tmp_path: Path) -> None:
    with dbus_daemon(tmp_path) as address, Bus(address, 0.3) as bus:
        owner = bus.peer("org.freedesktop.DBus")
        assert owner is not None
        os.kill(owner.pid, signal.SIGSTOP)
        try:
            with pytest.raises(Unavailable, match=r"within 0\.3 s"):
                bus.peer("org.example.Nobody")
        finally:
            os.kill(owner.pid, signal.SIGCONT)


def test_secret_service_is_none_where_nobody_owns_the_name(address: str) -> None:
    with Bus(address, 3) as bus:
        assert secret_service(bus) is None


def test_peer_credentials_are_those_of_the_far_end(tmp_path: Path) -> None:
    with listening(tmp_path / "s"), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "s"))
        assert peer_credentials(client) == (os.getpid(), ME)


@needs_root
@pytest.mark.parametrize(("listener", "is_let_in"), [(None, True), (ME, True), (NOBODY, False)])
def test_bus_has_the_listener_that_is_asked_for(
    address: str, listener: int | None, is_let_in: bool
) -> None:
    if is_let_in:
        Bus(address, 5, listener).close()
        return
    with pytest.raises(NotPermitted):
        Bus(address, 5, listener)
