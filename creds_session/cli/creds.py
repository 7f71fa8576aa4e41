"""``creds``: put, get and delete credentials; unlock the keyring of this session."""

from __future__ import annotations

import argparse
import os
import sys

from creds_session.cli.common import Parser, refuse_foreign_home, run, seconds
from creds_session.cli.passwords import add_sources, is_elsewhere, new, same_again
from creds_session.errors import UsageError
from creds_session.secret import Secret
from creds_session.system.hardening import forbid_core_dumps

PROGRAM = "creds"
REKEY = """\
Give the login keyring another password, where the login's was changed without it. It asks for the
old one, the new one, and the new one again; --password-stdin, --password-fd and
--password-credential take two lines: old, new.
"""
EXAMPLES = """\
examples:
  creds put emcli sysman --username-key-env EMCLI_USERNAME_KEY
  creds get emcli --username-key-env EMCLI_USERNAME_KEY
  creds get emcli sysman
  creds unlock
  creds rekey
  creds status
  creds exec -- ./nightly-report
  eval "$(creds env)"

exit codes: 0 done; 1 no such credential, or wrong password; 64 usage; 65 unusable data;
  69 no bus, no daemon or no answer in time; 77 the keyring is locked
"""


def main() -> int:
    """Run ``creds`` with the arguments of this process."""
    return run(_main, PROGRAM)


def _main() -> int:
    arguments = _parser().parse_args()
    if arguments.command != "exec":  # it keeps its keyring elsewhere, and loads nothing of a home
        refuse_foreign_home(arguments.command)
    command = {
        "put": _put,
        "get": _get,
        "delete": _delete,
        "unlock": _unlock,
        "lock": _lock,
        "status": _status,
        "rekey": _rekey,
        "env": _env,
        "exec": _exec,
        "hook": _hook,
    }
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
    add_sources(put)
    get.add_argument("--no-newline", action="store_true", help="print the password alone")
    _unlock_arguments(_subcommand(commands, "unlock", "open the login keyring of this session"))
    _session_arguments(commands)
    _hook_arguments(_subcommand(commands, "hook", "the login hook, for yourself alone"))
    _rekey_arguments(_subcommand(commands, "rekey", "give the login keyring another password"))
    return parser


def _subcommand(
    commands: argparse._SubParsersAction[Parser], name: str, summary: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name, prog=f"{PROGRAM} {name}", description=summary, epilog="", help=summary
    )


def _session_arguments(commands: argparse._SubParsersAction[Parser]) -> None:
    lock = _subcommand(commands, "lock", "lock the login keyring of this session")
    lock.add_argument("--all", action="store_true", help="every keyring that is served")
    lock.add_argument(
        "--if-logged-out", action="store_true", help="only if you have no login session any more"
    )
    status = _subcommand(commands, "status", "say whether a secret can be read; start nothing")
    for command in (lock, status):
        command.add_argument("--json", action="store_true", help="the result as one JSON object")
    env = _subcommand(commands, "env", "print assignments that put a shell on your bus")
    env.add_argument("--shell", choices=("sh", "fish", "csh"), default="sh", help="whose (sh)")
    env.add_argument("--start", action="store_true", help="start a bus where there is none")
    execute = _subcommand(commands, "exec", "run a command with a bus and a keyring of its own")
    for command in (lock, status, env, execute):
        command.add_argument("--timeout", type=seconds, default=10, metavar="S", help="(10)")
    execute.add_argument("argv", metavar="-- COMMAND", nargs=argparse.REMAINDER)


def _unlock_arguments(unlock: argparse.ArgumentParser) -> None:
    unlock.add_argument("--create", action="store_true", help="make the keyring if there is none")
    add_sources(unlock)
    unlock.add_argument("--timeout", type=seconds, default=10, metavar="S", help="seconds (10)")
    unlock.add_argument(
        "--patience", type=seconds, metavar="S", help="seconds to wait for an answer (for ever)"
    )
    unlock.add_argument("--explain", action="store_true", help="say which way, and change nothing")
    unlock.add_argument(
        "--quiet", action="store_true", help="for login scripts: silent where nothing is to be done"
    )
    unlock.add_argument("--json", action="store_true", help="the result as one JSON object")


def _hook_arguments(hook: argparse.ArgumentParser) -> None:
    hook.add_argument("action", choices=("install", "remove", "print"), help="what to do with it")
    shells = ("sh", "dash", "ksh", "ash", "bash", "zsh", "fish")
    kind = hook.add_mutually_exclusive_group()
    kind.add_argument("--shell", choices=shells, help="whose (your login shell's)")
    kind.add_argument(
        "--unit",
        choices=("lock", "unlock"),
        help="instead, a unit of systemd: lock at the last logout; unlock with a credential",
    )


def _rekey_arguments(rekey: argparse.ArgumentParser) -> None:
    rekey.description = REKEY
    add_sources(rekey)
    rekey.add_argument("--timeout", type=seconds, default=10, metavar="S", help="seconds (10)")
    rekey.add_argument("--quiet", action="store_true", help="say nothing where it worked")
    rekey.add_argument("--json", action="store_true", help="the result as one JSON object")


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
    password = _new_password(arguments, f"Password for {arguments.service}: ")
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


def _new_password(arguments: argparse.Namespace, prompt: str) -> Secret:
    from creds_session.system.terminal import (  # noqa: PLC0415
        ask_password,
        is_typed,
        read_password_from_stdin,
    )

    if is_elsewhere(arguments):
        return new(arguments, prompt, "nothing was changed")
    if not is_typed():
        return read_password_from_stdin()
    return same_again(ask_password(prompt), ask_password, "nothing was changed")


def _unlock(arguments: argparse.Namespace) -> int:
    from creds_session.cli.unlock import unlock  # noqa: PLC0415

    return unlock(arguments)


def _rekey(arguments: argparse.Namespace) -> int:
    from creds_session.cli.rekey import rekey  # noqa: PLC0415

    return rekey(arguments)


def _hook(arguments: argparse.Namespace) -> int:
    from creds_session.cli.hook import hook  # noqa: PLC0415

    return hook(arguments)


def _exec(arguments: argparse.Namespace) -> int:
    from creds_session.cli.exec import execute  # noqa: PLC0415

    return execute(arguments)


def _lock(arguments: argparse.Namespace) -> int:
    from creds_session.cli.lock import lock  # noqa: PLC0415

    return lock(arguments)


def _status(arguments: argparse.Namespace) -> int:
    from creds_session.cli.status import status  # noqa: PLC0415

    return status(arguments)


def _env(arguments: argparse.Namespace) -> int:
    from creds_session.cli.env import env  # noqa: PLC0415

    return env(arguments)
