"""``creds-setup-pam``: change the PAM files so that a login unlocks the keyring."""

from __future__ import annotations

import argparse

from creds_session.cli.boundary import run
from creds_session.cli.colour import add_colour
from creds_session.cli.parser import Parser
from creds_session.cli.setup_pam import arguments as options
from creds_session.cli.setup_pam import descriptions
from creds_session.cli.setup_pam.arguments import PROGRAM
from creds_session.errors import NotPermitted, UsageError
from creds_session.system.files.root import Root

DESCRIPTION = """\
Change the PAM files of a service, usually sshd, so that a login with a password unlocks the
keyring. It is first proved that the change cannot lock anyone out and cannot let anyone in who was
refused before. Without a command the change is shown; at a terminal you are then asked whether to
make it.
"""
EXAMPLES = """\
examples:
  creds-setup-pam diff                show the change, and why
  sudo creds-setup-pam apply          make the change; revert undoes it
  sudo creds-setup-pam apply --try alice --confirm-within 10m
                                      try the password of alice first; undo the
                                      change unless somebody confirms it
  sudo creds-setup-pam revert         undo exactly what apply did
  creds-setup-pam --root /mnt/image check
  creds-setup-pam explain --format svg > sshd.svg
  creds-setup-pam simulate --call authenticate --returns pam_unix.so=auth_err
  sudo creds-setup-pam rebase         bring the rules to a newer vendor file
  creds-setup-pam judge --before /root/pam.d.old
                                      say who is locked out by a change
  creds-setup-pam help COMMAND        show the options of a command

exit codes: 0 nothing to do, or done; 1 a change is needed, judge found something, or PAM
  refused the user of --try; 64
  wrong usage; 65 libpam would refuse a file, or it cannot be changed safely; 66 no such service or
  directory; 69 a part is not installed, or --try could not be tried; 70 a fault of this program; 73
  a file cannot be written; 75 another run holds the lock, or a change waits for confirmation; 77
  not root, or the login does not prove the change
"""
COMMANDS = {
    "check": "say whether a change is needed",
    "diff": "show what apply would change, and why",
    "apply": "make the change",
    "rebase": "bring the rules to a newer file of the vendor",
    "confirm": "keep a change that was made with --confirm-within",
    "revert": "undo exactly what apply did",
    "explain": "show the rules of a service as a tree, and what each does at a login",
    "simulate": "show what one PAM call returns, rule by rule",
    "judge": "say who is locked out or let in by a change",
    "help": "show this help, or the help of a command",
}
ALSO_CALLED = {
    **dict.fromkeys(("enable", "install", "set", "setup"), "apply"),
    **dict.fromkeys(("disable", "remove", "restore", "rollback", "undo", "uninstall"), "revert"),
    **dict.fromkeys(("status", "verify", "test"), "check"),
    **dict.fromkeys(("accept", "commit", "keep"), "confirm"),
    **dict.fromkeys(("show", "tree"), "explain"),
    **dict.fromkeys(("compare", "review"), "judge"),
    **dict.fromkeys(("merge", "update", "upgrade"), "rebase"),
    "version": "creds-setup-pam --version",
}
"""Words that people try as a command, and the command that does it."""


def main() -> int:
    """Run ``creds-setup-pam`` with the arguments of this process; return the exit code."""
    return run(_main, PROGRAM)


def _main() -> int:
    try:
        return _run()
    except NotPermitted as error:
        error.root_may = error.root_may or not error.hint  # root reads every PAM file
        raise


def _run() -> int:
    arguments = _parser().parse_args()
    if arguments.command == "help":
        print(arguments.help_of(arguments.about), end="")
        return 0
    if not arguments.root:
        raise UsageError(
            "--root is empty, and an empty path is not a directory",
            hint="a variable without a value causes that; to work on this machine, leave --root"
            " out",
        )
    return _command(arguments, Root.at(arguments.root))


def _command(arguments: argparse.Namespace, root: Root) -> int:
    """Run one command. Each imports only what it needs."""
    from creds_session.cli.setup_pam.left_behind import recover

    recover(root, arguments)
    if arguments.command in {"explain", "simulate", "judge"}:
        return _look(arguments, root)
    if arguments.command == "confirm":
        from creds_session.cli.setup_pam import confirm

        return confirm.confirm(root, arguments)
    if arguments.command == "rebase":
        from creds_session.cli.setup_pam import rebase

        return rebase.run(root, arguments)
    if arguments.command in {"check", "diff"}:
        return _judge(arguments, root)
    from creds_session.cli.setup_pam import apply

    commands = {None: apply.ask, "apply": apply.apply, "revert": apply.revert}
    return commands[arguments.command](root, arguments)


def _judge(arguments: argparse.Namespace, root: Root) -> int:
    """Run ``check`` or ``diff``."""
    if vars(arguments).get("after_update"):
        from creds_session.cli.setup_pam import after_update

        return after_update.check(root)
    from creds_session.cli.setup_pam import check

    return (check.check if arguments.command == "check" else check.diff)(root, arguments)


def _look(arguments: argparse.Namespace, root: Root) -> int:
    """Run a command that only looks at files."""
    if arguments.command == "explain":
        from creds_session.cli.setup_pam import explain

        return explain.run(root, arguments)
    if arguments.command == "simulate":
        from creds_session.cli.setup_pam import simulate

        return simulate.run(root, arguments)
    from creds_session.cli.setup_pam import judge

    return judge.run(root, arguments)


def _parser() -> Parser:
    parser = Parser(PROGRAM, DESCRIPTION, EXAMPLES)
    parser.also_called = ALSO_CALLED
    parser.add_argument("--root", metavar="DIR", default="/", help=options.ROOT_HELP)
    parser.add_argument(
        "--service", action="append", default=[], metavar="NAME", help=options.SERVICE_HELP
    )
    parser.add_argument("--json", action="store_true", help=options.JSON_HELP)
    add_colour(parser)
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", help="Each command has a help of its own."
    )
    parsers: dict[str, Parser] = {}
    for name, summary in COMMANDS.items():
        parsers[name] = commands.add_parser(
            name,
            prog=f"{PROGRAM} {name}",
            description=descriptions.DESCRIPTIONS.get(name, summary),
            epilog=descriptions.EXAMPLES.get(name, ""),
            help=summary,
        )
        if name != "help":
            options.add_arguments(parsers[name], name)
    _add_help(parsers["help"], parser, parsers)
    return parser


def _add_help(command: Parser, every: Parser, parsers: dict[str, Parser]) -> None:
    """Let ``help`` print the help of a command, or that of the program."""
    command.description = "Show the help of creds-setup-pam, or that of one command."
    command.epilog = f"examples:\n  {PROGRAM} help apply\n"
    command.also_called = ALSO_CALLED
    command.add_argument(
        "about",
        metavar="COMMAND",
        nargs="?",
        choices=COMMANDS,
        help="Show the help of this command. Without it, the help of the program is shown.",
    )
    command.set_defaults(help_of=lambda about: parsers.get(about, every).format_help())
