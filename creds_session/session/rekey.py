"""Give a keyring another password, and say so only when the keyring opens with it.

The login's password can change without the keyring (docs/explanation/password-change.md). The
daemon that serves the keyring changes it, over the bus: it checks the old password, of an open
keyring too, and writes the file beside the old one and renames it
(gkm-secret-collection.c, gkm-transaction.c:write_sync_close).
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

from creds_session.errors import (
    CannotWrite,
    CredsSessionError,
    InvalidData,
    NoKeyringYet,
    Unavailable,
    WrongPassword,
)
from creds_session.facts.collection_state import CollectionState, KeyringForm
from creds_session.facts.session import MAX_PASSWORD, BusFacts, KeyringFacts
from creds_session.facts.session_state import LOGIN, has_other_default
from creds_session.probe.keyring import probe_bus
from creds_session.probe.keyring_files import form_of, keyring_file
from creds_session.secret import Secret
from creds_session.session.unlock import (
    Route,
    probe,
    require_ours,
    require_route,
    require_valid_password,
    same_service,
    unlock,
)
from creds_session.session.unlock.serving import serve
from creds_session.system.bus.connection import Bus
from creds_session.system.files.replace import back_up, remove
from creds_session.system.processes.keyring_daemons import KERNEL_NAME
from creds_session.system.secret_service.kept_password import (
    kept_password_item,
    renew_kept_password,
)
from creds_session.system.secret_service.service import NO_OBJECT, SecretService

NEWLINE = b"\n"


class Rekeyed(NamedTuple):
    """The keyring has the new password and is open; ``backup`` opens with the old one.

    ``had_newline``: the old password was the given one and a newline. ``may_remember``: the daemon
    was there before, and remembers a password that a login gave it in vain, if one did
    (gkd-login.c:unlock_or_create_login). ``keyring`` is the keyring's name. ``had_password`` is
    whether it had a password before: if not, ``backup`` holds its secrets as text. ``is_kept``: the
    login keyring keeps the new password, by which programs open this one without a question.
    ``is_stale``: it keeps an older one, which could not be replaced.
    """

    pid: int
    backup: Path
    had_newline: bool = False
    may_remember: bool = False
    keyring: str = LOGIN
    had_password: bool = True
    is_kept: bool = False
    is_stale: bool = False


def rekey(
    environ: Mapping[str, str],
    ask: Callable[[Keyring], tuple[Secret, Secret]],
    *,
    keyring: str | None = None,
    timeout: float = 10,
) -> Rekeyed:
    """Change a keyring's password; ``ask`` is called once and returns the old and the new one.

    ``keyring`` is the name of its file without ``.keyring``. Without it the login keyring is meant,
    or the default keyring if there is no login keyring. The old password of a keyring that has none
    is empty. ``timeout``, in seconds, bounds each step but the person's typing. Raises
    WrongPassword, InvalidData, NoKeyringYet, NotPermitted or CannotWrite with nothing changed, and
    Unavailable, which says what it left.
    """
    facts, files = probe(environ, timeout)
    which = _keyring(environ, files, keyring)
    route = _route_to_daemon(facts, files, which)
    old, new = ask(which)
    old, new = require_valid_password(old, may_be_empty=which.is_plain), require_valid_password(new)
    candidates = possible_passwords(old, new)
    was_there = facts.owner is not None
    if route is Route.NEW_DAEMON:
        first_accepted(
            lambda one: unlock(environ, lambda _: one, timeout=timeout),
            candidates,
            if_forgotten(which),
        )
    elif route is not None and route.starts:
        serve(environ, route, timeout)
    if not was_there:
        facts = probe_bus(environ, timeout)
        _route_to_daemon(facts, files, which)
    backup, used, kept = _change(facts, which, candidates, new, timeout)
    pid = facts.owner.pid if facts.owner else 0
    return Rekeyed(
        *(pid, backup, used != old, was_there, which.name, bool(old)),
        is_kept=kept is True,
        is_stale=kept is False,
    )


class Keyring(NamedTuple):
    """A keyring whose password is to be changed: its name, its file, whether it has a password."""

    name: str
    path: Path
    is_plain: bool = False


def _keyring(environ: Mapping[str, str], files: KeyringFacts, name: str | None) -> Keyring:
    """Return the keyring that is meant. Raises NoKeyringYet or Unavailable if it has no file."""
    if name is None:
        is_default = files.exists is False and has_other_default(files)
        name = (files.default_name or LOGIN) if is_default else LOGIN
    path = Path(keyring_file(environ, name))
    if name == LOGIN:
        path = Path(files.path)
    form = form_of(str(path))
    if form is KeyringForm.ABSENT and name != LOGIN:
        raise NoKeyringYet(
            f"there is no keyring {name} ({path})",
            hint=f"this lists them: ls {path.parent}",
        )
    return Keyring(name, path, form is KeyringForm.PLAIN)


def _route_to_daemon(facts: BusFacts, files: KeyringFacts, which: Keyring) -> Route | None:
    """Return the way to a daemon that serves, or None if one does. Raises as ``chosen`` does."""
    is_login = which.name == LOGIN
    is_served = facts.login in {CollectionState.LOCKED, CollectionState.UNLOCKED}
    route = None
    if facts.owner is None or not facts.answers or not facts.owner.is_gnome_keyring:
        route = require_route(facts, files, create=False)
    elif is_login and not is_served:
        require_route(facts, files, create=False)
    require_ours(facts)
    if is_login and not files.exists:
        raise Unavailable(
            f"the login keyring is not at {which.path}, so no copy can be kept; nothing was"
            " changed",
            hint="the daemon may have started with another HOME or XDG_DATA_HOME",
        )
    return Route.START if route is Route.NEW_DAEMON and not is_login else route


def possible_passwords(old: Secret, new: Secret) -> list[Secret]:
    """Return what the keyring's password may be, where this is the old one that was given.

    ``echo password | gnome-keyring-daemon --unlock`` made keyrings whose password ends with a
    newline, since the daemon takes standard input whole (gkd-main.c:read_login_password).
    """
    with_newline = Secret(old.reveal() + NEWLINE)
    possible = [old, with_newline] if len(old.reveal()) < MAX_PASSWORD else [old]
    return [one for one in possible if one != new]


def first_accepted(
    act: Callable[[Secret], object], candidates: Sequence[Secret], hint: str = ""
) -> Secret:
    """Return the first password with which this could be done; raise WrongPassword."""
    for candidate in candidates:
        with suppress(WrongPassword):
            act(candidate)
            return candidate
    if len(candidates) == 1 and candidates[0].reveal().endswith(NEWLINE):
        raise InvalidData("the old and the new password are the same; nothing was changed")
    raise WrongPassword(
        "the keyring did not accept the old password; nothing was changed", hint=hint
    )


def if_forgotten(which: Keyring) -> str:
    """Return what somebody can do who does not know the password of a keyring.

    The daemon is ended first: of a file that is replaced while it runs it serves only a part.
    """
    lost = "if nobody knows the old password, what is in this keyring is lost"
    if which.name != LOGIN:
        return lost
    file = shlex.quote(str(which.path))
    end = f'pkill -u "$USER" -x {KERNEL_NAME}'
    return (
        f"{lost}; to begin with an empty one:"
        f" {end}; mv {file} {file}.forgotten; creds unlock --create"
    )


def _change(
    facts: BusFacts, which: Keyring, candidates: Sequence[Secret], new: Secret, timeout: float
) -> tuple[Path, Secret, bool | None]:
    """Keep a copy, change the password, try it.

    Return the copy, what the old password was, and whether the login keyring keeps the new one:
    None if it keeps none for this keyring.
    """
    if facts.owner is None:
        raise Unavailable("the keyring daemon went away; nothing was changed")
    with Bus(facts.address or "", timeout) as bus:
        service = same_service(bus, facts.owner)
        path = which.path
        collection = service.alias("login") if which.name == LOGIN else service.named(which.name)
        if collection == NO_OBJECT:
            raise Unavailable(
                f"the daemon does not serve the {which.name} keyring; nothing was changed",
                hint="creds-doctor says why, and what to do",
            )
        if which.is_plain:
            # A login by password has unlocked it with the login's password, which any keyring
            # without a password takes, and which the daemon then asks for as the old one.
            service.lock(collection)
        with _backup(path) as (copy, before):
            used = first_accepted(
                lambda one: service.change(collection, one, new), candidates, if_forgotten(which)
            )
            _try(service, collection, used, new)
        kept = None
        if which.name != LOGIN and kept_password_item(service, collection) is not None:
            kept = renew_kept_password(service, collection, new)
    if _is_still(path, before):
        remove(copy)
        raise Unavailable(
            f"the keyring has the new password, but its file is not {path}; no copy was kept",
            hint="the daemon may have started with another HOME or XDG_DATA_HOME",
        )
    return copy, used, kept


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
