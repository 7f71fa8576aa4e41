"""``creds unlock``: ask for the password, unlock the keyring, and say what happened."""

from __future__ import annotations

import os
from collections.abc import Mapping

from creds_session.cli import password_source
from creds_session.cli.output import complain, print_json
from creds_session.cli.password_source import Declined
from creds_session.cli.waiting import waiting_line
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

REPAIR = (
    "if it was mistyped, type it again: creds unlock\n"
    "if the login password was changed and the keyring still has the old one, or if `echo` put a"
    " newline at the end of the keyring's password: creds rekey"
)

WHO_ASKS = (
    "creds-session: your keyring is locked, because this login did not unlock it.\n"
    "Enter its password, or press Enter to go on without it.\n"
)
LATER = (
    "to unlock it later: creds unlock\nto be asked at no login: mkdir -p ~/.config/creds-session &&"
    " touch ~/.config/creds-session/no-hook"
)


DESCRIPTION = """\
Unlock the login keyring of this session, and the default keyring if that is another one. Success is
reported only after the keyring daemon has confirmed it. If no keyring daemon is running, one is
started.
"""
EXAMPLES = """\
examples:
  creds unlock             ask for the password, and unlock the keyring
  creds unlock --create    create the keyring if there is none
  creds unlock --explain   say how it would be unlocked, and change nothing
  creds unlock --password-stdin < /run/secrets/keyring
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    from creds_session.cli.parser import add_json, seconds

    parser.description = DESCRIPTION
    parser.epilog = EXAMPLES
    parser.add_argument(
        "--create",
        action="store_true",
        help="Create the login keyring if there is none. The password must be given twice, or be"
        " the password of your account.",
    )
    password_source.add_sources(parser)
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=10,
        metavar="S",
        help="Give up after S seconds without an answer (default: 10). The time in which a person"
        " types does not count.",
    )
    parser.add_argument(
        "--patience",
        type=seconds,
        metavar="S",
        help="Give up after S seconds without input, which counts as an empty password. Without"
        " this option the prompt waits for ever.",
    )
    parser.add_argument(
        *("-n", "--explain", "--dry-run"),
        dest="explain",
        action="store_true",
        help="Print how the keyring would be unlocked, and change nothing.",
    )
    parser.add_argument(
        *("-q", "--quiet"),
        action="store_true",
        help="Print nothing on success or if there is nothing to do. This is for login scripts.",
    )
    add_json(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Unlock the login keyring and the default one; return the exit code."""
    forbid_core_dumps()
    if arguments.explain:
        return _explain(arguments)
    try:
        unlocked, environ = _unlock(arguments)
    except (NoKeyringYet, Declined, OtherProvider) as error:
        if arguments.quiet:
            return error.exit_code
        raise
    except WrongPassword as error:
        unlocked_note.note_refusal(os.environ)
        raise WrongPassword(error.problem, hint=error.hint or REPAIR) from error
    unlocked_note.note(environ, unlocked.pid)
    _print_bus(environ)
    _report(unlocked, arguments)
    return 0


def _unlock(arguments: argparse.Namespace) -> tuple[Unlocked, Mapping[str, str]]:
    """Unlock the keyring, on another bus of this user if the named one does not answer.

    A shell in tmux may have the address of a bus that has ended, and a shell of sudo the address of
    another user's bus. No password is asked for before a bus has answered.
    """
    waiting = waiting_line("the keyring daemon", arguments.timeout, is_quiet=arguments.quiet)

    def password(wanted: PasswordRequest) -> Secret:
        with waiting.held():
            return _password(arguments, wanted)

    def unlock_on(environ: Mapping[str, str]) -> tuple[Unlocked, Mapping[str, str]]:
        unlocked = unlock(environ, password, create=arguments.create, timeout=arguments.timeout)
        return unlocked, environ

    with waiting:
        try:
            return unlock_on(os.environ)
        except NoBus:
            environ = _of_another_bus(arguments.timeout)
            if environ is None:
                raise
        return unlock_on(environ)


def _of_another_bus(timeout: float) -> dict[str, str] | None:
    from creds_session.system.session_bus.user_bus import (  # only if no bus answers
        assignments,
        find,
        has_own_runtime_directory,
    )

    bus = find(os.environ, timeout)
    if bus is None:
        return None
    ours = has_own_runtime_directory(os.environ)
    assigned = assignments(os.environ, bus, os.getuid(), runtime_is_ours=ours)
    merged = {**os.environ, **assigned}
    return {name: value for name, value in merged.items() if value is not None}


def _print_bus(environ: Mapping[str, str]) -> None:
    """Say how to connect the shell to the bus that was used, if it is another one.

    The message is printed with ``--quiet``, too, because the shell does not find the keyring
    otherwise.
    """
    if environ is not os.environ:
        used = environ["DBUS_SESSION_BUS_ADDRESS"]
        problem = f"{_why_another_bus(os.environ)}; used {used}"
        complain("creds", problem, next_step(BusState.ELSEWHERE).hint)


def _why_another_bus(environ: Mapping[str, str]) -> str:
    """Return what is wrong with the bus of a shell, which may not name one at all."""
    is_named = environ.get("DBUS_SESSION_BUS_ADDRESS")
    return "the session bus of this shell does not answer" if is_named else NO_BUS


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
    """Return whether the login hook runs this command."""
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


def _report(unlocked: Unlocked, arguments: argparse.Namespace) -> None:
    already = unlocked.route is Route.ALREADY
    if unlocked.beside is not None:
        complain(
            "creds",
            f"another gnome-keyring-daemon (pid {unlocked.beside}) owns the control socket. The"
            " next login will send its password to that daemon, and this keyring will stay locked.",
            f"end it: kill {unlocked.beside}; then: systemctl --user restart"
            " gnome-keyring-daemon.socket, or log in again",
        )
    if arguments.json:
        print_json(
            {
                "unlocked": True,
                "route": unlocked.route.name.lower(),
                "already_unlocked": already,
                "created": unlocked.created,
                "pid": unlocked.pid,
                "beside": unlocked.beside,
                "environment": dict(unlocked.environment),
                "keyring": unlocked.keyring,
                "without_password": list(unlocked.opened.without_password),
                "by_kept_password": list(unlocked.opened.by_kept_password),
            }
        )
        return
    if arguments.quiet:
        return
    _print_unlocked_without_asking(unlocked)
    if already:
        complain(
            "creds", f"the {unlocked.keyring} keyring was unlocked already; no password was tried"
        )
    elif unlocked.route is not Route.WITHOUT_ASKING:
        verb = "created and unlocked" if unlocked.created else "unlocked"
        names = " and ".join((unlocked.keyring, *unlocked.opened.by_same_password))
        what = (
            f"keyrings {names} are" if unlocked.opened.by_same_password else f"{names} keyring is"
        )
        complain("creds", f"the {what} {verb} (gnome-keyring-daemon, pid {unlocked.pid})")


def _print_unlocked_without_asking(unlocked: Unlocked) -> None:
    """Say why a keyring was unlocked without the password that was asked for."""
    for name in unlocked.opened.without_password:
        complain(
            "creds",
            f"the {name} keyring was unlocked: it has no password, so every program can unlock it,"
            " and its secrets are stored on the disk as plain text (gnome-keyring-daemon, pid"
            f" {unlocked.pid})",
            f"give it a password: {rekey_command(name)}",
        )
    for name in unlocked.opened.by_kept_password:
        complain(
            "creds",
            f"the {name} keyring was unlocked: the login keyring holds its password"
            f" (gnome-keyring-daemon, pid {unlocked.pid})",
        )
