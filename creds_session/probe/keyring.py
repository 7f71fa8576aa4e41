"""Describe this session's bus, the owner of org.freedesktop.secrets, and the keyrings."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from creds_session.errors import CredsSessionError, ProviderHung
from creds_session.facts.collection_state import CollectionState, KeyringForm
from creds_session.facts.session import (
    DAEMON_NAME,
    BusFacts,
    BusProblem,
    DaemonRole,
    KeyringFacts,
    NameOwner,
)
from creds_session.facts.session_state import LOGIN
from creds_session.probe.keyring_files import (
    CONTROL,
    ENDING,
    default_name,
    form_of,
    keyrings_directory,
)
from creds_session.system.bus.address import is_nested, session_bus_address, with_runtime_directory
from creds_session.system.bus.connection import Bus, CallFailed, Peer
from creds_session.system.bus.sockets import is_listening, is_socket_of, peer_at
from creds_session.system.files.listing import names_in
from creds_session.system.processes.keyring_daemons import keyring_daemons, program_of
from creds_session.system.secret_service.kept_password import kept_password_item
from creds_session.system.secret_service.service import NAME, SecretService, ServiceEnded

LEAVING = 0.5  # seconds in which a busy bus notices that a process has ended


def probe_bus(
    environ: Mapping[str, str], timeout: float, look: Callable[[Bus], BusFacts] | None = None
) -> BusFacts:
    """Describe the session bus and the owner of org.freedesktop.secrets; unlock nothing.

    ``look`` is what is done with the connection; by default it is ``look_at``.
    """
    address = session_bus_address(environ, os.getuid())
    if address is None:
        return BusFacts(None, "there is no session bus: DBUS_SESSION_BUS_ADDRESS is not set")
    try:
        with Bus(address, timeout) as bus:
            return (look or look_at)(bus)
    except CredsSessionError as error:
        is_refused = isinstance(error.__cause__, ConnectionRefusedError)
        problem = BusProblem.NOBODY_LISTENS if is_refused else None
        return BusFacts(address, error.problem, problem=problem)


def look_at(bus: Bus, preferred: str = "") -> BusFacts:
    """Describe the owner of org.freedesktop.secrets on this bus; unlock nothing.

    ``preferred`` is the path of a collection to describe in place of the default collection.
    """
    while True:
        owner = None
        try:
            owner = owner_on(bus)
            if owner is None:
                return BusFacts(bus.address, activatable=bus.activatable(NAME))
            describe = _collections if owner.is_gnome_keyring else _default_of_another
            return describe(bus.address, owner, service_of(bus, owner), preferred)
        except ServiceEnded:
            continue  # the bus answers at once, with another owner or none
        except ProviderHung as error:
            return BusFacts(bus.address, error.what, owner)
        except CredsSessionError as error:
            return BusFacts(bus.address, error.problem, owner if bus.is_alive() else None)


def _default_of_another(
    address: str, owner: NameOwner, service: SecretService, preferred: str
) -> BusFacts:
    """Describe the default collection of another program of this user that serves secrets."""
    facts = BusFacts(address, owner=owner)
    if owner.uid != os.getuid():
        return facts
    try:
        path = preferred or service.alias("default")
        return facts._replace(default=service.state(path), default_path=path)
    except CallFailed:  # it has no aliases, or not these properties
        return facts


def owner_on(bus: Bus) -> NameOwner | None:
    """Return the owner of org.freedesktop.secrets on this bus, or None; start no service.

    The bus may still name a process that has just ended, of which the kernel knows nothing any
    more. A process of another container looks the same, so ask again for a short while first.
    """
    end = time.monotonic() + min(LEAVING, bus.remaining)
    while (peer := bus.peer(NAME)) is not None:
        owner = _owner_of(peer)
        if owner.name or not owner.pid or time.monotonic() >= end:
            return owner
        time.sleep(0.02)
    return None


def service_of(bus: Bus, owner: NameOwner) -> SecretService:
    """Return the service of this process, also if another process owns the name by now."""
    return SecretService(bus, Peer(owner.unique_name, owner.pid, owner.uid))


def _owner_of(peer: Peer) -> NameOwner:
    """Return what is known of the process that owns a name."""
    owner = NameOwner(peer.pid, peer.uid, program_of(peer.pid), peer.unique_name)
    return owner._replace(name=DAEMON_NAME) if owner.is_gnome_keyring else owner


def _collections(
    address: str, owner: NameOwner, service: SecretService, preferred: str
) -> BusFacts:
    """Describe the login keyring and the default keyring, which are often the same."""
    paths = {"login": service.alias("login"), "default": preferred or service.alias("default")}
    states = {path: service.state(path) for path in dict.fromkeys(paths.values())}
    login, default = states[paths["login"]], states[paths["default"]]
    is_hidden = login is CollectionState.UNLOCKED and default is CollectionState.LOCKED
    keeps = is_hidden and kept_password_item(service, paths["default"]) is not None
    return BusFacts(
        address,
        owner=owner,
        login=login,
        default=default,
        default_path=paths["default"],
        keeps_default_password=keeps,
    )


def probe_keyring(environ: Mapping[str, str], *, connect: bool = True) -> KeyringFacts:
    """Describe the login keyring's file and the control socket of this session's bus.

    A connection to a socket of systemd starts its daemon, so set ``connect`` only if that is
    intended. Otherwise the kernel's list of sockets in this network name space is used.
    """
    environ = with_runtime_directory(environ, os.getuid())
    directory = keyrings_directory(environ)
    path = f"{directory}/{LOGIN}{ENDING}"
    try:
        os.stat(path)  # pathlib would take as long to load as this module
        exists: bool | None = True
    except FileNotFoundError:
        exists = False
    except OSError:
        exists = None
    default = default_name(directory)
    is_other = bool(default) and default != LOGIN
    controls = _control_sockets(environ)
    listener = _listener if connect else _listed
    answers = ((path, pid) for path in controls if (pid := listener(path)) is not None)
    # Stop at the first socket: a connection to the next one may start a daemon.
    control, pid = next(answers, (None, None))
    waits = control is not None and not exists and _login_waits()
    is_elsewhere = control is not None and control != _usual_control(environ)
    shown = control or next(iter(controls), None)
    form = form_of(path, is_quick=True) if exists else KeyringForm.UNKNOWN
    default_form = _default_form(directory, default) if is_other else KeyringForm.UNKNOWN
    is_plain = (default_form if is_other else form) is KeyringForm.PLAIN
    return KeyringFacts(
        path,
        exists,
        shown,
        control is not None,
        waits,
        is_elsewhere,
        pid or None,
        form=form,
        default_name=default,
        default_form=default_form,
        is_activated=is_plain and _starts_gnome_keyring(environ, is_there=True),
    )


def _default_form(directory: str, name: str | None) -> KeyringForm:
    """Return the form of the default keyring's file; a name that is a path is not a keyring."""
    if not name or "/" in name or "\0" in name:
        return KeyringForm.ABSENT
    return form_of(f"{directory}/{name}{ENDING}")


def has_keyring(environ: Mapping[str, str]) -> bool:
    """Return whether a daemon that starts now has a keyring to serve, or will have one.

    A daemon that starts without a keyring would get the password of the next login, and would never
    serve the keyring that it creates with it.
    """
    keyring = probe_keyring(environ)
    if keyring.exists or keyring.login_waits:
        return True
    try:
        names = names_in(os.path.dirname(keyring.path), keyring.path)  # as above
    except (OSError, CredsSessionError):
        return False
    return any(name.endswith(".keyring") for name in names)


def _login_waits() -> bool:
    """Return whether PAM's daemon of this user waits to be initialised."""
    daemons = keyring_daemons(os.getuid())
    return any(daemon.role is DaemonRole.LOGIN for daemon in daemons)


def _control_sockets(environ: Mapping[str, str]) -> list[str]:
    """Return the sockets where ``--start`` looks for a daemon, in its order.

    GNOME_KEYRING_CONTROL comes first, then the runtime directory (gkd-main.c:
    discover_other_daemon). In a nested session both may belong to the outer session; the directory
    that was made for the nested session is below the runtime directory.
    """
    address = session_bus_address(environ, os.getuid())
    named, runtime = environ.get("GNOME_KEYRING_CONTROL"), environ.get("XDG_RUNTIME_DIR")
    candidates = [f"{named}/control"] if named else []
    if address and is_nested(environ, address):
        candidates = [path for path in candidates if path.startswith(f"{runtime}/keyring-")]
    elif runtime:
        candidates.append(_usual_control(environ))
    return [path for path in candidates if is_socket_of(path, os.getuid())]


def _usual_control(environ: Mapping[str, str]) -> str:
    return f"{environ.get('XDG_RUNTIME_DIR', '')}/{CONTROL}"


def hands_over(environ: Mapping[str, str], address: str) -> bool:
    """Return whether a daemon that this bus starts would hand over to a daemon of another bus.

    It initialises the daemon that listens in the runtime directory, and waits
    (gkd-main.c:discover_other_daemon). In a nested session that daemon serves the outer bus. So no
    process owns the name on this bus, and the program that requested the start would wait forever.
    """
    if not (is_nested(environ, address) and is_listening(_usual_control(environ))):
        return False
    return _starts_gnome_keyring(environ)


def _starts_gnome_keyring(environ: Mapping[str, str], *, is_there: bool = False) -> bool:
    """Return whether D-Bus would start gnome-keyring; ``is_there``: only if it is installed."""
    from creds_session.probe.activation import probe_activations  # seldom

    first = probe_activations(environ)[:1]
    return any(DAEMON_NAME in one.command and (one.is_there or not is_there) for one in first)


def _listed(path: str) -> int | None:
    """Return 0 if a process listens there, else None. Without a connection no pid is known."""
    return 0 if is_listening(path) else None


def _listener(path: str) -> int | None:
    """Return the pid of the process of this user that accepts a connection there, or None."""
    pid, uid = peer_at(path) or (0, None)
    return pid if uid == os.getuid() else None
