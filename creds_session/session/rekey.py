"""Change the password of a keyring; report success only after the new password has unlocked it.

The password of the login can change without the keyring (docs/explanation/password-change.md). The
daemon that serves the keyring changes its password, over D-Bus. It checks the old password even if
the keyring is unlocked, writes a new file beside the old file, and renames it
(gkm-secret-collection.c, gkm-transaction.c:write_sync_close).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from creds_session.errors import (
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
from creds_session.probe.prompter import may_prompt
from creds_session.secret import Secret
from creds_session.session.keyring_backup import backed_up, is_still
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
from creds_session.system.files.replace import remove
from creds_session.system.processes.keyring_daemons import KERNEL_NAME
from creds_session.system.secret_service.kept_password import (
    kept_password_item,
    renew_kept_password,
)
from creds_session.system.secret_service.service import NO_OBJECT, SecretService, ServiceEnded

NEWLINE = b"\n"


class Rekeyed(NamedTuple):
    """Say what became of a keyring that has the new password and is unlocked.

    ``backup`` is a copy of the file, which the old password unlocks. ``had_newline``: the old
    password was the given password and a newline. ``may_remember``: the daemon was running before,
    so it still knows the password of this login if the keyring refused it
    (gkd-login.c:unlock_or_create_login), and a desktop prompt may be shown, whose answer would set
    that password. ``keyring`` is its name. ``had_password`` is
    whether the keyring had a password before; if not, ``backup`` holds its secrets as text.
    ``is_kept``: the login keyring stores the new password, so that programs unlock this keyring
    without a prompt. ``is_stale``: the login keyring stores an older password, which could not be
    replaced.
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
    """Change the password of a keyring.

    ``ask`` is called once and returns the old and the new password. The old password of a keyring
    without a password is empty. ``keyring`` is its file's name without ``.keyring``; None means
    the login keyring, or the default keyring if there is no login keyring. ``timeout``, in seconds,
    limits each step except ``ask``.

    Raises: WrongPassword, InvalidData, NoKeyringYet, NotPermitted or CannotWrite if nothing was
    changed, and Unavailable, whose message says what was changed.
    """
    facts, files = probe(environ, timeout)
    which = _keyring(environ, files, keyring)
    route = _route_to_daemon(facts, files, which)
    old, new = ask(which)
    old, new = require_valid_password(old, may_be_empty=which.is_plain), require_valid_password(new)
    candidates = possible_passwords(old, new)
    was_running = facts.owner is not None
    # Only a daemon that serves the keyring can change its password.
    if route is Route.NEW_DAEMON:
        first_accepted(
            lambda candidate: unlock(environ, lambda _: candidate, timeout=timeout),
            candidates,
            if_forgotten(which),
        )
    elif route is not None and route.starts:
        serve(environ, route, timeout)
    if not was_running:
        facts = probe_bus(environ, timeout)
        _route_to_daemon(facts, files, which)
    backup, used, kept = _change(facts, which, candidates, new, timeout)
    pid = facts.owner.pid if facts.owner else 0
    may_remember = was_running and which.name == LOGIN and may_prompt(environ, facts)
    return Rekeyed(
        *(pid, backup, used != old, may_remember, which.name, bool(old)),
        is_kept=kept is True,
        is_stale=kept is False,
    )


class Keyring(NamedTuple):
    """Hold the name and the file of a keyring; ``is_plain``: it has no password."""

    name: str
    path: Path
    is_plain: bool = False


def _keyring(environ: Mapping[str, str], files: KeyringFacts, name: str | None) -> Keyring:
    """Return the keyring with this name, or the one that is meant without a name.

    Raises: NoKeyringYet if a keyring with this name has no file.
    """
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
            hint=f"this lists the keyrings: ls {path.parent}",
        )
    return Keyring(name, path, form is KeyringForm.PLAIN)


def _route_to_daemon(facts: BusFacts, files: KeyringFacts, which: Keyring) -> Route | None:
    """Return the route to a daemon that serves the keyring, or None if a daemon serves it.

    Raises: what ``require_route`` raises, and Unavailable if the keyring has no file to back up.
    """
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
            f"the login keyring is not at {which.path}, so it cannot be backed up; nothing was"
            " changed",
            hint="the daemon may have started with another HOME or XDG_DATA_HOME",
        )
    return Route.START if route is Route.NEW_DAEMON and not is_login else route


def possible_passwords(old: Secret, new: Secret) -> list[Secret]:
    """Return the passwords to try if a person gave this old password.

    ``echo password | gnome-keyring-daemon --unlock`` created keyrings whose password ends with a
    newline, because the daemon reads all of standard input (gkd-main.c:read_login_password).
    """
    with_newline = Secret(old.reveal() + NEWLINE)
    possible = [old, with_newline] if len(old.reveal()) < MAX_PASSWORD else [old]
    return [password for password in possible if password != new]


def first_accepted(
    act: Callable[[Secret], object], candidates: Sequence[Secret], hint: str = ""
) -> Secret:
    """Return the first password with which ``act`` succeeds.

    Raises: WrongPassword if all passwords are refused, and InvalidData if the only password that is
    left to try is the new password with a newline.
    """
    for candidate in candidates:
        with suppress(WrongPassword):
            act(candidate)
            return candidate
    if len(candidates) == 1 and candidates[0].reveal().endswith(NEWLINE):
        raise InvalidData(
            "the old and the new password are the same; nothing was changed",
            hint="if it is the keyring's password, unlock the keyring with it: creds unlock",
        )
    raise WrongPassword(
        "the keyring did not accept the old password; nothing was changed", hint=hint
    )


def if_forgotten(which: Keyring) -> str:
    """Return a hint for a person who does not know the old password of a keyring.

    The daemon has to be ended first, because it does not notice if the file is replaced.
    """
    lost = (
        "if it was mistyped, type the command again; if nobody knows the old password, the secrets"
        " in this keyring are lost"
    )
    if which.name != LOGIN:
        return lost
    file = shlex.quote(str(which.path))
    end = f'pkill -u "$USER" -x {KERNEL_NAME}'
    return (
        f"{lost}; to start with an empty keyring:"
        f" {end}; mv {file} {file}.forgotten; creds unlock --create"
    )


def _change(
    facts: BusFacts, which: Keyring, candidates: Sequence[Secret], new: Secret, timeout: float
) -> tuple[Path, Secret, bool | None]:
    """Back the file up, change the password, and unlock the keyring with the new password.

    Return the backup, the old password that was accepted, and whether the login keyring stores the
    new password, or None if it stores no password for this keyring.
    """
    if facts.owner is None:
        raise Unavailable("the keyring daemon exited; nothing was changed")
    with Bus(facts.address or "", timeout) as bus:
        path = which.path
        try:
            service = same_service(bus, facts.owner)
            collection = _served(service, which)
        except ServiceEnded as error:
            raise Unavailable(f"{error.problem}; nothing was changed", hint=error.hint) from error
        with backed_up(path) as (copy, before):
            used = first_accepted(
                lambda candidate: service.change(collection, candidate, new),
                candidates,
                if_forgotten(which),
            )
            _try(service, collection, used, new)
        try:
            kept = None if which.name == LOGIN else _renewed(service, collection, new)
        except ServiceEnded as error:
            raise Unavailable(
                f"the {which.name} keyring has the new password, but {error.problem}",
                hint="unlock it: creds unlock\n"
                f"a backup, which the old password unlocks, is at {copy}",
            ) from error
    if is_still(path, before):
        remove(copy)
        raise Unavailable(
            f"the keyring has the new password, but its file is not {path}; no backup was kept",
            hint="the daemon may have started with another HOME or XDG_DATA_HOME",
        )
    return copy, used, kept


def _served(service: SecretService, which: Keyring) -> str:
    """Return the path of the keyring, locked if it has no password. Raises Unavailable."""
    collection = service.alias("login") if which.name == LOGIN else service.named(which.name)
    if collection == NO_OBJECT:
        raise Unavailable(
            f"the daemon does not serve the {which.name} keyring; nothing was changed",
            hint="creds-doctor says why, and what to do",
        )
    if which.is_plain:
        # A keyring without a password accepts every password. After a login by password, the
        # daemon would therefore require the login's password as the old password.
        service.lock(collection)
    return collection


def _renewed(service: SecretService, collection: str, new: Secret) -> bool | None:
    """Return whether the login keyring stores the new password; None if it stores no password."""
    if kept_password_item(service, collection) is None:
        return None
    return renew_kept_password(service, collection, new)


def _try(service: SecretService, login: str, old: Secret, new: Secret) -> None:
    """Lock the keyring, check that it refuses the old password, and unlock it with the new one.

    It is locked first because an unlocked keyring accepts any password. A password that is refused
    over D-Bus is not remembered by the daemon.
    """
    service.lock(login)
    if service.state(login) is not CollectionState.LOCKED:
        raise Unavailable("the daemon did not lock the keyring, so no password could be tried")
    with suppress(WrongPassword):
        service.unlock(login, old)
        raise Unavailable("the old password still unlocks the keyring")
    try:
        service.unlock(login, new)
    except WrongPassword:
        raise Unavailable("the new password does not unlock the keyring") from None
    if service.state(login) is not CollectionState.UNLOCKED:
        raise Unavailable("the daemon accepted the new password, but the keyring is still locked")
