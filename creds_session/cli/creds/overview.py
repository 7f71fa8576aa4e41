"""The overview of all commands of ``creds``, and the parser that refuses any other word."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from creds_session.cli.creds.main import COMMANDS, PROGRAM
from creds_session.cli.parser import Parser

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
EXIT_CODES = """\
exit codes: 0 done; 1 no such credential, or wrong password; 64 wrong usage; 65 unusable data; 66 no
  such file; 69 no session bus, no keyring daemon or no answer in time; 70 a fault of this program;
  73 a file cannot be written; 77 the keyring is locked or does not exist; 130 Ctrl-C
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


def overview() -> str:
    """Return the commands in groups, and examples."""
    return "\n".join([TITLE, "", *_groups(), EXAMPLES])


def _groups() -> Iterator[str]:
    width = max(map(len, COMMANDS))
    for group, commands in groupby(COMMANDS.items(), key=lambda item: item[1].group):
        yield f"{group}:"
        for name, command in commands:
            yield f"  {name:<{width}}  {command.summary}"
        yield ""


def parser() -> Parser:
    """Return a parser of all commands, which shows the overview and refuses other words."""
    every = Parser(PROGRAM, overview(), EXIT_CODES)
    commands = every.add_subparsers(
        dest="command",
        metavar="COMMAND",
        required=True,
        help="One of the commands above. Each has a help of its own.",
    )
    for name, command in COMMANDS.items():
        commands.add_parser(name, prog=f"{PROGRAM} {name}", description=command.summary, epilog="")
    every.also_called = ALSO_CALLED
    return every
