"""``creds unlock``: asks for the password, says what happened."""

from __future__ import annotations

import argparse
import os

from creds_session.cli import passwords
from creds_session.cli.common import complain, print_json
from creds_session.cli.passwords import Declined
from creds_session.errors import WrongPassword
from creds_session.secret import Secret
from creds_session.system.hardening import forbid_core_dumps
from creds_session.unlock import Route, Unlocked, seen, way
from creds_session.unlock import unlock as open_keyring
from creds_session.unlock.routes import NoKeyringYet

REPAIR = (
    "if the login's password was changed without the keyring's, or `echo` put a newline at the end"
    " of the keyring's: creds rekey"
)


def unlock(arguments: argparse.Namespace) -> int:
    """Open the login keyring of this session; return the exit code."""
    forbid_core_dumps()
    if arguments.explain:
        return _explain(arguments)
    try:
        opened = open_keyring(
            os.environ,
            lambda creating: _password(arguments, creating=creating),
            create=arguments.create,
            timeout=arguments.timeout,
        )
    except (NoKeyringYet, Declined) as error:
        if arguments.quiet:
            return error.exit_code
        raise
    except WrongPassword as error:
        hint = f"{error.hint}\n{REPAIR}" if error.hint else REPAIR
        raise WrongPassword(error.problem, hint=hint) from error
    seen.note(os.environ, opened.pid)
    _report(opened, arguments)
    return 0


def _password(arguments: argparse.Namespace, *, creating: bool) -> Secret:
    if creating:
        prompt = "New password of the login keyring: "
        return passwords.new(arguments, prompt, "no keyring was created")
    return passwords.one(arguments, "Password of the login keyring: ")


def _explain(arguments: argparse.Namespace) -> int:
    route = way(os.environ, create=arguments.create, timeout=arguments.timeout)
    if arguments.json:
        print_json({"route": route.name.lower(), "reason": route.value})
    else:
        print(f"{route.name.lower()}: {route.value}")
    return 0


def _report(opened: Unlocked, arguments: argparse.Namespace) -> None:
    already = opened.route is Route.ALREADY
    if arguments.json:
        print_json(
            {
                "unlocked": True,
                "route": opened.route.name.lower(),
                "already_unlocked": already,
                "created": opened.created,
                "pid": opened.pid,
                "environment": dict(opened.environment),
            }
        )
    elif already and not arguments.quiet:
        complain("creds", "the login keyring was unlocked already; no password was tried")
    elif not already and not arguments.quiet:
        verb = "created and unlocked" if opened.created else "unlocked"
        complain("creds", f"the login keyring is {verb} (gnome-keyring-daemon, pid {opened.pid})")
