"""What a bus, or another program on it, sends is no answer unless it has the form of one."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from creds_session.errors import Unavailable
from creds_session.system.bus.connection import Bus, CallFailed
from creds_session.system.bus.signatures import Malformed
from creds_session.system.bus.wire import (
    DAEMON,
    ERROR,
    ERROR_NAME,
    INTERFACE,
    MEMBER,
    METHOD_RETURN,
    PATH,
    REPLY_SERIAL,
    SENDER,
    SIGNAL,
    SIGNATURE,
    START,
    Message,
    ObjectAddress,
    method_call,
    parse_body,
    parse_header,
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


@pytest.mark.parametrize("kind", [METHOD_RETURN, ERROR])
@pytest.mark.parametrize("to", [TO, DAEMON])
def test_an_answer_of_another_sender_is_no_answer(
    tmp_path: Path, to: ObjectAddress, kind: int
) -> None:
    """The bus itself names the sender of a message that it delivers."""

    def serve(connection: socket.socket) -> None:
        fields = {REPLY_SERIAL: 2, SIGNATURE: "s", ERROR_NAME: "a.b"}
        forged = Message(kind, {**fields, SENDER: ":1.9"}, ("forged",))
        right = Message(METHOD_RETURN, {**fields, SENDER: to.bus_name}, ("right",))
        connection.sendall(serialise(forged, 9) + serialise(right, 10))

    with bus_that(serve, tmp_path / "bus", 5) as bus:
        assert bus.call(to, "M") == ("right",)


@pytest.mark.parametrize("sender", [{SENDER: DAEMON.bus_name}, {}])
def test_the_bus_itself_says_that_a_program_does_not_answer(
    tmp_path: Path, sender: dict[int, object]
) -> None:
    """The proxy of Flatpak names no sender in its errors. No other program can omit its name."""

    def serve(connection: socket.socket) -> None:
        fields = {REPLY_SERIAL: 2, SIGNATURE: "s", ERROR_NAME: "a.b.NoReply", **sender}
        connection.sendall(serialise(Message(ERROR, fields, ("no",)), 9))

    with bus_that(serve, tmp_path / "bus", 5) as bus, pytest.raises(CallFailed, match="no"):
        bus.call(TO, "M")


def test_the_owner_of_a_well_known_name_answers_with_its_unique_name(tmp_path: Path) -> None:
    def serve(connection: socket.socket) -> None:
        fields = {REPLY_SERIAL: 2, SIGNATURE: "s", SENDER: ":1.3"}
        connection.sendall(serialise(Message(METHOD_RETURN, fields, ("right",)), 9))

    with bus_that(serve, tmp_path / "bus", 5) as bus:
        assert bus.call(TO._replace(bus_name="org.example.A"), "M") == ("right",)


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


def long_signal(fields: dict[int, object]) -> bytes:
    """Return a signal with 4 million values, which take several seconds to parse."""
    signal = Message(SIGNAL, {**OF_SIGNAL, **fields, SIGNATURE: "ay"}, (bytes(1 << 24),))
    return serialise(signal, 9).replace(b"\2ay\0", b"\2ab\0", 1)


def long_header() -> bytes:
    """Return a signal whose header has a field that no program knows, with 4 million values."""
    data = bytearray(serialise(Message(SIGNAL, {**OF_SIGNAL, SIGNATURE: ""}), 9))
    data += bytes(-len(data) % 8) + b"\xc8\2ab\0" + bytes(3) + struct.pack("<I", 1 << 24)
    data += bytes(1 << 24)
    struct.pack_into("<I", data, 12, len(data) - START)
    return bytes(data + bytes(-len(data) % 8))


@pytest.mark.parametrize(
    "signal", [lambda: long_signal({}), lambda: long_signal({REPLY_SERIAL: 2}), long_header]
)
def test_a_signal_that_nobody_awaits_takes_no_time(
    tmp_path: Path, signal: Callable[[], bytes]
) -> None:
    """On the system bus, any user can send such a signal to a program of root."""
    data = signal()

    def serve(connection: socket.socket) -> None:
        connection.sendall(data + answer(2, "right"))

    with bus_that(serve, tmp_path / "bus", 20) as bus:
        begin = time.thread_time()
        assert bus.call(TO, "M") == ("right",)
        assert time.thread_time() - begin < 0.7


def test_the_body_of_a_message_that_nobody_awaits_is_not_parsed(tmp_path: Path) -> None:
    others = [
        Message(SIGNAL, OF_SIGNAL, ("malformed",)),
        Message(METHOD_RETURN, {REPLY_SERIAL: 99, SIGNATURE: "s"}, ("malformed",)),
        method_call(TO, "M", "s", ("malformed",)),
    ]
    data = b"".join(serialise(other, 9).replace(b"malformed", b"malforme\xff") for other in others)

    def serve(connection: socket.socket) -> None:
        connection.sendall(data + answer(2, "right"))

    with bus_that(serve, tmp_path / "bus", 5) as bus:
        assert bus.call(TO, "M") == ("right",)


def test_an_answer_that_is_malformed_is_unavailable(tmp_path: Path) -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(answer(2, "malformed").replace(b"malformed", b"malforme\xff"))

    with bus_that(serve, tmp_path / "bus", 5) as bus, pytest.raises(Unavailable, match="M over"):
        bus.call(TO, "M")


def test_only_the_signal_that_is_awaited_is_taken(tmp_path: Path) -> None:
    def serve(connection: socket.socket) -> None:
        wanted = {**OF_SIGNAL, SENDER: TO.bus_name}
        other = serialise(Message(SIGNAL, {**wanted, SENDER: ":1.9"}, ("malformed",)), 9)
        connection.sendall(answer(2))
        connection.recv(4096)
        connection.sendall(other.replace(b"malformed", b"malforme\xff"))
        connection.sendall(serialise(method_call(TO, "S", "s", ("call",)), 9))
        connection.sendall(serialise(Message(SIGNAL, wanted, ("right",)), 9))
        connection.sendall(serialise(Message(SIGNAL, wanted, ("second",)), 9) + answer(3))

    with bus_that(serve, tmp_path / "bus", 5) as bus:
        assert bus.call_and_await(TO, "M", "S") == ("right",)


def reply(serial: int, signature: str, *values: object) -> bytes:
    fields = {REPLY_SERIAL: serial, SIGNATURE: signature, SENDER: DAEMON.bus_name}
    return serialise(Message(METHOD_RETURN, fields, values), serial)


@pytest.mark.parametrize(
    "answers",
    [
        [reply(2, "")],
        [reply(2, "ss", ":1.7", "x")],
        [reply(2, "u", 7)],
        [reply(2, "s", ":1.7"), reply(3, ""), reply(4, "u", 0)],
        [reply(2, "s", ":1.7"), reply(3, "u", 1), reply(4, "uu", 0, 0)],
        [reply(2, "s", ":1.7"), reply(3, "s", "x"), reply(4, "u", 0)],
        [reply(2, "s", ":1.7"), reply(3, "u", 1), reply(4, "s", "1.5")],
    ],
)
def test_an_owner_of_another_form_is_unavailable(tmp_path: Path, answers: list[bytes]) -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(answers[0])
        connection.recv(4096)
        connection.sendall(b"".join(answers[1:]))
        while connection.recv(4096):  # the other call
            pass

    with bus_that(serve, tmp_path / "bus", 5) as bus, pytest.raises(Unavailable, match="form"):
        bus.peer("org.example.A")


@pytest.mark.parametrize(
    ("signature", "values"), [("", ()), ("asas", ([], [])), ("s", ("org.example.A",))]
)
def test_names_of_another_form_are_unavailable(
    tmp_path: Path, signature: str, values: tuple[object, ...]
) -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(reply(2, signature, *values))

    with bus_that(serve, tmp_path / "bus", 5) as bus, pytest.raises(Unavailable, match="form"):
        bus.activatable("org.example.A")


BAD_ANSWER = answer(1, "secret").replace(b"secret", b"secre\xff")
BAD_HEADER = serialise(method_call(TO, "secret", "", ()), 1).replace(b"secret", b"secre\xff")


@pytest.mark.parametrize(
    "malformed",
    [
        lambda: serialise(method_call(TO, "M", "s", (SECRET,)), 1),
        lambda: parse_body(parse_header(BAD_ANSWER), BAD_ANSWER),
        lambda: parse_header(BAD_HEADER),
    ],
)
def test_no_error_has_a_value_of_a_message(malformed: Callable[[], object]) -> None:
    with pytest.raises(Malformed) as caught:
        malformed()
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert "secre" not in str(caught.value)
