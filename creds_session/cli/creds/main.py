"""``creds``: store and read passwords, and unlock the keyring of this session."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from creds_session.cli.boundary import end_at_once, run
from creds_session.cli.creds import credentials
from creds_session.errors import UsageError

if TYPE_CHECKING:  # `creds get` does without
    import argparse
    from collections.abc import Sequence

    from creds_session.cli.parser import Parser

PROGRAM = "creds"


class Command(NamedTuple):
    """A command: the module that has ``add_arguments`` and ``execute``, and its summary.

    ``without_password`` belongs to a command that takes a password, but never as an argument: it
    says in which state such an argument leaves everything.
    """

    module: str
    summary: str
    without_password: str | None = None


COMMANDS = {
    "put": Command(
        "credentials", "keep a password, asked for twice or read from a pipe", "nothing was stored"
    ),
    "get": Command("credentials", "print a password"),
    "delete": Command("credentials", "remove a password, and the name under the key"),
    "list": Command("credentials", "list services and user names, never a password"),
    "backends": Command(
        "credentials", "say which of keyring's backends is chosen, and why the others are not"
    ),
    "unlock": Command("unlock", "open the login keyring of this session", "nothing was changed"),
    "lock": Command("lock", "lock the login keyring of this session"),
    "status": Command("status", "say whether a secret can be read; start nothing"),
    "env": Command("env", "print assignments that put a shell on your bus"),
    "exec": Command("exec", "run a command with a bus and a keyring of its own"),
    "hook": Command("hook", "the login hook, for yourself alone"),
    "rekey": Command("rekey", "give the login keyring another password", "nothing was changed"),
    "run": Command("run", "run a command with a credential"),
    "askpass": Command("askpass", "answer ssh, sudo or git, as creds-askpass does"),
    "git-credential": Command("git_credential", "a credential helper, run by git itself"),
    "import-netrc": Command(
        "import_netrc", "keep the passwords of a .netrc: machine as service, login as user"
    ),
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
    if command != "exec" and os.getuid() == 0:  # exec keeps its keyring elsewhere
        from creds_session.cli.creds.foreign_home import refuse_foreign_home  # for root alone

        refuse_foreign_home(PROGRAM)
    code: int = _module(command).execute(arguments)
    return code


def _parse(words: list[str]) -> argparse.Namespace:
    """Return what the words say; no command waits for a parser of all commands."""
    plain = credentials.plain_get(words)
    if plain is not None:
        return plain
    words = words[1:] if words[:1] == ["--"] else words
    if words and words[0] in COMMANDS:
        return _parse_command(words[0], words[1:])
    _parser().parse_args(words)
    raise UsageError("name the command first", hint="creds --help lists them")


def _parse_command(name: str, words: Sequence[str]) -> argparse.Namespace:
    """Return what the words say to a command. After the ``--`` of ``run`` no word is ours."""
    end = words.index("--") if name == "run" and "--" in words else len(words)
    arguments = _command_parser(name).parse_args(words[:end])
    if name == "run":
        arguments.argv = list(words[end + 1 :])
    return arguments


def _command_parser(name: str) -> Parser:
    from creds_session.cli.parser import Parser

    parser = Parser(f"{PROGRAM} {name}", COMMANDS[name].summary, "")
    parser.without_password = COMMANDS[name].without_password
    parser.set_defaults(command=name)
    _module(name).add_arguments(parser)
    return parser


def _parser() -> Parser:
    """Return a parser of all commands, which lists them and refuses any other."""
    from creds_session.cli.parser import Parser

    parser = Parser(PROGRAM, "Read and keep secrets in a session without a desktop.", EXAMPLES)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        commands.add_parser(
            name,
            prog=f"{PROGRAM} {name}",
            description=command.summary,
            epilog="",
            help=command.summary,
        )
    return parser


def _module(name: str) -> Any:  # noqa: ANN401 - a module that has the two functions
    return import_module(f"creds_session.cli.creds.{COMMANDS[name].module}")
