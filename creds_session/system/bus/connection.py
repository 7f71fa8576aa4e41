"""One connection to a D-Bus message bus, with a time limit for everything that is done with it.

It connects only to a unix socket on which a process of this user listens: a password may cross the
connection, and the address comes from an environment variable.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import NamedTuple, overload

from jeepney import (
    DBusAddress,
    DBusErrorResponse,
    HeaderFields,
    MatchRule,
    Message,
    MessageFlag,
    MessageType,
    new_method_call,
)
from jeepney.bus import get_bus
from jeepney.io.blocking import DBusConnection, prep_socket

from creds_session.errors import (
    CredsSessionError,
    ProviderHung,
    TimedOut,
    Unavailable,
)
from creds_session.facts.bus_address import path_of_address
from creds_session.system.processes.peer import peer_credentials
from creds_session.system.processes.user_ids import stands_for_strangers

GRACE = 1.0  # seconds for the bus itself, after another program did not answer
AT_ONCE = 64  # calls at the same time; by default a bus allows 128 (bus/config-parser.c)
DAEMON = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
UNREACHABLE = (OSError, ValueError, RuntimeError, TimeoutError, EOFError, DBusErrorResponse)
_IDS = ("GetConnectionUnixProcessID", "GetConnectionUnixUser")  # of a connection's far end


class CallFailed(CredsSessionError):
    """A D-Bus call was answered with an error; ``name`` is the D-Bus name of the error."""

    exit_code = 69

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message or name)
        self.name = name


class Peer(NamedTuple):
    """The process that owns a name on the bus, as the bus itself says."""

    unique_name: str
    pid: int
    uid: int


class _BoundedConnection(DBusConnection):  # type: ignore[misc]  # jeepney has no types
    """A connection on which every wait has a limit, also that for the first answer (Hello)."""

    def __init__(self, connected: socket.socket, limit: float) -> None:
        self._limit = limit
        super().__init__(connected)

    def receive(self, *, timeout: float | None = None) -> Message:
        """Return the next message; raise TimeoutError if no message comes in time."""
        return super().receive(timeout=self._limit if timeout is None else timeout)


def _require_own(connected: socket.socket, address: str) -> None:
    """Raise NotPermitted unless this user listens at the far end."""
    uid = peer_credentials(connected)[1]
    if uid != os.getuid():
        from creds_session.system.bus.failures import of_another_user  # seldom

        raise of_another_user(address, uid)


class Bus:
    """A connection to a message bus; all calls together take at most ``timeout`` seconds.

    Raises NotPermitted if the bus is not this user's, and NoService or TimedOut if it cannot be
    reached.
    """

    def __init__(self, address: str, timeout: float) -> None:
        self.address = address
        self.known_to: set[str] = set()  # unique names of the programs that know this connection
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        if not address.startswith("unix:"):
            from creds_session.system.bus.failures import not_a_unix_socket  # as above

            raise not_a_unix_socket(address)
        try:
            self._connection = self._connected()
        except UNREACHABLE as error:
            from creds_session.system.bus.failures import no_answer  # as above

            raise no_answer(address, error) from error

    def _connected(self) -> _BoundedConnection:
        """Connect and greet the bus, after checking whose process listens there."""
        place = path_of_address(self.address) or get_bus(self.address)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as before:
            before.settimeout(self._timeout)
            before.connect(place)
            _require_own(before, self.address)  # the next connection sends data at once
        connected = prep_socket(place, timeout=self._timeout)
        try:
            _require_own(connected, self.address)
            return _BoundedConnection(connected, self.remaining)
        except BaseException:
            connected.close()
            raise

    @property
    def remaining(self) -> float:
        """Return the seconds that are left for calls."""
        return max(self._deadline - time.monotonic(), 0)

    def allow(self, timeout: float) -> None:
        """Give all calls from now on ``timeout`` seconds together."""
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout

    def call(
        self, to: DBusAddress, method: str, signature: str = "", *body: object
    ) -> tuple[object, ...]:
        """Call a method and return the body of its answer; the call starts no service.

        Raises CallFailed if the answer is an error, and TimedOut, ProviderHung or Unavailable if
        no answer comes.
        """
        message = _message(to, method, signature, body)
        with self._in_time(method, to):
            reply = self._connection.send_and_get_reply(message, timeout=self.remaining)
        return _body(reply)

    def call_each(
        self,
        to: Sequence[DBusAddress],
        gone: frozenset[str],
        method: str,
        signature: str,
        *body: object,
    ) -> list[tuple[object, ...] | None]:
        """Call one method of many objects; return None for an answer with an error of ``gone``.

        Many calls are sent before their answers are awaited, which is faster than one by one.
        """
        answers: list[tuple[object, ...] | None] = []
        for start in range(0, len(to), AT_ONCE):
            some = to[start : start + AT_ONCE]
            with self._in_time(method, some[0]):
                replies = self._replies(
                    [_message(object_, method, signature, body) for object_ in some]
                )
            answers += [_body(reply, gone) for reply in replies]
        return answers

    def _replies(self, messages: Sequence[Message]) -> list[Message]:
        """Send all messages, then wait for all replies."""
        waiting: dict[object, Message | None] = {}
        for message in messages:
            serial = next(self._connection.outgoing_serial)
            waiting[serial] = None
            self._connection.send(message, serial=serial)
        missing = len(waiting)
        while missing:
            reply = self._connection.receive(timeout=self.remaining)
            serial = reply.header.fields.get(HeaderFields.reply_serial)
            if serial in waiting:
                waiting[serial] = reply
                missing -= 1
        return [reply for reply in waiting.values() if reply is not None]

    def call_and_await(
        self, to: DBusAddress, method: str, signal: str, signature: str = "", *body: object
    ) -> tuple[object, ...]:
        """Call a method of an object; return the body of the signal that the object then sends."""
        source = {"sender": to.bus_name, "interface": to.interface, "path": to.object_path}
        rule = MatchRule(type=MessageType.signal, member=signal, **source)
        # gnome-keyring sends the signal to the caller. KeePassXC and KWallet send it to the
        # programs that asked the bus for it.
        self.call(DAEMON, "AddMatch", "s", rule.serialise())
        with self._connection.filter(rule) as signals:
            self.call(to, method, signature, *body)
            with self._in_time(signal):
                message = self._connection.recv_until_filtered(signals, timeout=self.remaining)
        return tuple(message.body)

    @contextmanager
    def _in_time(self, method: str, to: DBusAddress = DAEMON) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            if to != DAEMON and self.is_alive():
                raise self._hung(method, str(to.bus_name)) from error
            raise TimedOut(
                f"no answer to {method} over D-Bus within {self._timeout:g} s",
                hint="creds-doctor shows which process does not answer",
            ) from error
        except (OSError, EOFError) as error:
            raise Unavailable(f"the D-Bus daemon ended before it answered to {method}") from error

    def is_alive(self) -> bool:
        """Return whether the bus itself answers now, even if no time is left for other calls.

        This waits at most a second. It distinguishes a program that hangs from a bus that hangs.
        """
        ping = _message(DAEMON, "GetId", "", ())
        try:
            self._connection.send_and_get_reply(ping, timeout=GRACE)
        except (OSError, EOFError):  # TimeoutError is an OSError
            return False
        return True

    def _hung(self, method: str, name: str) -> ProviderHung:
        """Return the error for a program that does not answer while the bus does."""
        from creds_session.system.bus.failures import provider_hung  # as above

        asked = _message(DAEMON, "GetConnectionUnixProcessID", "s", (name,))
        pid = None
        with suppress(OSError, EOFError, CallFailed):
            reply = self._connection.send_and_get_reply(asked, timeout=GRACE)
            pid = int(str(_body(reply)[0]))
        return provider_hung(method, self._timeout, pid)

    def peer(self, name: str) -> Peer | None:
        """Return the owner of a well-known name, or None; start no service.

        GetConnectionCredentials would give both ids in one answer. But since dbus-broker 36 that
        answer contains a file descriptor (ProcessFD), and dbus-broker disconnects a client that
        did not negotiate descriptors: "does not support receiving file descriptors it expects".
        """
        try:
            (unique_name,) = self.call(DAEMON, "GetNameOwner", "s", name)
            asked = [_message(DAEMON, method, "s", (unique_name,)) for method in _IDS]
            with self._in_time(" and ".join(_IDS)):
                replies = self._replies(asked)
            (pid,), (uid,) = (_body(reply) for reply in replies)
        except CallFailed:
            return None
        owner = int(str(uid))
        return Peer(str(unique_name), int(str(pid)), -1 if stands_for_strangers(owner) else owner)

    def activatable(self, name: str) -> bool:
        """Return whether the bus can start a service for this name."""
        (names,) = self.call(DAEMON, "ListActivatableNames")
        return isinstance(names, (list, tuple)) and name in names

    def start(self, name: str) -> None:
        """Ask the bus to start the service for a name, and wait for it."""
        self.call(DAEMON, "StartServiceByName", "su", name, 0)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Bus:  # noqa: PYI034 - Self is younger than Python 3.9
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _message(to: DBusAddress, method: str, signature: str, body: tuple[object, ...]) -> Message:
    message = new_method_call(to, method, signature or None, body)
    message.header.flags |= MessageFlag.no_auto_start
    return message


@overload
def _body(reply: Message) -> tuple[object, ...]: ...
@overload
def _body(reply: Message, gone: frozenset[str]) -> tuple[object, ...] | None: ...
def _body(reply: Message, gone: frozenset[str] = frozenset()) -> tuple[object, ...] | None:
    """Return the body of an answer, or None for an error of ``gone``. Raises CallFailed."""
    if reply.header.message_type.name != "error":
        return tuple(reply.body)
    failure = DBusErrorResponse(reply)
    first = failure.data[0] if failure.data else ""
    name = str(reply.header.fields.get(HeaderFields.error_name, failure.name))
    if name in gone:
        return None
    raise CallFailed(name, str(first))
