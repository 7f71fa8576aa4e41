"""Lock keyrings in the daemon that serves them; report only what the Secret Service confirms."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from creds_session.errors import NotPermitted, OtherProvider, Unavailable
from creds_session.facts.collection_state import CollectionState, KeyringForm, collection_name
from creds_session.facts.session import DaemonRole, NameOwner
from creds_session.probe.keyring import owner_on, service_of
from creds_session.probe.keyring_files import form_of, keyring_file
from creds_session.session.unlock.unlocked_note import forget
from creds_session.system.processes.keyring_daemons import keyring_daemons
from creds_session.system.secret_service.service import SecretService
from creds_session.system.session_bus.connect import connect

NO_OBJECT = "/"
# This collection is in memory and is always unlocked, whatever Lock answers (gkm-secret-module.c).
OF_THE_SESSION = "session"


class Locked(NamedTuple):
    """Hold the names of the keyrings that are locked now, and the daemon's pid.

    ``pid`` None means that no program serves keyrings. ``without_password`` names those of
    them that have no password: the next program that asks unlocks them again.
    """

    collections: tuple[str, ...] = ()
    pid: int | None = None
    without_password: tuple[str, ...] = ()


def lock(environ: Mapping[str, str], *, everything: bool = False, timeout: float = 10) -> Locked:
    """Lock the login keyring and the default keyring, or every keyring; start nothing.

    ``timeout``, in seconds, limits all answers of the bus.

    Raises: NoBus, ProviderHung, OtherProvider, NotPermitted, or Unavailable (a keyring is still
    unlocked, or a daemon that does not serve yet holds the password).
    """
    with connect(environ, timeout) as bus:
        owner = owner_on(bus)
        if owner is None:
            _refuse_waiting()
            return Locked()
        _refuse_stranger(owner)
        service = service_of(bus, owner)
        own = (service.alias("login"), service.alias("default"))
        forget(environ)  # the next login hook must look again
        names = _lock(service, service.collections() if everything else own)
        return Locked(names, service.owner.pid, _without_password(environ, names))


def _without_password(environ: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the keyrings whose files show that they have no password."""
    forms = {name: form_of(keyring_file(environ, name)) for name in names}
    return tuple(name for name in names if forms[name] is KeyringForm.PLAIN)


def _lock(service: SecretService, paths: tuple[str, ...]) -> tuple[str, ...]:
    wanted = [
        path
        for path in dict.fromkeys(paths)
        if path != NO_OBJECT and collection_name(path) != OF_THE_SESSION
    ]
    for path in wanted:
        service.lock(path)
    unlocked = [path for path in wanted if service.state(path) is not CollectionState.LOCKED]
    if unlocked:
        names = ", ".join(map(collection_name, unlocked))
        raise Unavailable(
            f"the keyring daemon (pid {service.owner.pid}) did not lock: {names}",
            hint="creds-doctor shows the state of each keyring",
        )
    return tuple(map(collection_name, wanted))


def _refuse_stranger(owner: NameOwner) -> None:
    if owner.uid != os.getuid():
        raise NotPermitted(
            f"the process that serves secrets here (pid {owner.pid}) belongs to user id {owner.uid}"
        )
    if not owner.is_gnome_keyring:
        raise OtherProvider(
            f"another program serves secrets here: {owner.shown}",
            hint="lock its keyring in that program",
        )


def _refuse_waiting() -> None:
    """Raise Unavailable if a daemon that PAM started waits with the password.

    It would unlock the keyring for the first program that asks.
    """
    for daemon in keyring_daemons(os.getuid()):
        if daemon.role is DaemonRole.LOGIN:
            raise Unavailable(
                f"the keyring daemon of the login (pid {daemon.pid}) does not serve this session"
                " bus yet and holds the password: the first program that asks would unlock the"
                " keyring",
                hint=f"end the daemon: kill {daemon.pid}; or unlock and lock: creds unlock, creds"
                " lock",
            )
