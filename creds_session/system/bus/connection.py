"""One connection to a D-Bus message bus, with a time limit for everything that is done with it.

It connects only to a unix socket on which a process of this user listens: a password may cross the
connection, and the address comes from an environment variable.
"""

from __future__ import annotations

import os
from time import monotonic

from creds_session.errors import CredsSessionError, ProviderHung, TimedOut, Unavailable
from creds_session.facts.bus_address import socket_of_address
from creds_session.records import NamedTuple
from creds_session.system.bus.signatures import Malformed
from creds_session.system.bus.transport import Transport, is_answer
from creds_session.system.bus.wire import (
    DAEMON,
    ERROR,
    ERROR_NAME,
    MEMBER,
    REPLY_SERIAL,
    SIGNAL,
    Message,
    ObjectAddress,
    method_call,
)
from creds_session.system.processes.peer import peer_credentials
from creds_session.system.processes.user_ids import stands_for_strangers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Any

GRACE = 1.0  # seconds for the bus itself, after another program did not answer
AT_ONCE = 64  # calls at the same time; by default a bus allows 128 (bus/config-parser.c)
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


class Bus:
    """A connection to a message bus; all calls together take at most ``timeout`` seconds.

    ``listener`` is the user id that must listen there, by default that of this process. Raises
    NotPermitted if another user listens, and NoService or TimedOut if it cannot be reached.
    """

    def __init__(self, address: str, timeout: float, listener: int | None = None) -> None:
        self.address = address
        self._listener = os.getuid() if listener is None else listener
        self.known_to: set[str] = set()  # unique names of the programs that know this connection
        self._timeout = timeout
        self._wanted: dict[int, object] = {}  # fields of the signal that is awaited
        self._kept: list[Message] = []  # signals that came during a call
        self._deadline = monotonic() + timeout
        if not address.startswith("unix:"):
            from creds_session.system.bus.failures import not_a_unix_socket  # seldom

            raise not_a_unix_socket(address)
        try:
            self._transport = Transport(socket_of_address(address), self._deadline)
        except (OSError, ValueError) as error:
            raise self._no_answer(error) from error
        try:
            self._require_listener()
            self._greet()
        except BaseException:
            self.close()
            raise

    def _require_listener(self) -> None:
        """Raise NotPermitted unless the listener has the right user id. Nothing was sent yet."""
        uid = peer_credentials(self._transport.socket)[1]
        if uid != self._listener:
            from creds_session.system.bus.failures import of_another_user  # as above

            raise of_another_user(self.address, uid)

    def _greet(self) -> None:
        try:
            self._transport.authenticate(self._deadline)
            hello = method_call(DAEMON, "Hello", "", ())
            _body(self._replies([hello], self._deadline)[0])
        except (OSError, ValueError, CallFailed) as error:
            raise self._no_answer(error) from error

    def _no_answer(self, error: Exception) -> CredsSessionError:
        from creds_session.system.bus.failures import no_answer  # as above

        return no_answer(self.address, error)

    @property
    def remaining(self) -> float:
        """Return the seconds that are left for calls."""
        return max(self._deadline - monotonic(), 0)

    def allow(self, timeout: float) -> None:
        """Give all calls from now on ``timeout`` seconds together."""
        self._timeout = timeout
        self._deadline = monotonic() + timeout

    def call(
        self, to: ObjectAddress, method: str, signature: str = "", *body: object
    ) -> tuple[object, ...]:
        """Call a method and return the body of its answer; the call starts no service.

        Raises CallFailed if the answer is an error, and TimedOut, ProviderHung or Unavailable if
        no answer comes.
        """
        return _body(self._answers([method_call(to, method, signature, body)], to)[0])

    def call_each(
        self,
        to: Sequence[ObjectAddress],
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
            messages = [method_call(object_, method, signature, body) for object_ in some]
            answers += [_body_or_none(reply, gone) for reply in self._answers(messages, some[0])]
        return answers

    def _answers(self, calls: Sequence[Message], to: ObjectAddress) -> list[Message]:
        """Send calls, and return their answers; raise as ``call`` does if they do not come."""
        try:
            return self._replies(calls, self._deadline)
        except (OSError, Malformed) as error:
            raise self._silence(error, str(calls[0].fields[MEMBER]), to) from error

    def _replies(self, calls: Sequence[Message], deadline: float) -> list[Message]:
        """Send all calls, then wait for all replies. A signal that is awaited is kept."""
        sent: dict[object, Message] = {}
        sent.update((self._transport.send(call, deadline), call) for call in calls)
        replies: dict[object, Message] = {}

        def is_awaited(header: Message) -> bool:
            serial = header.fields.get(REPLY_SERIAL)
            call = None if serial in replies else sent.get(serial)
            return is_answer(header, call) or self._is_wanted(header)

        while len(replies) < len(sent):
            message = self._transport.receive(deadline, is_awaited)
            if message.kind == SIGNAL:
                self._kept.append(message)
            else:
                replies[message.fields[REPLY_SERIAL]] = message
        return [replies[serial] for serial in sent]

    def _is_wanted(self, header: Message) -> bool:
        is_signal = header.kind == SIGNAL and bool(self._wanted)
        return is_signal and self._wanted.items() <= header.fields.items()

    def call_and_await(
        self, to: ObjectAddress, method: str, signal: str, signature: str = "", *body: object
    ) -> tuple[object, ...]:
        """Call a method of an object; return the body of the signal that the object then sends."""
        from creds_session.system.bus.awaited_signal import fields_of_signal, match_rule  # seldom

        wanted = fields_of_signal(to, signal)
        # gnome-keyring sends the signal to the caller. KeePassXC and KWallet send it to the
        # programs that asked the bus for it.
        self.call(DAEMON, "AddMatch", "s", match_rule(wanted))
        self._wanted, self._kept = wanted, []
        try:
            self.call(to, method, signature, *body)
            kept = self._kept or [self._transport.receive(self._deadline, self._is_wanted)]
        except (OSError, Malformed) as error:
            raise self._silence(error, signal, DAEMON) from error
        finally:
            self._wanted = {}
        return kept[0].body

    def _silence(self, error: Exception, method: str, to: ObjectAddress) -> Unavailable:
        """Return the error for an answer that did not come, or that is no message."""
        if isinstance(error, Malformed):
            return Unavailable(f"{method} over D-Bus failed: {error}")
        if not isinstance(error, TimeoutError):
            return Unavailable(f"the D-Bus daemon ended before it answered to {method}")
        if to != DAEMON and self.is_alive():
            return self._hung(method, to.bus_name)
        return TimedOut(
            f"no answer to {method} over D-Bus within {self._timeout:g} s",
            hint="creds-doctor shows which process does not answer",
        )

    def is_alive(self) -> bool:
        """Return whether the bus itself answers now, even if no time is left for other calls.

        This waits at most a second. It distinguishes a program that hangs from a bus that hangs.
        """
        try:
            self._replies([method_call(DAEMON, "GetId", "", ())], monotonic() + GRACE)
        except (OSError, Malformed):
            return False
        return True

    def _hung(self, method: str, name: str) -> ProviderHung:
        """Return the error for a program that does not answer while the bus does."""
        from creds_session.system.bus.failures import provider_hung  # as above

        asked = method_call(DAEMON, "GetConnectionUnixProcessID", "s", (name,))
        pid = None
        try:
            (found,) = _body(self._replies([asked], monotonic() + GRACE)[0])
            pid = int(str(found))
        except (OSError, ValueError, CallFailed):
            pass  # the message does without it
        return provider_hung(method, self._timeout, pid)

    def peer(self, name: str) -> Peer | None:
        """Return the owner of a well-known name, or None; start no service.

        GetConnectionCredentials would give both ids in one answer. But since dbus-broker 36 that
        answer contains a file descriptor (ProcessFD), and dbus-broker disconnects a client that
        did not negotiate descriptors: "does not support receiving file descriptors it expects".
        """
        try:
            unique_name = _only(self.call(DAEMON, "GetNameOwner", "s", name), str)
            asked = [method_call(DAEMON, method, "s", (unique_name,)) for method in _IDS]
            pid, uid = (_only(_body(reply), int) for reply in self._answers(asked, DAEMON))
        except CallFailed:
            return None
        return Peer(unique_name, pid, -1 if stands_for_strangers(uid) else uid)

    def activatable(self, name: str) -> bool:
        """Return whether the bus can start a service for this name."""
        return name in _only(self.call(DAEMON, "ListActivatableNames"), list)

    def start(self, name: str) -> None:
        """Ask the bus to start the service for a name, and wait for it."""
        self.call(DAEMON, "StartServiceByName", "su", name, 0)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def __enter__(self) -> Bus:  # noqa: PYI034 - Self is younger than Python 3.9
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _body(reply: Message) -> tuple[object, ...]:
    """Return the body of an answer. Raises CallFailed."""
    if reply.kind != ERROR:
        return reply.body
    text = reply.body[0] if reply.body else ""
    raise CallFailed(str(reply.fields.get(ERROR_NAME, "")), str(text))


def _only(body: Sequence[object], kind: type) -> Any:  # noqa: ANN401 - of that kind
    """Return the only value of an answer of the bus. Raises Unavailable for another form."""
    if len(body) != 1 or not isinstance(body[0], kind):
        raise Unavailable("the D-Bus daemon gave an answer of another form")
    return body[0]


def _body_or_none(reply: Message, gone: frozenset[str]) -> tuple[object, ...] | None:
    """Return the body of an answer, or None for an error of ``gone``. Raises CallFailed."""
    if reply.kind == ERROR and reply.fields.get(ERROR_NAME) in gone:
        return None
    return _body(reply)
