"""Find the session bus that a user's shells share, or start it.

A shell in tmux, in su or in cron has no address of a bus, or the address of a bus that has ended.
``find`` documents the order of the search. Only a bus that a process of this user runs is used.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from creds_session.errors import Busy, CannotWrite, CredsSessionError, Unavailable
from creds_session.facts.bus_address import address_of_path, path_of_address
from creds_session.records import NamedTuple
from creds_session.system.bus.connection import Bus
from creds_session.system.bus.dbus_daemon import start_shared_bus
from creds_session.system.bus.sockets import is_socket_of
from creds_session.system.files.directory import Directory
from creds_session.system.files.lock import exclusive
from creds_session.system.files.ownership import is_private
from creds_session.system.files.private_folder import LONGEST, PREFIX
from creds_session.system.files.replace import cannot_write
from creds_session.system.processes.environment import environments
from creds_session.system.processes.user_ids import usual_runtime_directory
from creds_session.system.secret_service.service import SecretService, secret_service

ADDRESS, RUNTIME, CONTROL = "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "GNOME_KEYRING_CONTROL"
LOCK = "creds-session-bus.lock"
PATIENCE = 2.0  # seconds for one bus
OF_ONE_COMMAND = f"/{PREFIX}"  # the private bus of `creds exec` is for its command alone
KEPT = re.compile(
    "HOME|LANG|LC_.*|LOGNAME|PATH|SHELL|TZ|USER"
    "|XDG_(CACHE_HOME|CONFIG_DIRS|CONFIG_HOME|DATA_DIRS|DATA_HOME|RUNTIME_DIR|STATE_HOME)"
)


class Found(NamedTuple):
    """A bus that answers, and its keyring daemon's control directory (None if unknown)."""

    address: str
    control: str | None = None


def assignments(
    environ: Mapping[str, str], found: Found, uid: int, *, runtime_is_ours: bool
) -> dict[str, str | None]:
    """Return the variables that connect a shell to this bus; None means to unset one."""
    variables: dict[str, str | None] = {ADDRESS: found.address}
    runtime = environ.get(RUNTIME)
    if not (runtime and runtime_is_ours):
        usual = usual_runtime_directory(uid)
        if path_of_address(found.address) == f"{usual}/bus":
            variables[RUNTIME] = runtime = usual
        elif runtime:
            variables[RUNTIME] = runtime = None
    if found.control is not None and found.control != f"{runtime}/keyring":
        variables[CONTROL] = found.control
    elif environ.get(CONTROL):
        variables[CONTROL] = None
    return variables


def has_own_runtime_directory(environ: Mapping[str, str]) -> bool:
    """Return whether XDG_RUNTIME_DIR names a directory that exists and belongs to this user."""
    try:
        return os.stat(environ.get(RUNTIME, "")).st_uid == os.getuid()  # "" does not exist
    except OSError:
        return False


def find(environ: Mapping[str, str], timeout: float) -> Found | None:
    """Return the first bus of this user that answers, or None; start no bus.

    The order is: the bus that the environment names; the bus of the runtime directory; the bus that
    ``start`` made; then the buses of the user's other processes. Of these, a bus that serves
    secrets comes first, then a bus that more processes use. ``timeout`` is in seconds.
    """
    uid = os.getuid()
    deadline = time.monotonic() + timeout
    for address in _usual(environ, uid):
        answer = _look(address, deadline)
        if answer is not None:
            return answer[0]
    others = []
    for address in by_use(environments(uid)):
        looked = _look(address, deadline)
        if looked is not None and looked[1]:
            return looked[0]
        others += [looked[0]] if looked is not None else []
    return others[0] if others else None


def by_use(environs: Iterable[Mapping[str, str]]) -> list[str]:
    """Return the addresses in these environments, the most frequent address first."""
    counted = Counter(environ.get(ADDRESS, "") for environ in environs)
    return [
        address
        for address, _ in counted.most_common()
        if address.startswith("unix:") and OF_ONE_COMMAND not in address
    ]


def start(environ: Mapping[str, str], timeout: float) -> Found:
    """Start a bus that the user's later shells find; two simultaneous calls start one bus.

    Raises Unavailable, CannotWrite, InvalidData or Busy.
    """
    place = shared_place(environ, os.getuid(), socket.gethostname())
    _make_folder(place.parent)
    deadline = time.monotonic() + timeout
    while True:
        try:
            with Directory.open(place.parent) as folder, exclusive(folder, LOCK):
                found = find(environ, timeout)
                return found or _start_at(place, environ, timeout)
        except Busy:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def shared_place(environ: Mapping[str, str], uid: int, host: str) -> Path:
    """Return the path of the bus that ``start`` makes: in the runtime directory, or in the cache.

    The path in the cache contains the host name, because hosts may share a home but not a socket.
    """
    runtime = environ.get(RUNTIME)
    if runtime and is_private(runtime, uid):
        return Path(runtime, "bus")
    cache = environ.get("XDG_CACHE_HOME") or f"{environ.get('HOME', '')}/.cache"
    name = re.sub(r"[^-0-9A-Za-z_.]", "_", host)
    return Path(cache, "creds-session", f"bus-{name}", "bus")


def _usual(environ: Mapping[str, str], uid: int) -> Iterator[str]:
    if environ.get(ADDRESS):
        yield environ[ADDRESS]
    shared = str(shared_place({**environ, RUNTIME: ""}, uid, socket.gethostname()))
    for path in (f"{environ.get(RUNTIME, '')}/bus", f"{usual_runtime_directory(uid)}/bus", shared):
        if is_socket_of(path, uid):
            yield address_of_path(path)


def _look(address: str, deadline: float) -> tuple[Found, bool] | None:
    """Return a bus and whether it serves secrets, or None if it does not answer."""
    patience = min(PATIENCE, deadline - time.monotonic())
    if patience <= 0:
        return None
    try:
        with Bus(address, patience) as bus:
            service = secret_service(bus)
            return Found(address, _control(service)), bool(service)
    except CredsSessionError:
        return None


def _control(service: SecretService | None) -> str | None:
    """Return the control directory of the service, or None if it is unknown or hangs."""
    try:
        return service.control_directory() if service else None
    except CredsSessionError:
        return None


def _start_at(place: Path, environ: Mapping[str, str], timeout: float) -> Found:
    if len(os.fsencode(place)) > LONGEST:
        raise Unavailable(
            f"{place} cannot be the path of a session bus: it is longer than {LONGEST} bytes"
            " (unix(7))",
            hint="set XDG_CACHE_HOME to a short path",
        )
    if is_socket_of(str(place), os.getuid()):
        if _listens(place):
            raise Unavailable(f"the session bus at {place} does not answer")
        place.unlink()
    # Programs that this bus starts later get this environment, without the shell's variables.
    kept = {name: value for name, value in environ.items() if KEPT.fullmatch(name)}
    address = start_shared_bus(str(place), kept, timeout)
    if _look(address, time.monotonic() + timeout) is None:
        raise Unavailable(f"the session bus that was started at {place} does not answer")
    return Found(address)


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(path))
        except ConnectionRefusedError:
            return False
        except OSError:
            return True
    return True


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    if not is_private(str(folder), os.getuid()):
        raise CannotWrite(
            f"{folder} is not a directory that only you can enter",
            hint=f"chmod 700 {shlex.quote(str(folder))}",
        )
