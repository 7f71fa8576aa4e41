"""``creds``: store and read passwords, and unlock the keyring of this session."""

from __future__ import annotations

import gc
import os
import sys

from creds_session.cli.boundary import end_at_once, run
from creds_session.cli.creds.plain_arguments import plain_arguments
from creds_session.errors import UsageError
from creds_session.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:  # `creds get` does without
    import argparse
    from collections.abc import Sequence
    from typing import Any

    from creds_session.cli.parser import Parser

PROGRAM = "creds"


class Command(NamedTuple):
    """A command: its group, the module that has ``add_arguments`` and ``execute``, and its summary.

    ``help`` has no module.

    ``without_password`` belongs to a command that takes a password, but never as an argument: it
    says in which state such an argument leaves everything.
    """

    group: str
    module: str
    summary: str
    without_password: str | None = None


PASSWORDS, KEYRING, JOBS, SETUP = "Passwords", "Keyring", "Programs and jobs", "Set up and help"
COMMANDS = {
    "put": Command(PASSWORDS, "put", "store a password", "nothing was stored"),
    "get": Command(PASSWORDS, "credentials", "print a password"),
    "delete": Command(PASSWORDS, "credentials", "delete a password"),
    "list": Command(PASSWORDS, "credentials", "list services and user names"),
    "import-netrc": Command(PASSWORDS, "import_netrc", "store the passwords of a .netrc file"),
    "status": Command(KEYRING, "status", "say whether a secret can be read here"),
    "unlock": Command(KEYRING, "unlock", "unlock the keyring", "nothing was changed"),
    "lock": Command(KEYRING, "lock", "lock the keyring"),
    "rekey": Command(KEYRING, "rekey", "change the keyring's password", "nothing was changed"),
    "run": Command(JOBS, "run", "run a command and give it a password"),
    "exec": Command(JOBS, "exec", "run a command with a temporary keyring of its own"),
    "env": Command(JOBS, "env", "connect a shell to your session bus"),
    "git-credential": Command(JOBS, "git_credential", "let git use the keyring"),
    "askpass": Command(JOBS, "askpass", "let ssh and sudo use the keyring"),
    "hook": Command(SETUP, "hook", "be asked for the keyring's password at login"),
    "backends": Command(SETUP, "backends", "say which backend of python-keyring is used"),
    "help": Command(SETUP, "help", "show this overview, or the help of a command"),
}
OPTIONS = {"-h", "--help", "-V", "--version"}  # they need no command
WITHOUT_HOME = {"exec"}  # its keyring is elsewhere, and it loads nothing of a home
NAMES = "__names"  # for completion in a shell, and for no person
WAITED_FOR = {"get", "put", "list", "unlock", "status"}  # by a login, or again and again


def main() -> int:
    """Run ``creds`` with the arguments of this process."""
    if sys.argv[1:2] == [NAMES]:
        from creds_session.cli.creds import names  # for a shell that completes a word

        end_at_once(names.execute(sys.argv[2:]))
    if WAITED_FOR.intersection(sys.argv[1:2]):
        gc.disable()  # what it makes is gone before it would be worth collecting
        end_at_once(run(_main, PROGRAM))
    return run(_main, PROGRAM)


def _main() -> int:
    words = sys.argv[1:]
    if not words and sys.stdout.isatty():
        words = ["help"]
    arguments = _parse(words)
    command: str = arguments.command
    if command == "help":
        return _help(arguments.about)
    if command not in WITHOUT_HOME and os.getuid() == 0:
        _refuse_foreign_home()
    code: int = _module(command).execute(arguments)
    return code


def _refuse_foreign_home() -> None:
    from creds_session.system.files.foreign_home import foreign_place

    if foreign_place(os.environ) is not None:
        from creds_session.cli.creds.foreign_home import refuse_foreign_home  # only to refuse

        refuse_foreign_home(PROGRAM)


def _parse(words: list[str]) -> argparse.Namespace:
    """Return what the words say; no command waits for a parser of all commands."""
    plain = plain_arguments(words)
    if plain is not None:
        return plain
    words = words[1:] if words[:1] == ["--"] else words
    name = words[0] if words else ""
    if name in COMMANDS:
        return _parse_command(name, words[1:])
    if name.startswith("-") and name not in OPTIONS:
        raise UsageError(
            "an option stands before the command; the command must be first",
            hint=f"the commands are listed by: {PROGRAM} help",
        )
    return _parser().parse_args(words)


def _parse_command(name: str, words: Sequence[str]) -> argparse.Namespace:
    """Return what the words say to a command. After the ``--`` of ``run`` no word is ours."""
    end = words.index("--") if name == "run" and "--" in words else len(words)
    arguments = command_parser(name).parse_args(words[:end])
    if name == "run":
        arguments.argv = list(words[end + 1 :])
    return arguments


def command_parser(name: str) -> Parser:
    """Return the parser of one command, which has its description, options and examples."""
    from creds_session.cli.parser import Parser

    parser = Parser(f"{PROGRAM} {name}", COMMANDS[name].summary, "")
    parser.without_password = COMMANDS[name].without_password
    parser.set_defaults(command=name)
    if name == "help":
        from creds_session.cli.creds.overview import add_help_arguments

        add_help_arguments(parser, COMMANDS)
    else:
        _module(name).add_arguments(parser)
    return parser


def _parser() -> Parser:
    """Return a parser of all commands, which shows the overview and refuses other words."""
    from creds_session.cli.creds.overview import ALSO_CALLED, exit_codes
    from creds_session.cli.parser import Parser

    parser = Parser(PROGRAM, _overview(), exit_codes())
    parser.also_called = ALSO_CALLED
    commands = parser.add_subparsers(
        dest="command",
        metavar="COMMAND",
        required=True,
        help="One of the commands above. Each has a help of its own.",
    )
    for name, command in COMMANDS.items():
        commands.add_parser(name, prog=f"{PROGRAM} {name}", description=command.summary, epilog="")
    return parser


def _overview() -> str:
    from creds_session.cli.creds.overview import overview

    return overview((command.group, name, command.summary) for name, command in COMMANDS.items())


def _help(about: str | None) -> int:
    """Print the overview, or the help of a command; return the exit code."""
    print(command_parser(about).format_help() if about else _overview(), end="")
    return 0


def _module(name: str) -> Any:  # noqa: ANN401 - a module that has the two functions
    module = f"creds_session.cli.creds.{COMMANDS[name].module}"
    __import__(module)  # importlib.import_module does the same, after it has loaded warnings
    return sys.modules[module]
