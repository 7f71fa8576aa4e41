"""Give the login keyring another password, and say so only when the keyring opens with it.

The login's password can change without the keyring (docs/explanation/password-change.md). The
daemon that serves the keyring changes it, over the bus: it checks the old password, of an open
keyring too, and writes the file beside the old one and renames it
(gkm-secret-collection.c, gkm-transaction.c:write_sync_close).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

from creds_session.collection import CollectionState
from creds_session.errors import (
    CannotWrite,
    CredsSessionError,
    InvalidData,
    Unavailable,
    WrongPassword,
)
from creds_session.probe.session import probe_bus
from creds_session.secret import Secret
from creds_session.session_facts import MAX_PASSWORD, BusFacts
from creds_session.system.bus import Bus
from creds_session.system.files import back_up, remove
from creds_session.system.secret_service import SecretService
from creds_session.unlock import checked, chosen, look, same_service, unlock

NEWLINE = b"\n"


class Rekeyed(NamedTuple):
    """The login keyring has the new password and is open; ``backup`` opens with the old one.

    ``had_newline``: the old password was the given one and a newline. ``may_remember``: the daemon
    was there before, and remembers a password that a login gave it in vain, if one did
    (gkd-login.c:unlock_or_create_login).
    """

    pid: int
    backup: Path
    had_newline: bool = False
    may_remember: bool = False


def rekey(
    environ: Mapping[str, str],
    ask: Callable[[], tuple[Secret, Secret]],
    *,
    timeout: float = 10,
) -> Rekeyed:
    """Change the login keyring's password; ``ask`` is called once and returns old and new.

    ``timeout``, in seconds, bounds each step but the person's typing. Raises WrongPassword,
    InvalidData, NoKeyringYet, NotPermitted or CannotWrite with nothing changed, and Unavailable,
    which says what it left.
    """
    facts, keyring = look(environ, timeout)
    chosen(facts, keyring, create=False)
    path = Path(keyring.path)
    if not keyring.exists:
        raise Unavailable(
            f"the login keyring is not at {path}, so no copy can be kept; nothing was changed",
            hint="the daemon may have started with another HOME or XDG_DATA_HOME",
        )
    old, new = (checked(password) for password in ask())
    candidates = possible_passwords(old, new)
    was_there = facts.owner is not None
    if not was_there:
        first_accepted(lambda one: unlock(environ, lambda _: one, timeout=timeout), candidates)
        facts = probe_bus(environ, timeout)
        chosen(facts, keyring, create=False)
    backup, used = _change(facts, path, candidates, new, timeout)
    pid = facts.owner.pid if facts.owner else 0
    return Rekeyed(pid, backup, used != old, was_there)


def possible_passwords(old: Secret, new: Secret) -> list[Secret]:
    """Return what the keyring's password may be, where this is the old one that was given.

    ``echo password | gnome-keyring-daemon --unlock`` made keyrings whose password ends with a
    newline, since the daemon takes standard input whole (gkd-main.c:read_login_password).
    """
    with_newline = Secret(old.reveal() + NEWLINE)
    possible = [old, with_newline] if len(old.reveal()) < MAX_PASSWORD else [old]
    return [one for one in possible if one != new]


def first_accepted(act: Callable[[Secret], object], candidates: Sequence[Secret]) -> Secret:
    """Return the first password with which this could be done; raise WrongPassword."""
    for candidate in candidates:
        with suppress(WrongPassword):
            act(candidate)
            return candidate
    if len(candidates) == 1 and candidates[0].reveal().endswith(NEWLINE):
        raise InvalidData("the old and the new password are the same; nothing was changed")
    raise WrongPassword("the keyring did not accept the old password; nothing was changed")


def _change(
    facts: BusFacts, path: Path, candidates: Sequence[Secret], new: Secret, timeout: float
) -> tuple[Path, Secret]:
    """Keep a copy, change the password, try it; return the copy and what the old one was."""
    if facts.owner is None:
        raise Unavailable("the keyring daemon went away; nothing was changed")
    with Bus(facts.address or "", timeout) as bus:
        service = same_service(bus, facts.owner)
        login = service.alias("login")
        with _backup(path) as (copy, before):
            used = first_accepted(lambda one: service.change(login, one, new), candidates)
            _try(service, login, used, new)
    if _is_still(path, before):
        remove(copy)
        raise Unavailable(
            f"the keyring has the new password, but its file is not {path}; no copy was kept",
            hint="the daemon may have started with another HOME or XDG_DATA_HOME",
        )
    return copy, used


@contextmanager
def _backup(path: Path) -> Iterator[tuple[Path, bytes]]:
    """Keep a copy beside the file; take it away where no password was accepted.

    gnome-keyring takes files for keyrings whose names end with ``.keyring`` (gkm-secret-module.c).
    """
    copy = free_name(path.with_name(f"{path.name}.creds-backup-{time.strftime('%Y%m%dT%H%M%S')}"))
    before = back_up(path, copy)
    try:
        yield copy, before
    except (WrongPassword, InvalidData):
        with suppress(CannotWrite):
            remove(copy)
        raise
    except CredsSessionError as error:
        raise _unsure(error, path, copy, before) from error


def free_name(path: Path) -> Path:
    """Return the path, or with a number where it is there: two changes may fall in one second."""
    numbered = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(one for one in chain([path], numbered) if not os.path.lexists(one))


def _try(service: SecretService, login: str, old: Secret, new: Secret) -> None:
    """Lock the keyring and open it with the new password, after the old one was refused.

    An open keyring takes any password; and over the bus no refusal is remembered.
    """
    service.lock(login)
    if service.state(login) is not CollectionState.LOCKED:
        raise Unavailable("the daemon did not lock the keyring, so no password could be tried")
    with suppress(WrongPassword):
        service.unlock(login, old)
        raise Unavailable("the keyring still opens with the old password")
    try:
        service.unlock(login, new)
    except WrongPassword:
        raise Unavailable("the keyring does not open with the new password") from None
    if service.state(login) is not CollectionState.UNLOCKED:
        raise Unavailable("the daemon took the new password and still says: locked")


def _unsure(error: CredsSessionError, path: Path, copy: Path, before: bytes) -> Unavailable:
    """Return what to say of a change that was begun and not seen to its end."""
    same = _is_still(path, before)
    file = "is as it was" if same else "was written anew"
    which = "the old password" if same else "the new password, or else the old one"
    return Unavailable(
        f"{error.problem}; the file {path} {file}",
        hint=f"try it: creds unlock, with {which}\n"
        f"a copy that opens with the old password is kept: {copy}",
    )


def _is_still(path: Path, before: bytes) -> bool:
    try:
        return path.read_bytes() == before
    except OSError:
        return False
