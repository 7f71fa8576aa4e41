"""``creds-setup-pam``: one module a kind of command."""

from __future__ import annotations

import argparse

from creds_session.cli.boundary import run
from creds_session.cli.parser import Parser
from creds_session.cli.setup_pam import arguments as options
from creds_session.cli.setup_pam.arguments import PROGRAM, SERVICE_HELP
from creds_session.errors import UsageError
from creds_session.system.files.root import Root

EXAMPLES = """\
examples:
  creds-setup-pam diff          what apply would change, and why
  creds-setup-pam apply         change it; a backup is kept and revert takes it back
  creds-setup-pam apply --try alice --confirm-within 10m
                                try alice's password first; revert unless someone confirms
  creds-setup-pam revert        take back exactly what apply did
  creds-setup-pam --root /mnt/image check
  creds-setup-pam explain --format svg > sshd.svg
  creds-setup-pam simulate --call authenticate --returns pam_unix.so=auth_err

exit codes: 0 nothing to do, or done; 1 a change is needed, or PAM said no to --try; 65 a file
  that libpam would refuse, or that cannot be edited safely; 66 no such service; 69 a part is not
  installed, or it could not be tried; 73 cannot write; 75 another run holds the lock, or a change
  waits to be confirmed; 77 not root, or no new login
"""


def main() -> int:
    """Run ``creds-setup-pam`` with the arguments of this process."""
    return run(_main, PROGRAM)


def _main() -> int:
    arguments = _parser().parse_args()
    if not arguments.root:
        raise UsageError(
            "--root is empty, and an empty path is no directory",
            hint="a variable without a value does that; without --root it is about this machine",
        )
    return _command(arguments, Root.at(arguments.root))


def _command(arguments: argparse.Namespace, root: Root) -> int:
    """Run one command; each imports what it needs, and no more."""
    from creds_session.cli.setup_pam.left_behind import recover

    recover(root, arguments)
    if arguments.command == "explain":
        from creds_session.cli.setup_pam import explain

        return explain.run(root, arguments)
    if arguments.command == "simulate":
        from creds_session.cli.setup_pam import simulate

        return simulate.run(root, arguments)
    if arguments.command == "confirm":
        from creds_session.cli.setup_pam import confirm

        return confirm.confirm(root, arguments)
    if arguments.command in {"check", "diff"}:
        from creds_session.cli.setup_pam import check

        return (check.check if arguments.command == "check" else check.diff)(root, arguments)
    from creds_session.cli.setup_pam import apply

    commands = {None: apply.ask, "apply": apply.apply, "revert": apply.revert}
    return commands[arguments.command](root, arguments)


UNTESTED_HELP = "from a login by key too, which does not show that a login by password works"
COMMANDS = {
    "check": "one line a management group: present, reached, proved safe",
    "diff": "what apply would change, and why",
    "apply": "make the change in one transaction, verified, or undone",
    "revert": "take back exactly what apply did",
    "confirm": "keep a change of `apply --confirm-within`; only a new login can",
    "explain": "the rules of a service as a tree, and the ways of logins through them",
    "simulate": "what one call returns, rule by rule, for given returns of the modules",
}


def _parser() -> Parser:
    parser = Parser(PROGRAM, "Let a password typed into ssh open the keyring.", EXAMPLES)
    parser.add_argument("--root", default="/", help="the root directory of an image")
    parser.add_argument("--service", action="append", default=[], metavar="NAME", help=SERVICE_HELP)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name, prog=f"{PROGRAM} {name}", description=summary, epilog="", help=summary
        )
        options.common(command)
        if name in {"check", "diff", "apply"}:
            options.planning(command)
        if name == "apply":
            options.safety(command)
        if name == "revert":  # for the timer of --confirm-within
            command.add_argument("--if-pending", metavar="UNIT", help=argparse.SUPPRESS)
        if name == "confirm":
            command.add_argument("--untested", action="store_true", help=UNTESTED_HELP)
        if name == "explain":
            options.explaining(command)
        if name == "simulate":
            options.simulating(command)
    return parser
