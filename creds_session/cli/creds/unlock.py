"""``creds unlock``: asks for the password, says what happened."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping

from creds_session.cli import password_source
from creds_session.cli.output import complain, print_json
from creds_session.cli.parser import seconds
from creds_session.cli.password_source import Declined
from creds_session.errors import NoBus, WrongPassword
from creds_session.facts.next_step import NO_BUS, BusState, next_step
from creds_session.facts.session_state import rekey_command
from creds_session.secret import Secret
from creds_session.session.unlock import (
    PasswordRequest,
    Route,
    Unlocked,
    planned_route,
    require_valid_password,
    unlock,
    unlocked_note,
)
from creds_session.session.unlock.routes import NoKeyringYet, OtherProvider
from creds_session.system.processes.core_dumps import forbid_core_dumps
from creds_session.system.processes.user_ids import own_name
from creds_session.text import printable

REPAIR = (
    "if the login's password was changed without the keyring's, or `echo` put a newline at the end"
    " of the keyring's: creds rekey"
)

WHO_ASKS = (
    "creds-session: your keyring is locked, because this login did not open it.\n"
    "Enter its password, or press Enter to go on without it.\n"
)
LATER = (
    "to unlock it later: creds unlock\nto be asked at no login: mkdir -p ~/.config/creds-session &&"
    " touch ~/.config/creds-session/no-hook"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.add_argument("--create", action="store_true", help="make the keyring if there is none")
    password_source.add_sources(parser)
    parser.add_argument("--timeout", type=seconds, default=10, metavar="S", help="seconds (10)")
    parser.add_argument(
        "--patience", type=seconds, metavar="S", help="seconds to wait for an answer (for ever)"
    )
    parser.add_argument("--explain", action="store_true", help="say which way, and change nothing")
    parser.add_argument(
        "--quiet", action="store_true", help="for login scripts: silent where nothing is to be done"
    )
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")


def execute(arguments: argparse.Namespace) -> int:
    """Unlock the login keyring and the default one; return the exit code."""
    forbid_core_dumps()
    if arguments.explain:
        return _explain(arguments)
    try:
        opened, environ = _open(arguments)
    except (NoKeyringYet, Declined, OtherProvider) as error:
        if arguments.quiet:
            return error.exit_code
        raise
    except WrongPassword as error:
        unlocked_note.note_refusal(os.environ)
        raise WrongPassword(error.problem, hint=error.hint or REPAIR) from error
    unlocked_note.note(environ, opened.pid)
    _tell_the_bus(environ)
    _report(opened, arguments)
    return 0


def _open(arguments: argparse.Namespace) -> tuple[Unlocked, Mapping[str, str]]:
    """Open it, on a bus of this user's that answers where the named one does not.

    A shell of tmux's may have the address of a bus that is gone, one of sudo's that of another
    user. No password is asked for before a bus has answered.
    """

    def on(environ: Mapping[str, str]) -> tuple[Unlocked, Mapping[str, str]]:
        opened = unlock(
            environ,
            lambda wanted: _password(arguments, wanted),
            create=arguments.create,
            timeout=arguments.timeout,
        )
        return opened, environ

    try:
        return on(os.environ)
    except NoBus:
        environ = _of_another_bus(arguments.timeout)
        if environ is None:
            raise
    return on(environ)


def _of_another_bus(timeout: float) -> dict[str, str] | None:
    from creds_session.system.session_bus.user_bus import (  # only where no bus answers
        assignments,
        find,
        has_own_runtime_directory,
    )

    found = find(os.environ, timeout)
    if found is None:
        return None
    ours = has_own_runtime_directory(os.environ)
    told = assignments(os.environ, found, os.getuid(), runtime_is_ours=ours)
    merged = {**os.environ, **told}
    return {name: value for name, value in merged.items() if value is not None}


def _tell_the_bus(environ: Mapping[str, str]) -> None:
    """Say of a bus that the shell is not on how to get there, to a quiet caller too."""
    if environ is not os.environ:
        used = environ["DBUS_SESSION_BUS_ADDRESS"]
        problem = f"{_why_another_bus(os.environ)}; used {used}"
        complain("creds", problem, next_step(BusState.ELSEWHERE).hint)


def _why_another_bus(environ: Mapping[str, str]) -> str:
    """Say what is wrong with the bus of a shell: a shell that names none has none to ask."""
    is_named = environ.get("DBUS_SESSION_BUS_ADDRESS")
    return "the bus of this shell does not answer" if is_named else NO_BUS


def _password(arguments: argparse.Namespace, wanted: PasswordRequest) -> Secret:
    keyring = f"the {printable(wanted.keyring)} keyring"
    if wanted.is_new:
        prompt = f"New password of {keyring}: "
        return password_source.new_password(
            arguments, prompt, "no keyring was created", _require_own
        )
    prompt = f"Password of {keyring}: "
    if not _is_login_hook():
        return password_source.current_password(arguments, prompt)
    from creds_session.system.terminal.password_prompt import (  # seldom
        is_input_waiting,
    )

    if is_input_waiting():
        raise Declined("somebody typed ahead, so nothing was asked")
    try:
        return password_source.current_password(arguments, f"{WHO_ASKS}{prompt}")
    except Declined:
        complain("creds", LATER)
        raise


def _is_login_hook() -> bool:
    """Return whether the login hook called, which tells so to nobody but us."""
    return os.environ.get("CREDS_SESSION_HOOK") == "asks"


def _require_own(password: Secret) -> None:
    from creds_session.session.account_password import (  # it loads libpam
        require_own,
    )

    require_own(own_name(), require_valid_password(password))


def _explain(arguments: argparse.Namespace) -> int:
    route = planned_route(os.environ, create=arguments.create, timeout=arguments.timeout)
    if arguments.json:
        print_json({"route": route.name.lower(), "reason": route.value})
    else:
        print(f"{route.name.lower()}: {route.value}")
    return 0


def _report(opened: Unlocked, arguments: argparse.Namespace) -> None:
    already = opened.route is Route.ALREADY
    if opened.beside is not None:
        complain(
            "creds",
            f"another gnome-keyring-daemon (pid {opened.beside}) holds the control socket, and"
            " will be given the password of the next login, in vain",
            f"end it: kill {opened.beside}; then: systemctl --user restart"
            " gnome-keyring-daemon.socket, or log in anew",
        )
    if arguments.json:
        print_json(
            {
                "unlocked": True,
                "route": opened.route.name.lower(),
                "already_unlocked": already,
                "created": opened.created,
                "pid": opened.pid,
                "beside": opened.beside,
                "environment": dict(opened.environment),
                "keyring": opened.keyring,
                "without_password": list(opened.opened.without_password),
                "by_kept_password": list(opened.opened.by_kept_password),
            }
        )
        return
    if arguments.quiet:
        return
    _tell_what_opened_itself(opened)
    if already:
        complain(
            "creds", f"the {opened.keyring} keyring was unlocked already; no password was tried"
        )
    elif opened.route is not Route.WITHOUT_ASKING:
        verb = "created and unlocked" if opened.created else "unlocked"
        names = " and ".join((opened.keyring, *opened.opened.by_same_password))
        what = f"keyrings {names} are" if opened.opened.by_same_password else f"{names} keyring is"
        complain("creds", f"the {what} {verb} (gnome-keyring-daemon, pid {opened.pid})")


def _tell_what_opened_itself(opened: Unlocked) -> None:
    """Say of each keyring that took no password why that was so; no password was tried on it."""
    for name in opened.opened.without_password:
        complain(
            "creds",
            f"the {name} keyring was opened: it has no password, so that every program opens it,"
            f" and its secrets lie on the disk as text (gnome-keyring-daemon, pid {opened.pid})",
            f"give it a password: {rekey_command(name)}",
        )
    for name in opened.opened.by_kept_password:
        complain(
            "creds",
            f"the {name} keyring was opened: the login keyring holds its password"
            f" (gnome-keyring-daemon, pid {opened.pid})",
        )
