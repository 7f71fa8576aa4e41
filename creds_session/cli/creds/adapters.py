"""What hands a credential to other programs: ``creds run``, and what git, ssh and sudo run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse  # `creds get` does without

SUMMARIES = {
    "run": "run a command with a credential",
    "askpass": "answer ssh, sudo or git, as creds-askpass does",
    "git-credential": "a credential helper, run by git itself",
    "import-netrc": "keep the passwords of a .netrc: machine as service, login as user",
}


def add_arguments(parser: argparse.ArgumentParser, command: str) -> None:
    """Give a parser what one of these commands takes."""
    if command == "run":
        from creds_session.cli.creds import run  # each command imports its own

        run.add_arguments(parser)
    elif command == "askpass":
        parser.add_argument("prompt", metavar="PROMPT")
    elif command == "git-credential":
        parser.add_argument("operation", metavar="get|store|erase")
    else:
        parser.add_argument("file", metavar="FILE", nargs="?", help="(~/.netrc, or NETRC's)")
        parser.add_argument("--dry-run", action="store_true", help="say what would be stored")
        parser.add_argument("--replace", action="store_true", help="replace what is kept already")
        parser.add_argument("--allow-empty", action="store_true", help="store empty passwords, too")


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Return what the words say. Behind ``--`` all are the command's, options too."""
    from creds_session.cli.parser import Parser

    command, *rest = words
    end = rest.index("--") if command == "run" and "--" in rest else len(rest)
    parser = Parser(f"creds {command}", SUMMARIES[command], "")
    add_arguments(parser, command)
    parser.set_defaults(command=command)
    arguments = parser.parse_args(rest[:end])
    arguments.argv = rest[end + 1 :]
    return arguments


def adapters_command(arguments: argparse.Namespace) -> int:
    """Do one of these commands; return its exit code."""
    if arguments.command == "run":
        from creds_session.cli.creds.run import run_command

        return run_command(arguments)
    if arguments.command == "askpass":
        from creds_session.cli.creds.askpass import askpass

        return askpass(arguments)
    if arguments.command == "git-credential":
        from creds_session.cli.creds.git_credential import git_credential

        return git_credential(arguments)
    from creds_session.cli.creds.import_netrc import import_netrc

    return import_netrc(arguments)
