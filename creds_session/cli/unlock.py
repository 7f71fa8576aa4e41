"""``creds unlock``: asks for the password, says what happened."""

from __future__ import annotations

import argparse
import os

from creds_session.cli.common import complain, print_json
from creds_session.errors import InvalidData
from creds_session.secret import Secret
from creds_session.system.hardening import forbid_core_dumps
from creds_session.system.terminal import ask_password, is_typed, read_password_from_stdin
from creds_session.unlock import Route, Unlocked, way
from creds_session.unlock import unlock as open_keyring
from creds_session.unlock.routes import NoKeyringYet

DECLINED = 1


class Declined(InvalidData):
    """The person answered the prompt with an empty line."""

    exit_code = DECLINED


def unlock(arguments: argparse.Namespace) -> int:
    """Open the login keyring of this session; return the exit code."""
    forbid_core_dumps()
    if arguments.explain:
        return _explain(arguments)
    try:
        opened = open_keyring(
            os.environ,
            lambda creating: _password(creating=creating, stdin=arguments.password_stdin),
            create=arguments.create,
            timeout=arguments.timeout,
        )
    except (NoKeyringYet, Declined) as error:
        if arguments.quiet:
            return error.exit_code
        raise
    _report(opened, arguments)
    return 0


def _password(*, creating: bool, stdin: bool) -> Secret:
    if stdin and not is_typed():  # a terminal would show it
        return read_password_from_stdin()
    if not creating:
        return _answer("Password of the login keyring: ")
    first = _answer("New password of the login keyring: ")
    if ask_password("Again, to be sure: ") != first:
        raise InvalidData("the two passwords differ; no keyring was created")
    return first


def _answer(prompt: str) -> Secret:
    password = ask_password(prompt)
    if not password:
        raise Declined("no password was given; the keyring stays as it is")
    return password


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
