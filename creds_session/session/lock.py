"""Lock keyrings, on the daemon that serves them; it is done when the bus says so."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from creds_session.errors import NotPermitted, OtherProvider, Unavailable
from creds_session.facts.collection_state import CollectionState, KeyringForm, collection_name
from creds_session.facts.session import DaemonRole
from creds_session.probe.keyring import owner_of
from creds_session.probe.keyring_files import form_of, keyring_file
from creds_session.system.processes.keyring_daemons import keyring_daemons
from creds_session.system.secret_service.service import SecretService, secret_service
from creds_session.system.session_bus.connect import connect

NO_OBJECT = "/"
OF_THE_SESSION = "session"  # in memory, open whatever Lock answers (gkm-secret-module.c)


class Locked(NamedTuple):
    """The keyrings that are locked now, by name; ``pid`` None: nobody serves any.

    ``without_password`` names those of them that have no password, so that the next program that
    asks opens them again.
    """

    collections: tuple[str, ...] = ()
    pid: int | None = None
    without_password: tuple[str, ...] = ()


def lock(environ: Mapping[str, str], *, everything: bool = False, timeout: float = 10) -> Locked:
    """Lock the login keyring and the default one, or every one. Starts nothing.

    Raises Unavailable (no bus, another provider, a daemon that still says unlocked or that
    holds a password without serving yet) or NotPermitted.
    """
    with connect(environ, timeout) as bus:
        service = secret_service(bus)
        if service is None:
            _refuse_waiting()
            return Locked()
        _refuse_stranger(service)
        own = (service.alias("login"), service.alias("default"))
        names = _lock(service, service.collections() if everything else own)
        return Locked(names, service.owner.pid, _without_password(environ, names))


def _without_password(environ: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those keyrings that have no password, as their files say."""
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
    other = [one for one in wanted if service.state(one) is not CollectionState.LOCKED]
    if other:
        names = ", ".join(map(collection_name, other))
        raise Unavailable(
            f"the keyring daemon (pid {service.owner.pid}) does not say locked of: {names}",
            hint="creds-doctor shows what it says",
        )
    return tuple(map(collection_name, wanted))


def _refuse_stranger(service: SecretService) -> None:
    owner = owner_of(service.owner)
    if owner.uid != os.getuid():
        raise NotPermitted(
            f"the process that serves secrets here (pid {owner.pid}) belongs to user id {owner.uid}"
        )
    if not owner.is_gnome_keyring:
        raise OtherProvider(
            f"another program serves secrets here: {owner.shown}",
            hint="lock it by its own means",
        )


def _refuse_waiting() -> None:
    """Raise where PAM's daemon holds the password, and opens the keyring when it is asked."""
    for daemon in keyring_daemons(os.getuid()):
        if daemon.role is DaemonRole.LOGIN:
            raise Unavailable(
                f"the daemon of the login (pid {daemon.pid}) serves nothing on this bus, and holds"
                " the password: the first request would open the keyring",
                hint=f"end it: kill {daemon.pid}; or have it serve first: creds unlock, creds lock",
            )
