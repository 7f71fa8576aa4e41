"""The overview of all commands of ``creds``, and what belongs to ``creds help``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from textwrap import wrap

from creds_session.cli.parser import Parser
from creds_session.errors import EXIT_CODES

TITLE = "creds - store and read passwords on machines without a desktop"
EXAMPLES = """\
examples:
  creds put github alice    ask for the password twice, and store it
  creds get github alice    print it
  creds unlock              unlock the keyring after a login that did not
  creds help COMMAND        show the options of a command, with examples

see also:
  creds-doctor              find out why no secret can be read here
  creds-setup-pam           let a login unlock the keyring (requires root)
"""
HELP = "Show the overview of all commands, or the options and examples of one command."
HELP_EXAMPLES = """\
examples:
  creds help        the overview
  creds help put    the options of creds put, with examples
"""
ALSO_CALLED = {
    **dict.fromkeys(("add", "insert", "new", "save", "set", "store"), "put"),
    **dict.fromkeys(("cat", "lookup", "print", "read", "search", "show"), "get"),
    **dict.fromkeys(("clear", "del", "erase", "remove", "rm"), "delete"),
    **dict.fromkeys(("dir", "ls"), "list"),
    **dict.fromkeys(("login", "open"), "unlock"),
    **dict.fromkeys(("close", "logout"), "lock"),
    **dict.fromkeys(("change-password", "passwd", "password"), "rekey"),
    **dict.fromkeys(("netrc", "import"), "import-netrc"),
    **dict.fromkeys(("git",), "git-credential"),
    **dict.fromkeys(("session", "sandbox"), "exec"),
    **dict.fromkeys(("info", "state"), "status"),
    **dict.fromkeys(("check", "diagnose", "doctor"), "creds-doctor"),
    **dict.fromkeys(("setup", "setup-pam", "pam"), "creds-setup-pam"),
    "version": "creds --version",
}
"""Words that people try as a command, and the command that does it."""


def overview(commands: Iterable[tuple[str, str, str]]) -> str:
    """Return the commands in groups, and examples. A command is its group, name and summary."""
    return "\n".join([TITLE, "", *_groups(list(commands)), EXAMPLES])


def exit_codes() -> str:
    """Return the exit codes of ``creds`` and their meanings, for its help."""
    lines = ["exit codes:"]
    for code, meaning in EXIT_CODES.items():
        lines += wrap(f"{code:<5}{meaning}", 79, initial_indent="  ", subsequent_indent=" " * 7)
    return "\n".join((*lines, ""))


def _groups(commands: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    width = max(len(name) for _, name, _ in commands)
    for group, members in groupby(commands, key=lambda command: command[0]):
        yield f"{group}:"
        for _, name, summary in members:
            yield f"  {name:<{width}}  {summary}"
        yield ""


def add_help_arguments(parser: Parser, names: Iterable[str]) -> None:
    """Give the parser of ``creds help`` what it takes."""
    parser.description = HELP
    parser.epilog = HELP_EXAMPLES
    parser.also_called = ALSO_CALLED
    parser.add_argument(
        "about",
        metavar="COMMAND",
        nargs="?",
        choices=tuple(names),
        help="Show the help of this command. Without it, the overview is shown.",
    )
