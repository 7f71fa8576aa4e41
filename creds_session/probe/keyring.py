"""What this session looks like: its bus, its keyring, how it came about."""

from __future__ import annotations

import os
from collections.abc import Mapping

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
from creds_session.system.secret_service.service import NAME, SecretService


def probe_bus(environ: Mapping[str, str], timeout: float) -> BusFacts:
    """Look at the session bus and at the owner of org.freedesktop.secrets on it."""
    address = session_bus_address(environ, os.getuid())
    if address is None:
        return BusFacts(None, "this session has no bus: DBUS_SESSION_BUS_ADDRESS is not set")
    try:
        with Bus(address, timeout) as bus:
            return look_at(bus)
    except CredsSessionError as error:
        is_refused = isinstance(error.__cause__, ConnectionRefusedError)
        problem = BusProblem.NOBODY_LISTENS if is_refused else None
        return BusFacts(address, error.problem, problem=problem)


def look_at(bus: Bus, preferred: str = "") -> BusFacts:
    """Look at the owner of org.freedesktop.secrets on this bus; opens no keyring.

    ``preferred`` is the path of a collection that is looked at in place of the default one.
    """
    owner = None
    try:
        peer = bus.peer(NAME)
        if peer is None:
            return BusFacts(bus.address, activatable=bus.activatable(NAME))
        owner = owner_of(peer)
        if not owner.is_gnome_keyring:
            return _default_of_another(bus.address, owner, SecretService(bus, peer), preferred)
        return _collections(bus.address, owner, SecretService(bus, peer), preferred)
    except ProviderHung as error:
        return BusFacts(bus.address, error.what, owner)
    except CredsSessionError as error:
        return BusFacts(bus.address, error.problem, owner if bus.is_alive() else None)


def _default_of_another(
    address: str, owner: NameOwner, service: SecretService, preferred: str
) -> BusFacts:
    """Look at the keyring that programs use, where another program of this user serves it."""
    facts = BusFacts(address, owner=owner)
    if owner.uid != os.getuid():
        return facts
    try:
        path = preferred or service.alias("default")
        return facts._replace(default=service.state(path), default_path=path)
    except CallFailed:  # it knows no alias, or none of these properties
        return facts


def owner_of(peer: Peer) -> NameOwner:
    """Return what is known of the process that owns a name."""
    owner = NameOwner(peer.pid, peer.uid, program_of(peer.pid), peer.unique_name)
    return owner._replace(name=DAEMON_NAME) if owner.is_gnome_keyring else owner


def _collections(
    address: str, owner: NameOwner, service: SecretService, preferred: str
) -> BusFacts:
    """Look at the login keyring, and at the default one where that is another."""
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
    """Look at the login keyring's file and at the control socket of this session's bus.

    Connecting to a socket of systemd's starts the daemon behind it: ``connect`` only where that
    is meant. Without it the kernel's list of this network name space is asked.
    """
    environ = with_runtime_directory(environ, os.getuid())
    directory = keyrings_directory(environ)
    path = f"{directory}/{LOGIN}{ENDING}"
    try:
        os.stat(path)  # pathlib takes as long to load as all of this module
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
    # Only as far as the first: behind the next one may be a daemon that a connection starts.
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
    """Return what the file of the default keyring is; a name that is a path names none."""
    if not name or "/" in name or "\0" in name:
        return KeyringForm.ABSENT
    return form_of(f"{directory}/{name}{ENDING}")


def has_keyring(environ: Mapping[str, str]) -> bool:
    """Tell whether a daemon that starts has a keyring to serve, or will have one.

    One that is started with none would be handed the password by the next login, and never
    serve the keyring that it makes of it.
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
    """Tell whether PAM's daemon of this user waits to be initialised."""
    daemons = keyring_daemons(os.getuid())
    return any(daemon.role is DaemonRole.LOGIN for daemon in daemons)


def _control_sockets(environ: Mapping[str, str]) -> list[str]:
    """Return the sockets where ``--start`` looks for a daemon, in its order.

    What is named comes first, then the runtime directory (gkd-main.c:discover_other_daemon). In a
    nested session both may be the outer one's; what was made for it is below that directory.
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
    """Tell whether a keyring daemon that this bus starts would give way to one of another bus.

    It initialises the one that listens in the runtime directory, and waits
    (gkd-main.c:discover_other_daemon). In a nested session that one serves the outer bus: the name
    stays nobody's here, and who has the daemon started waits in vain.
    """
    if not (is_nested(environ, address) and is_listening(_usual_control(environ))):
        return False
    return _starts_gnome_keyring(environ)


def _starts_gnome_keyring(environ: Mapping[str, str], *, is_there: bool = False) -> bool:
    """Tell whether the first file for the name runs gnome-keyring-daemon, and it ``is_there``."""
    from creds_session.probe.activation import probe_activations  # seldom

    first = probe_activations(environ)[:1]
    return any(DAEMON_NAME in one.command and (one.is_there or not is_there) for one in first)


def _listed(path: str) -> int | None:
    """Return 0, for no pid is known without a connection, where somebody listens; else None."""
    return 0 if is_listening(path) else None


def _listener(path: str) -> int | None:
    """Return the pid of who takes a connection there, where it is of this user; else None."""
    pid, uid = peer_at(path) or (0, None)
    return pid if uid == os.getuid() else None
