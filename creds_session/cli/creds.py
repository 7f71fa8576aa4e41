"""``creds``: put, get and delete credentials; unlock the keyring of this session."""

from __future__ import annotations

import argparse
import os
import sys

from creds_session.cli.common import Parser, refuse_foreign_home, run, seconds
from creds_session.errors import InvalidData, UsageError
from creds_session.secret import Secret
from creds_session.system.hardening import forbid_core_dumps

PROGRAM = "creds"
EXAMPLES = """\
examples:
  creds put emcli sysman --username-key-env EMCLI_USERNAME_KEY
  creds get emcli --username-key-env EMCLI_USERNAME_KEY
  creds get emcli sysman
  creds unlock

exit codes: 0 done; 1 no such credential, or wrong password; 64 usage; 65 unusable data;
  69 no bus, no daemon or no answer in time; 77 the keyring is locked
"""


def main() -> int:
    """Run ``creds`` with the arguments of this process."""
    return run(_main, PROGRAM)


def _main() -> int:
    arguments = _parser().parse_args()
    refuse_foreign_home(arguments.command)
    command = {"put": _put, "get": _get, "delete": _delete, "unlock": _unlock}
    return command[arguments.command](arguments)


def _parser() -> Parser:
    parser = Parser(PROGRAM, "Read and keep secrets in a session without a desktop.", EXAMPLES)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    put = _subcommand(commands, "put", "keep a password, asked for twice or read from a pipe")
    get = _subcommand(commands, "get", "print a password")
    delete = _subcommand(commands, "delete", "remove a password, and the name under the key")
    for command in (put, get, delete):
        command.add_argument("service", metavar="SERVICE")
        command.add_argument("user", metavar="USER", nargs="?")
        key = command.add_mutually_exclusive_group()
        key.add_argument("--username-key", metavar="KEY", help="the key that holds the user name")
        key.add_argument(
            "--username-key-env", metavar="VAR", help="an environment variable with that key"
        )
    get.add_argument("--no-newline", action="store_true", help="print the password alone")
    _unlock_arguments(_subcommand(commands, "unlock", "open the login keyring of this session"))
    return parser


def _subcommand(
    commands: argparse._SubParsersAction[Parser], name: str, summary: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name, prog=f"{PROGRAM} {name}", description=summary, epilog="", help=summary
    )


def _unlock_arguments(unlock: argparse.ArgumentParser) -> None:
    unlock.add_argument("--create", action="store_true", help="make the keyring if there is none")
    unlock.add_argument(
        "--password-stdin", action="store_true", help="standard input, less one newline at its end"
    )
    unlock.add_argument("--timeout", type=seconds, default=10, metavar="S", help="seconds (10)")
    unlock.add_argument("--explain", action="store_true", help="say which way, and change nothing")
    unlock.add_argument(
        "--quiet", action="store_true", help="for login scripts: silent where nothing is to be done"
    )
    unlock.add_argument("--json", action="store_true", help="the result as one JSON object")


def _username_key(arguments: argparse.Namespace) -> str | None:
    variable = arguments.username_key_env
    if variable is None:
        return None if arguments.username_key is None else str(arguments.username_key)
    key = os.environ.get(variable)
    if not key:
        raise UsageError(f"the environment variable {variable} is not set")
    return key


def _put(arguments: argparse.Namespace) -> int:
    from creds_session import credentials  # noqa: PLC0415 - each command imports its own

    forbid_core_dumps()
    key = _username_key(arguments)
    _need_name(arguments.user, key)
    password = _new_password(f"Password for {arguments.service}: ")
    credentials.put(arguments.service, arguments.user, password, username_key=key)
    return 0


def _get(arguments: argparse.Namespace) -> int:
    from creds_session import credentials  # noqa: PLC0415

    forbid_core_dumps()
    key = _username_key(arguments)
    _need_name(arguments.user, key)
    found = credentials.get(arguments.service, arguments.user, username_key=key)
    end = b"" if arguments.no_newline else b"\n"
    sys.stdout.buffer.write(found.password.reveal() + end)
    sys.stdout.buffer.flush()
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    from creds_session import credentials  # noqa: PLC0415

    forbid_core_dumps()
    key = _username_key(arguments)
    _need_name(arguments.user, key)
    credentials.delete(arguments.service, arguments.user, username_key=key)
    return 0


def _need_name(user: str | None, key: str | None) -> None:
    if user is None and key is None:
        raise UsageError("name the user, or the key that holds the user name (--username-key)")


def _new_password(prompt: str) -> Secret:
    from creds_session.system.terminal import (  # noqa: PLC0415
        ask_password,
        is_typed,
        read_password_from_stdin,
    )

    if not is_typed():
        return read_password_from_stdin()
    first = ask_password(prompt)
    if ask_password("Again, to be sure: ") != first:
        raise InvalidData("the two passwords differ; nothing was changed")
    return first


def _unlock(arguments: argparse.Namespace) -> int:
    from creds_session.cli.unlock import unlock  # noqa: PLC0415

    return unlock(arguments)
