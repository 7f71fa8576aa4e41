"""``creds-setup-pam``: one module a kind of command."""

from __future__ import annotations

import argparse
from pathlib import Path

from creds_session.cli.common import Parser, run
from creds_session.errors import NoSuchFile, UsageError
from creds_session.system.root import Root

PROGRAM = "creds-setup-pam"
EXAMPLES = """\
examples:
  creds-setup-pam diff          what apply would change, and why
  creds-setup-pam apply         change it; a backup is kept and revert takes it back
  creds-setup-pam revert        take back exactly what apply did
  creds-setup-pam --root /mnt/image check

exit codes: 0 nothing to do, or done; 1 a change is needed; 65 a file that libpam would refuse, or
  that cannot be edited safely; 66 no such service; 69 a part is not installed; 73 cannot write;
  75 another run holds the lock; 77 not root
"""


def main() -> int:
    """Run ``creds-setup-pam`` with the arguments of this process."""
    return run(_main, PROGRAM)


def _main() -> int:
    arguments = _parser().parse_args()
    root = Root(Path(arguments.root).resolve())
    if not root.directory.is_dir():
        raise NoSuchFile(f"{arguments.root}: no such directory")
    return _command(arguments, root)


def _command(arguments: argparse.Namespace, root: Root) -> int:
    """Run one command; each imports what it needs, and no more."""
    from creds_session.cli.setup_pam import change  # noqa: PLC0415

    commands = {
        None: change.ask,
        "check": change.check,
        "diff": change.diff,
        "apply": change.apply,
        "revert": change.revert,
    }
    return commands[arguments.command](root, arguments)


def one_service(arguments: argparse.Namespace) -> str:
    """Return the service that a command about one of them is about. Raises UsageError."""
    services = arguments.service or ["sshd"]
    if len(services) > 1:
        raise UsageError(f"{arguments.command} takes one --service")
    return str(services[0])


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
        _common(command)
        if name in {"check", "diff", "apply"}:
            _planning(command)
    return parser


SERVICE_HELP = "a PAM service; may be given again (default: sshd, and passwd where it is)"
COMMANDS = {
    "check": "one line a management group: present, reached, proved safe",
    "diff": "what apply would change, and why",
    "apply": "make the change in one transaction, verified, or undone",
    "revert": "take back exactly what apply did",
}


def _common(command: argparse.ArgumentParser) -> None:
    """Let the common options stand behind the command too."""
    kept = argparse.SUPPRESS
    command.add_argument("--root", default=kept, help="the root directory of an image")
    command.add_argument(
        "--service", action="append", default=kept, metavar="NAME", help=SERVICE_HELP
    )
    command.add_argument("--json", action="store_true", default=kept, help="one JSON object")


def _planning(command: argparse.ArgumentParser) -> None:
    command.add_argument("--only-add", action="store_true", help="change no word of the admin's")
    command.add_argument("--skip-root", action="store_true", help="root's login passes ours by")
    command.add_argument(
        "--strict", action="store_true", help="prove against any return value of our module"
    )
