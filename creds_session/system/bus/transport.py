"""A connection to a message bus: authentication, and messages with a time limit each.

Source: D-Bus Specification, "Authentication Protocol". No file descriptors are negotiated.
"""

from __future__ import annotations

import os
from time import monotonic

from creds_session.system.bus.wire import (
    DAEMON,
    DESTINATION,
    ERROR,
    LONGEST_HEADER,
    METHOD_RETURN,
    SENDER,
    START,
    Message,
    length,
    parse_body,
    parse_header,
    serialise,
)
from creds_session.system.processes.unix_socket import AF_UNIX, SOCK_STREAM, Socket, SocketTimeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 1 << 16  # bytes
LONGEST_LINE = 8192  # bytes of an answer during authentication
LATE = 0.1  # seconds after a deadline in which bytes that have come already are still read


class Transport:
    """A connection to the unix socket of a bus. Nothing is sent before ``authenticate``.

    Every method raises TimeoutError if the time is over, and OSError if the connection ends.
    ``deadline`` is a time of ``time.monotonic``.
    """

    def __init__(self, place: str, deadline: float) -> None:
        self.socket = Socket(AF_UNIX, SOCK_STREAM)
        self._received = bytearray()
        self._first = b""  # bytes that the first message is sent with
        self._serial = 0
        try:
            self._limit(deadline)
            self.socket.connect(place)
        except SocketTimeout as error:
            self.close()
            raise TimeoutError("no answer in time") from error
        except BaseException:
            self.close()
            raise

    def authenticate(self, deadline: float) -> None:
        """Say by which user this process runs; the bus asks the kernel. Raises ConnectionError."""
        uid = str(os.geteuid()).encode().hex().encode()
        self._send(b"\0AUTH EXTERNAL " + uid + b"\r\n", deadline)
        while b"\r\n" not in self._received and len(self._received) < LONGEST_LINE:
            self._receive_some(deadline)
        if not self._received.startswith(b"OK ") or not self._received.endswith(b"\r\n"):
            answer = bytes(self._received[:80])
            raise ConnectionError(f"the bus did not accept this user; it sent: {answer!r}")
        self._received.clear()
        self._first = b"BEGIN\r\n"

    def send(self, message: Message, deadline: float) -> int:
        """Send a message, and return its serial number."""
        self._serial += 1
        first, self._first = self._first, b""
        self._send(first + serialise(message, self._serial), deadline)
        return self._serial

    def receive(self, deadline: float, is_awaited: Callable[[Message], bool]) -> Message:
        """Return the next message that is awaited, which its header tells.

        The body of another message is not parsed: that can take many seconds, and on the system bus
        any user can send such a message. Raises Malformed if there is no message in the bytes that
        came.
        """
        while True:
            self._receive_until(START, deadline)
            wanted = length(bytes(self._received[:START]))
            self._receive_until(wanted, deadline)
            message = parse_header(bytes(self._received[: min(wanted, LONGEST_HEADER)]))
            data = bytes(self._received[:wanted]) if is_awaited(message) else b""
            del self._received[:wanted]
            if data:
                return parse_body(message, data)

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def _send(self, data: bytes, deadline: float) -> None:
        try:
            self._limit(deadline)
            self.socket.sendall(data)
        except (SocketTimeout, BlockingIOError) as error:
            raise TimeoutError("the bus takes no data in time") from error

    def _receive_until(self, count: int, deadline: float) -> None:
        while len(self._received) < count:
            self._receive_some(deadline)

    def _receive_some(self, deadline: float) -> None:
        if monotonic() > deadline + LATE:  # a peer that never stops sending gains no time
            raise TimeoutError("no answer in time")
        try:
            self._limit(deadline)
            data = self.socket.recv(CHUNK)
        except (SocketTimeout, BlockingIOError) as error:
            raise TimeoutError("no answer in time") from error
        if not data:
            raise ConnectionResetError("the bus closed the connection")
        self._received += data

    def _limit(self, deadline: float) -> None:
        """Let the next call of the socket take until the deadline; 0 seconds do not wait."""
        self.socket.settimeout(max(deadline - monotonic(), 0))


def is_answer(header: Message, call: Message | None) -> bool:
    """Return whether a message answers a call; ``call`` is the one whose serial it names.

    The bus names the sender of each message that it delivers. It answers itself if a program has no
    answer; then it names itself. xdg-dbus-proxy, the bus of a Flatpak app, names no sender then.
    """
    # A bus delivers a signal to anybody, also one that names the serial of a call.
    if call is None or header.kind not in {METHOD_RETURN, ERROR}:
        return False
    to, bus = str(call.fields[DESTINATION]), DAEMON.bus_name
    if to != bus and not to.startswith(":"):
        # The owner of a well-known name answers with its unique name. Which one that is, only
        # another call would tell, and the owner can change meanwhile. So any sender is taken. No
        # other user can use this: on the system bus, dbus-daemon delivers only an answer of the
        # program that was called (send_requested_reply in system.conf), and dbus-broker does so on
        # every bus (peer_queue_reply in src/bus/peer.c). On a session bus, dbus-daemon delivers any
        # answer (eavesdrop in session.conf), but only programs of this user are there. They could
        # just as well own the name, or read the keyring themselves.
        return True
    return header.fields.get(SENDER, bus) in {to, bus}
