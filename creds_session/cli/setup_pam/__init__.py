"""``creds-setup-pam``: check, diff, apply and revert."""

from __future__ import annotations

import argparse
from pathlib import Path

from creds_session import pam_setup
from creds_session.cli.common import Parser, complain, print_json, run
from creds_session.errors import NoSuchFile
from creds_session.pam_setup import Setup
from creds_session.report.pam import reasons, unified_diff, verdict_lines, verdict_values
from creds_session.system.root import Root
from creds_session.system.terminal import confirm, is_interactive

PROGRAM = "creds-setup-pam"
NEEDED = 1
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
    parser = Parser(PROGRAM, "Let a password typed into ssh open the keyring.", EXAMPLES)
    parser.add_argument("--root", type=Path, default=Path("/"), help="an image's root directory")
    parser.add_argument("--service", default="sshd", metavar="NAME", help="the PAM service (sshd)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument(
        "command",
        nargs="?",
        choices=("check", "diff", "apply", "revert"),
        metavar="COMMAND",
        help="check, diff, apply or revert; without one: show the diff and ask",
    )
    arguments = parser.parse_args()
    root = Root(arguments.root.resolve())
    if not root.directory.is_dir():
        raise NoSuchFile(f"{arguments.root}: no such directory")
    if arguments.command == "revert":
        return _revert(root, arguments)
    setup = pam_setup.look(root, arguments.service)
    command = {"check": _check, "diff": _diff, "apply": _apply, None: _ask}
    return command[arguments.command](root, setup, arguments)


def _values(setup: Setup, **more: object) -> dict[str, object]:
    return {
        "service": setup.service,
        "path": setup.pam.path,
        "change_needed": setup.is_needed,
        "groups": verdict_values(setup.pam.before),
        "first_login_works": not setup.needs_drop_in,
        **more,
    }


def _check(_root: Root, setup: Setup, arguments: argparse.Namespace) -> int:
    if arguments.json:
        print_json(_values(setup))
    else:
        for line in verdict_lines(setup.pam.before):
            print(line)
        drop_in = "a new user's first login would fail" if setup.needs_drop_in else "no obstacle"
        print(f"{'socket':<9} {drop_in}")
    return NEEDED if setup.is_needed else 0


def _diff(_root: Root, setup: Setup, arguments: argparse.Namespace) -> int:
    text = "".join(unified_diff(file.path, file.before, file.after) for file in setup.files)
    if arguments.json:
        print_json(_values(setup, diff=text, reasons=reasons(setup.pam.edits)))
        return NEEDED if setup.is_needed else 0
    print(text, end="")
    for reason in reasons(setup.pam.edits):
        complain(PROGRAM, reason)
    return NEEDED if setup.is_needed else 0


def _apply(root: Root, setup: Setup, arguments: argparse.Namespace) -> int:
    told = pam_setup.apply(root, setup) if setup.is_needed else pam_setup.Told()
    if arguments.json:
        paths = [file.path for file in setup.files]
        print_json(_values(setup, changed=paths, user_managers=list(told.lines)))
    elif not setup.is_needed:
        complain(PROGRAM, "nothing to do: the rules are in place and reached")
    else:
        for file in setup.files:
            complain(PROGRAM, f"changed {file.path}")
        for line in told.lines:
            complain(PROGRAM, line)
        complain(PROGRAM, "done; log in again by password. `creds-setup-pam revert` takes it back")
    return 0


def _ask(root: Root, setup: Setup, arguments: argparse.Namespace) -> int:
    code = _diff(root, setup, arguments)
    if not setup.is_needed or arguments.json or not is_interactive():
        return code
    if not confirm("Apply this change? [y/N] "):
        return code
    return _apply(root, setup, arguments)


def _revert(root: Root, arguments: argparse.Namespace) -> int:
    touched, told = pam_setup.revert(root)
    if arguments.json:
        print_json({"changed": list(touched), "user_managers": list(told.lines)})
        return 0
    for path in touched:
        complain(PROGRAM, f"took back {path}")
    for line in told.lines:
        complain(PROGRAM, line)
    if not touched:
        complain(PROGRAM, "nothing to take back")
    return 0
