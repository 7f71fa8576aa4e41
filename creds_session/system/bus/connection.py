"""One connection to a D-Bus message bus, with a time limit on all that is done with it.

Only unix sockets whose far end belongs to this very user are spoken to: a password may
cross this connection, and an address is only an environment variable.
"""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

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
    NoService,
    NotPermitted,
    ProviderHung,
    TimedOut,
    Unavailable,
)
from creds_session.facts.bus_address import address_of_path, path_of_address
from creds_session.system.processes.peer import peer_credentials
from creds_session.system.processes.user_ids import stands_for_strangers

if TYPE_CHECKING:
    from typing_extensions import Self

RUNTIME_DIRECTORIES = "/run/user"  # with one of each user, made by logind (pam_systemd(8))
GRACE = 1.0  # seconds for the bus itself, after another program did not answer
AT_ONCE = 64  # calls under way; a bus allows 128 unless it is told more (bus/config-parser.c)
DAEMON = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
_IDS = ("GetConnectionUnixProcessID", "GetConnectionUnixUser")  # of a connection's far end


class CallFailed(CredsSessionError):
    """The other side answered with an error; ``name`` is its D-Bus name."""

    exit_code = 69

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message or name)
        self.name = name


class Peer(NamedTuple):
    """Who owns a name on the bus, as the bus itself says."""

    unique_name: str
    pid: int
    uid: int


def usual_runtime_directory(uid: int) -> str:
    """Return the path of the runtime directory that logind makes for this user."""
    return f"{RUNTIME_DIRECTORIES}/{uid}"


def session_bus_address(environ: Mapping[str, str], uid: int) -> str | None:
    """Return the address of this session's bus, or None.

    DBUS_SESSION_BUS_ADDRESS where it is set; else ``$XDG_RUNTIME_DIR/bus`` where a socket of
    this user is (the fallback of sd-bus and GLib); else ``/run/user/UID/bus`` likewise, which
    ``su`` leaves unnamed.
    """
    named = environ.get("DBUS_SESSION_BUS_ADDRESS")
    if named:
        return named
    for directory in (environ.get("XDG_RUNTIME_DIR"), usual_runtime_directory(uid)):
        if directory and is_socket_of(f"{directory}/bus", uid):
            return address_of_path(f"{directory}/bus")
    return None


def with_runtime_directory(environ: Mapping[str, str], uid: int) -> Mapping[str, str]:
    """Name the runtime directory where it is unnamed, and the bus of this session lies in it.

    A service of systemd's with ``User=`` has neither variable; without the directory a daemon
    that waits there would not be found, and a second one started.
    """
    usual = usual_runtime_directory(uid)
    named = path_of_address(session_bus_address(environ, uid) or "")
    if environ.get("XDG_RUNTIME_DIR") or named != f"{usual}/bus":
        return environ
    return {**environ, "XDG_RUNTIME_DIR": usual} if is_socket_of(f"{usual}/bus", uid) else environ


def is_nested(environ: Mapping[str, str], address: str) -> bool:
    """Tell whether this bus is another one than the user bus of its own runtime directory.

    ``dbus-run-session`` in a login session makes such a bus; what lies in the runtime directory,
    the keyring's control socket above all, belongs to the outer one.
    """
    path = os.path.normpath(f"{environ.get('XDG_RUNTIME_DIR', '')}/bus")
    named = os.path.normpath(path_of_address(address))
    return is_socket_of(path, os.getuid()) and named != path


def is_socket_of(path: str, uid: int) -> bool:
    """Tell whether this path is a socket (not a link to one) that this user owns.

    It is not if the owner cannot be known: see ``stands_for_strangers``.
    """
    try:
        status = os.lstat(path)
    except OSError:
        return False
    if stands_for_strangers(status.st_uid):
        return False
    return stat.S_ISSOCK(status.st_mode) and status.st_uid == uid


def is_listening(path: str) -> bool:
    """Tell whether someone listens on a unix socket, without a connection that starts anything.

    Only for where no connection may be made (the doctor, ``creds unlock --explain``): the kernel
    lists the sockets of this network name space alone (proc_pid_net(5), unix), so one that is
    served from another is called silent here. Flag 0x10000 is __SO_ACCEPTCON.
    """
    return listeners(path) > 0


def listeners(path: str) -> int:
    """Return how many sockets of this path are listened on: one that was put aside still counts."""
    folder, name = os.path.split(os.fsencode(path))
    wanted, found = os.path.realpath(folder), 0
    with open("/proc/net/unix", "rb") as listed:  # read line by line
        for line in listed:
            # Num RefCount Protocol Flags Type St Inode Path
            fields = line.rstrip(b"\n").split(None, 7)
            at, own_name = os.path.split(b"".join(fields[7:]))
            if (fields[3], own_name, at[:1]) != (b"00010000", name, b"/"):
                continue
            if os.path.realpath(at) == wanted:
                found += 1
    return found


def peer_at(path: str) -> tuple[int, int] | None:
    """Return pid and uid of who bound a socket, where a connection is taken; else None.

    Behind systemd's socket that is systemd, and the connection starts its service. From another
    pid name space the pid is 0.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(1)
        try:
            connection.connect(path)
            return peer_credentials(connection)
        except OSError:
            return None


class _BoundedConnection(DBusConnection):  # type: ignore[misc]  # jeepney has no types
    """A connection on which no wait is without a limit, the first call (Hello) included."""

    def __init__(self, connected: socket.socket, limit: float) -> None:
        self._limit = limit
        super().__init__(connected)

    def receive(self, *, timeout: float | None = None) -> Message:
        """Return the next message; raise TimeoutError where none comes in time."""
        return super().receive(timeout=self._limit if timeout is None else timeout)


def _require_own(connected: socket.socket, address: str) -> None:
    """Raise NotPermitted unless this user listens at the far end."""
    uid = peer_credentials(connected)[1]
    if uid < 0:
        raise NotPermitted(
            f"whose the session bus {address} is cannot be known here; no password goes there",
            hint="this user name space maps no user id: use unshare --map-current-user",
        )
    if uid != os.getuid():
        raise NotPermitted(
            f"the session bus {address} belongs to user id {uid}; no password goes there",
            hint="unset DBUS_SESSION_BUS_ADDRESS, or log in anew",
        )


class Bus:
    """A connection to a message bus; all calls together end within ``timeout`` seconds."""

    def __init__(self, address: str, timeout: float) -> None:
        self.address = address
        self.known_to: set[str] = set()  # the unique names of who knows this connection
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        if not address.startswith("unix:"):
            raise NotPermitted(
                f"the session bus {address!r} is not a unix socket; no password goes there",
                hint="unset DBUS_SESSION_BUS_ADDRESS, or log in anew",
            )
        try:
            place = path_of_address(address) or get_bus(address)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as before:
                before.settimeout(timeout)
                before.connect(place)
                _require_own(before, address)  # before anything is sent
            connected = prep_socket(place, timeout=timeout)
        except (OSError, ValueError, RuntimeError, TimeoutError, EOFError) as error:
            raise _no_answer(address, error) from error
        try:
            _require_own(connected, address)
            self._connection = _BoundedConnection(connected, self.remaining)
        except (OSError, TimeoutError, EOFError, DBusErrorResponse) as error:
            connected.close()
            raise _no_answer(address, error) from error
        except NotPermitted:
            connected.close()
            raise

    @property
    def remaining(self) -> float:
        """Return the seconds that are left for calls."""
        return max(self._deadline - time.monotonic(), 0)

    def allow(self, timeout: float) -> None:
        """Have all calls from now on end within ``timeout`` seconds together."""
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout

    def call(
        self, to: DBusAddress, method: str, signature: str = "", *body: object
    ) -> tuple[object, ...]:
        """Call a method and return the body of its answer; nothing is started by the call.

        Raises CallFailed for an error answer and Unavailable when none comes in time.
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
        """Call one method of many objects; None stands for an answer with an error of ``gone``.

        Many calls are under way at once: what takes time is waiting, not answering.
        """
        answers: list[tuple[object, ...] | None] = []
        for start in range(0, len(to), AT_ONCE):
            some = to[start : start + AT_ONCE]
            with self._in_time(method, some[0]):
                replies = self._replies([_message(one, method, signature, body) for one in some])
            answers += [_body_unless(gone, reply) for reply in replies]
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
        """Call a method of an object; return the body of the signal it sends afterwards."""
        rule = MatchRule(
            type=MessageType.signal,
            sender=to.bus_name,
            interface=to.interface,
            member=signal,
            path=to.object_path,
        )
        # gnome-keyring sends it to who asked; KeePassXC and KWallet to whoever said this
        self.call(DAEMON, "AddMatch", "s", rule.serialise())
        with self._connection.filter(rule) as signals:
            self.call(to, method, signature, *body)
            with self._in_time(signal):
                told = self._connection.recv_until_filtered(signals, timeout=self.remaining)
        return tuple(told.body)

    @contextmanager
    def _in_time(self, method: str, to: DBusAddress = DAEMON) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            if to != DAEMON and self.is_alive():
                raise self._hung(method, str(to.bus_name)) from error
            raise TimedOut(
                f"no answer to {method} on the bus within {self._timeout:g} s",
                hint="creds-doctor shows which process does not answer",
            ) from error
        except (OSError, EOFError) as error:
            raise Unavailable(f"the bus ended before it answered to {method}") from error

    def is_alive(self) -> bool:
        """Return whether the bus itself answers now, also if no time is left for other calls.

        It waits a second at most: a program that does not answer is told from such a bus so.
        """
        ping = _message(DAEMON, "GetId", "", ())
        try:
            self._connection.send_and_get_reply(ping, timeout=GRACE)
        except (OSError, EOFError):  # TimeoutError is an OSError
            return False
        return True

    def _hung(self, method: str, name: str) -> ProviderHung:
        """Return what to say of a program that does not answer while the bus does."""
        from creds_session.facts.next_step import BusState, next_step  # seldom
        from creds_session.facts.session_state import hung_line
        from creds_session.system.processes.keyring_daemons import program_of

        asked = _message(DAEMON, "GetConnectionUnixProcessID", "s", (name,))
        what = f"no answer to {method} within {self._timeout:g} s"
        try:
            reply = self._connection.send_and_get_reply(asked, timeout=GRACE)
            pid = int(str(_body(reply)[0]))
            line = hung_line(program_of(pid), pid, what)
        except (OSError, EOFError, CallFailed):
            line = f"{what}; the session bus answers"
        error = ProviderHung(line, hint=next_step(BusState.HUNG).hint)
        error.what = what
        return error

    def owner(self, name: str) -> str | None:
        """Return the unique name of a name's owner, or None; starts nothing."""
        try:
            return str(self.call(DAEMON, "GetNameOwner", "s", name)[0])
        except CallFailed:
            return None

    def peer(self, name: str) -> Peer | None:
        """Return the owner of a well-known name, or None; starts nothing.

        GetConnectionCredentials would give both ids in one answer. But that answer holds a file
        descriptor (ProcessFD) since dbus-broker 36, and that bus disconnects whoever did not
        negotiate descriptors: "does not support receiving file descriptors it expects".
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
        """Tell whether the bus knows how to start this name."""
        (names,) = self.call(DAEMON, "ListActivatableNames")
        return isinstance(names, (list, tuple)) and name in names

    def start(self, name: str) -> None:
        """Ask the bus to start the service behind a name, and wait for it."""
        self.call(DAEMON, "StartServiceByName", "su", name, 0)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
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


def _no_answer(address: str, error: Exception) -> Unavailable:
    kind = TimedOut if isinstance(error, TimeoutError) else NoService
    return kind(
        f"no session bus answers at {address}: {str(error) or 'no answer in time'}",
        hint="creds-doctor says why, and what to type next",
    )


def _body_unless(gone: frozenset[str], reply: Message) -> tuple[object, ...] | None:
    try:
        return _body(reply)
    except CallFailed as error:
        if error.name in gone:
            return None
        raise


def _body(reply: Message) -> tuple[object, ...]:
    if reply.header.message_type.name == "error":
        failure = DBusErrorResponse(reply)
        first = failure.data[0] if failure.data else ""
        name = str(reply.header.fields.get(HeaderFields.error_name, failure.name))
        raise CallFailed(name, str(first))
    return tuple(reply.body)
