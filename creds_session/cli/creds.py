"""``creds``: keep and read credentials; unlock the keyring of this session."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from creds_session.cli import adapters
from creds_session.cli.common import end_at_once, refuse_foreign_home, run
from creds_session.cli.credentials import (
    SUMMARIES,
    add_arguments,
    credentials_command,
    plain_get,
)

if TYPE_CHECKING:  # `creds get` does without
    import argparse

    from creds_session.cli.parser import Parser

PROGRAM = "creds"
REMAINDER = "..."  # argparse's own name for it
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
  creds run emcli sysman --fd 3 -- ./nightly-report /dev/fd/3
  creds exec -- ./nightly-report
  eval "$(creds env)"

exit codes: 0 done; 1 no such credential, or wrong password; 64 usage; 65 unusable data;
  69 no bus, no daemon or no answer in time; 77 the keyring is locked
"""


def main() -> int:
    """Run ``creds`` with the arguments of this process."""
    if sys.argv[1:2] == ["get"]:
        gc.disable()  # what it makes is gone before it would be worth collecting
        end_at_once(run(_main, PROGRAM))
    return run(_main, PROGRAM)


def _main() -> int:
    arguments = _parse(sys.argv[1:])
    if arguments.command != "exec":  # it keeps its keyring elsewhere, and loads nothing of a home
        refuse_foreign_home(arguments.command)
    command = {
        **dict.fromkeys(SUMMARIES, credentials_command),
        **dict.fromkeys(adapters.SUMMARIES, adapters.adapters_command),
        "unlock": _unlock,
        "lock": _lock,
        "status": _status,
        "rekey": _rekey,
        "env": _env,
        "exec": _exec,
        "hook": _hook,
    }
    return command[arguments.command](arguments)


def _parse(words: list[str]) -> argparse.Namespace:
    """Return what the words say; who only wants a password waits for no parser of all commands."""
    plain = plain_get(words)
    if plain is not None:
        return plain
    if words and words[0] in SUMMARIES:
        from creds_session.cli.parser import Parser  # noqa: PLC0415

        parser = Parser(f"{PROGRAM} {words[0]}", SUMMARIES[words[0]], "")
        add_arguments(parser, words[0])
        parser.set_defaults(command=words[0])
        return parser.parse_args(words[1:])
    if words and words[0] in adapters.SUMMARIES:
        return adapters.parse(words)
    return _parser().parse_args(words)


def _parser() -> Parser:
    from creds_session.cli.parser import Parser  # noqa: PLC0415

    parser = Parser(PROGRAM, "Read and keep secrets in a session without a desktop.", EXAMPLES)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in SUMMARIES.items():
        add_arguments(_subcommand(commands, name, summary), name)
    _unlock_arguments(_subcommand(commands, "unlock", "open the login keyring of this session"))
    _session_arguments(commands)
    for name, summary in adapters.SUMMARIES.items():
        adapters.add_arguments(_subcommand(commands, name, summary), name)
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
    from creds_session.cli.parser import seconds  # noqa: PLC0415

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
    execute.add_argument("argv", metavar="-- COMMAND", nargs=REMAINDER)


def _unlock_arguments(unlock: argparse.ArgumentParser) -> None:
    from creds_session.cli.parser import seconds  # noqa: PLC0415

    unlock.add_argument("--create", action="store_true", help="make the keyring if there is none")
    _add_sources(unlock)
    unlock.add_argument("--timeout", type=seconds, default=10, metavar="S", help="seconds (10)")
    unlock.add_argument(
        "--patience", type=seconds, metavar="S", help="seconds to wait for an answer (for ever)"
    )
    unlock.add_argument("--explain", action="store_true", help="say which way, and change nothing")
    unlock.add_argument(
        "--quiet", action="store_true", help="for login scripts: silent where nothing is to be done"
    )
    unlock.add_argument("--json", action="store_true", help="the result as one JSON object")


def _add_sources(command: argparse.ArgumentParser) -> None:
    from creds_session.cli.passwords import add_sources  # noqa: PLC0415 - not `get`

    add_sources(command)


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
    from creds_session.cli.parser import seconds  # noqa: PLC0415

    rekey.description = REKEY
    _add_sources(rekey)
    rekey.add_argument("--timeout", type=seconds, default=10, metavar="S", help="seconds (10)")
    rekey.add_argument("--quiet", action="store_true", help="say nothing where it worked")
    rekey.add_argument("--json", action="store_true", help="the result as one JSON object")


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
