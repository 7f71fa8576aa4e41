"""Confirm with the Secret Service that a keyring is unlocked."""

from __future__ import annotations

import time

from creds_session.errors import CredsSessionError, TimedOut, Unavailable, WrongPassword
from creds_session.facts.collection_state import CollectionState
from creds_session.facts.session import DaemonRole, NameOwner
from creds_session.facts.session_state import LOGIN
from creds_session.probe.keyring import owner_on, service_of
from creds_session.session.unlock.patience import Patience
from creds_session.session.unlock.routes import Route
from creds_session.system.bus.connection import Bus, Peer
from creds_session.system.processes.keyring_daemons import end, keyring_daemons
from creds_session.system.secret_service.service import SecretService, ServiceEnded

SILENCE = 2.0  # seconds without an answer, after which a daemon counts as hung
CLOCK = 2  # seconds; start times count from the boot, which /proc/stat has in whole seconds


def confirm_unlocked(
    bus: Bus, route: Route, target: str, patience: Patience, owner: NameOwner | None = None
) -> SecretService:
    """Ask the keyring daemon until the keyring is unlocked and gives a secret; return its service.

    The exit code of ``gnome-keyring-daemon --unlock`` proves nothing: it is 0 for a wrong password
    too, and the command exits before the daemon is on the bus. If the time ends while one more
    answer is awaited, the answers before it count: the daemon is reported as hung only if it gave
    no answer for a while. ``owner`` is the process that was unlocked, None for one that was
    started and does not serve yet.

    Raises: WrongPassword, Unavailable, ServiceEnded, or TimedOut if the daemon hangs.
    """
    alias, problem = "login" if target == LOGIN else "default", ""
    unserved = f"no keyring daemon served the {target} keyring within {patience.seconds:g} s"
    service = service_of(bus, owner) if owner else None
    while left := bus.remaining:
        try:
            before, service = service, _keyring_service(bus)
            if before is not None and (service is None or service.owner != before.owner):
                raise ServiceEnded(before.owner.pid)
            path = service.alias(alias) if service else ""
            state = service.state(path) if service else None
            is_unlocked = state is CollectionState.UNLOCKED
            if service and is_unlocked and service.can_read_an_item(path):
                return service
        except TimedOut:
            if not problem or left > SILENCE:
                raise
            break
        if service and state is CollectionState.LOCKED:
            raise _still_locked(route, service.owner, patience)
        problem = unserved
        if service and is_unlocked:
            problem = (
                f"the keyring daemon (pid {service.owner.pid}) says that the {target} keyring is"
                " unlocked, but no secret of it could be read"
            )
        time.sleep(0.02)
    raise Unavailable(problem or unserved)


def _keyring_service(bus: Bus) -> SecretService | None:
    """Return the service of the keyring daemon on this bus, or None; no other program is one."""
    owner = owner_on(bus)
    return service_of(bus, owner) if owner and owner.is_gnome_keyring else None


def _still_locked(route: Route, owner: Peer, patience: Patience) -> CredsSessionError:
    """Return the error for a keyring that stayed locked.

    A daemon that was started here with a wrong password is ended. It would remember that password,
    and set it as the keyring's password as soon as somebody answers its prompt correctly
    (gkd-login.c:unlock_or_create_login, gkm-wrap-prompt.c:fix_login_keyring_if_unlock_failed).
    """
    if route is not Route.NEW_DAEMON:
        return Unavailable(
            f"the keyring daemon (pid {owner.pid}) still reports the keyring as locked"
        )
    begin = time.time() - patience.spent - CLOCK
    for daemon in keyring_daemons(owner.uid):
        started_here = daemon.role is DaemonRole.BY_HAND and daemon.started > begin
        if daemon.pid == owner.pid and started_here:
            end(daemon)
    return WrongPassword("the keyring did not accept the password")
