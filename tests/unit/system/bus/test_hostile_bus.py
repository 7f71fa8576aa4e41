"""What a bus, or another program on it, sends is no answer unless it has the form of one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from creds_session.errors import Unavailable
from creds_session.system.bus.connection import Bus
from creds_session.system.bus.signatures import Malformed
from creds_session.system.bus.wire import (
    INTERFACE,
    MEMBER,
    METHOD_RETURN,
    PATH,
    REPLY_SERIAL,
    SIGNAL,
    SIGNATURE,
    Message,
    ObjectAddress,
    method_call,
    parse,
    serialise,
)

TO = ObjectAddress("/x", ":1.7", "a.b")
OF_SIGNAL = {PATH: "/x", INTERFACE: "a.b", MEMBER: "S", SIGNATURE: "s"}
SECRET = "secret-\udcff"  # cannot be sent: it is no Unicode


def answer(serial: int, *texts: str) -> bytes:
    fields = {REPLY_SERIAL: serial, SIGNATURE: "s" * len(texts)}
    return serialise(Message(METHOD_RETURN, fields, texts), serial)


@contextmanager
def bus_that(serve: Callable[[socket.socket], None], path: Path, timeout: float) -> Iterator[Bus]:
    """Greet one client, and let it call the bus; ``serve`` gets the connection after that."""

    def accept() -> None:
        with suppress(OSError):  # the test is over
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
                connection.recv(4096)
                connection.sendall(answer(1, ":1.1"))
                connection.recv(4096)
                serve(connection)

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        threading.Thread(target=accept, daemon=True).start()
        with Bus(f"unix:path={path}", timeout) as bus:
            yield bus


def test_a_signal_is_no_answer_whatever_serial_it_names(tmp_path: Path) -> None:
    """dbus-broker delivers such a signal of any user, also on the system bus."""

    def serve(connection: socket.socket) -> None:
        forged = Message(SIGNAL, {**OF_SIGNAL, REPLY_SERIAL: 2}, ("forged",))
        connection.sendall(serialise(forged, 9) + answer(2, "right"))

    with bus_that(serve, tmp_path / "bus", 5) as bus:
        assert bus.call(TO, "M") == ("right",)


def test_signals_without_end_do_not_extend_the_time_limit(tmp_path: Path) -> None:
    signals = serialise(Message(SIGNAL, OF_SIGNAL, ("x",)), 9) * 1000
    end = time.monotonic() + 8

    def serve(connection: socket.socket) -> None:
        while time.monotonic() < end:
            connection.sendall(signals)

    with bus_that(serve, tmp_path / "bus", 0.3) as bus:
        with pytest.raises(Unavailable, match=r"within 0\.3 s"):
            bus.call(TO, "M")
        assert time.monotonic() < end - 3


@pytest.mark.parametrize(
    "malformed",
    [
        lambda: serialise(method_call(TO, "M", "s", (SECRET,)), 1),
        lambda: parse(answer(1, "secret").replace(b"secret", b"secre\xff")),
    ],
)
def test_no_error_has_a_value_of_a_message(malformed: Callable[[], object]) -> None:
    with pytest.raises(Malformed) as caught:
        malformed()
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert "secre" not in str(caught.value)
