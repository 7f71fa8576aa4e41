"""``creds``: keep and read credentials; unlock the keyring of this session."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from creds_session.cli.boundary import end_at_once, refuse_foreign_home, run
from creds_session.cli.creds import adapters, credentials
from creds_session.errors import UsageError

if TYPE_CHECKING:  # `creds get` does without
    import argparse

    from creds_session.cli.parser import Parser

PROGRAM = "creds"
OF_THE_SESSION = {
    "unlock": "open the login keyring of this session",
    "lock": "lock the login keyring of this session",
    "status": "say whether a secret can be read; start nothing",
    "env": "print assignments that put a shell on your bus",
    "exec": "run a command with a bus and a keyring of its own",
    "hook": "the login hook, for yourself alone",
    "rekey": "give the login keyring another password",
}
WITHOUT_PASSWORD = {  # commands that take a password, and never as an argument
    "put": "nothing was stored",
    "unlock": "nothing was changed",
    "rekey": "nothing was changed",
}
WAITED_FOR = {"get", "put", "list", "unlock", "status"}  # by a login, or again and again
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
    if WAITED_FOR.intersection(sys.argv[1:2]):
        gc.disable()  # what it makes is gone before it would be worth collecting
        end_at_once(run(_main, PROGRAM))
    return run(_main, PROGRAM)


def _main() -> int:
    arguments = _parse(sys.argv[1:])
    command: str = arguments.command
    if command != "exec":  # it keeps its keyring elsewhere, and loads nothing of a home
        refuse_foreign_home(PROGRAM)
    if command in credentials.SUMMARIES:
        return credentials.credentials_command(arguments)
    if command in adapters.SUMMARIES:
        return adapters.adapters_command(arguments)
    code: int = import_module(f"creds_session.cli.creds.{command}").execute(arguments)
    return code


def _parse(words: list[str]) -> argparse.Namespace:
    """Return what the words say; no command waits for a parser of all commands."""
    plain = credentials.plain_get(words)
    if plain is not None:
        return plain
    words = words[1:] if words[:1] == ["--"] else words
    name = words[0] if words else ""
    if name in adapters.SUMMARIES:
        return adapters.parse(words)
    from creds_session.cli.parser import Parser

    for summaries in (OF_THE_SESSION, credentials.SUMMARIES):
        if name in summaries:
            parser = Parser(f"{PROGRAM} {name}", summaries[name], "")
            parser.without_password = WITHOUT_PASSWORD.get(name)
            _add_arguments(parser, name)
            parser.set_defaults(command=name)
            return parser.parse_args(words[1:])
    _parser().parse_args(words)
    raise UsageError("name the command first", hint="creds --help lists them")


def _parser() -> Parser:
    """Return a parser of all commands: it is who lists them, and who refuses any other."""
    from creds_session.cli.parser import Parser

    parser = Parser(PROGRAM, "Read and keep secrets in a session without a desktop.", EXAMPLES)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for summaries in (credentials.SUMMARIES, OF_THE_SESSION, adapters.SUMMARIES):
        for name, summary in summaries.items():
            commands.add_parser(
                name, prog=f"{PROGRAM} {name}", description=summary, epilog="", help=summary
            )
    return parser


def _add_arguments(parser: Parser, name: str) -> None:
    if name in credentials.SUMMARIES:
        credentials.add_arguments(parser, name)
    else:
        import_module(f"creds_session.cli.creds.{name}").add_arguments(parser)
