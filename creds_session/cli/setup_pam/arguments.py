"""The arguments of ``creds-setup-pam`` and its subcommands, and their help."""

from __future__ import annotations

import argparse

from creds_session.cli.colour import add_colour
from creds_session.errors import UsageError

PROGRAM = "creds-setup-pam"
ROOT_HELP = (
    "Work on the system in DIR, for example a mounted image, instead of this machine (default: /)."
)
SERVICE_HELP = (
    "Work on the PAM service NAME. May be given several times, except for explain and simulate,"
    " which show one; confirm and revert ignore it."
    " Without it: sshd, and passwd if it exists; judge compares all services."
)
ONE_SERVICE_HELP = "Show the PAM service NAME instead of sshd."
JUDGED_SERVICE_HELP = (
    "Compare the PAM service NAME only. May be given several times. Without it: all services."
)
NO_SERVICE_HELP = (
    "This option changes nothing here: the command works on the change as a whole, with every"
    " service that it changed."
)
JSON_HELP = "Print one JSON object."
SERVICE_HELP_OF = {
    **dict.fromkeys(("explain", "simulate"), ONE_SERVICE_HELP),
    **dict.fromkeys(("confirm", "revert"), NO_SERVICE_HELP),
    "judge": JUDGED_SERVICE_HELP,
}
VENDOR_HELP = (
    "Change the files of an image in /usr/lib/pam.d and /usr/lib/systemd, and no file in /etc."
    " Needs --root DIR, or a container that is being built."
)
AFTER_UPDATE_HELP = (
    "Look only at services that apply has changed, and print only what is wrong. Package triggers"
    " and the path unit run this after an update."
)
CALLS = ("authenticate", "setcred", "acct_mgmt", "open_session", "close_session", "chauthtok")
RETURNS_HELP = (
    "Let a module return CODE, such as auth_err. May be given several times. FILE:LINE limits it to"
    " one rule; CALL limits it to one call, and may also be prelim or update. A module that is not"
    " named returns success, or what it always returns."
)


def one_service(arguments: argparse.Namespace) -> str:
    """Return the only service that the command is about. Raises UsageError."""
    services = arguments.service or ["sshd"]
    if len(services) > 1:
        raise UsageError(f"{arguments.command} takes one --service")
    return str(services[0])


def add_arguments(command: argparse.ArgumentParser, name: str) -> None:
    """Give the parser of a subcommand its arguments."""
    common(command, SERVICE_HELP_OF.get(name, SERVICE_HELP))
    if name in {"check", "diff", "apply", "rebase"}:
        planning(command, is_change=name in {"diff", "apply"})
    if name in {"diff", "explain", "apply", "rebase"}:
        add_colour(command, argparse.SUPPRESS)
    if name == "apply":
        safety(command)
    if name == "revert":  # for the timer of --confirm-within
        command.add_argument("--if-pending", metavar="UNIT", help=argparse.SUPPRESS)
    if name == "confirm":
        command.add_argument(
            "--untested",
            action="store_true",
            help="Accept a login by SSH key as well, which does not show that a login with a"
            " password works.",
        )
    own = {
        "check": checking,
        "rebase": rebasing,
        "explain": explaining,
        "simulate": simulating,
        "judge": judging,
    }
    if name in own:
        own[name](command)


def common(command: argparse.ArgumentParser, service_help: str) -> None:
    """Let the common options stand behind the command, too."""
    kept = argparse.SUPPRESS
    command.add_argument("--root", metavar="DIR", default=kept, help=ROOT_HELP)
    command.add_argument(
        "--service", action="append", default=kept, metavar="NAME", help=service_help
    )
    command.add_argument("--json", action="store_true", default=kept, help=JSON_HELP)


def planning(command: argparse.ArgumentParser, *, is_change: bool) -> None:
    """Add the options that say how a rule may be added, and where if ``is_change``."""
    command.add_argument(
        "--only-add",
        action="store_true",
        help="Insert lines only; never modify existing ones. If that is not enough, the remaining"
        " problems are listed and the exit code is 1.",
    )
    command.add_argument(
        "--skip-root",
        action="store_true",
        help="Skip the keyring rules for root, so that a hung keyring daemon cannot block root's"
        " login.",
    )
    command.add_argument(
        "--strict",
        action="store_true",
        help="Prove the change for every value that a module can return, instead of those that"
        " pam_gnome_keyring returns.",
    )
    if is_change:
        command.add_argument("--vendor", action="store_true", help=VENDOR_HELP)


def safety(command: argparse.ArgumentParser) -> None:
    """Add the options that show the change first, or undo it if nobody confirms it."""
    command.add_argument(
        *("-n", "--dry-run"),
        action="store_true",
        help="Show the change and make none. This is the same as creds-setup-pam diff.",
    )
    command.add_argument(
        "--complete",
        action="store_true",
        help="Change nothing, and exit with 65, if a management group cannot have its rule. Without"
        " it, the other groups get their rules, and the exit code is 1.",
    )
    command.add_argument(
        "--try",
        dest="try_user",
        metavar="USER",
        help="First let libpam judge the password of USER, which is typed, with the changed files."
        " The change is made only if PAM lets USER in.",
    )
    confirming(command)


def confirming(command: argparse.ArgumentParser) -> None:
    """Add the option that reverts a change if nobody confirms it."""
    command.add_argument(
        "--confirm-within",
        metavar="TIME",
        help="Revert the change after TIME (such as 90s, 10m or 1h), unless somebody confirms it"
        " from a new login.",
    )


def checking(command: argparse.ArgumentParser) -> None:
    """Add the option of ``check``."""
    command.add_argument("--after-update", action="store_true", help=AFTER_UPDATE_HELP)


def rebasing(command: argparse.ArgumentParser) -> None:
    """Add the options of ``rebase``."""
    command.add_argument(
        "--check",
        dest="check_only",
        action="store_true",
        help="Change nothing. Print what the files lack, and the change. The exit code is 1 if a"
        " vendor's file is newer.",
    )
    confirming(command)


def explaining(command: argparse.ArgumentParser) -> None:
    """Add the options of ``explain``."""
    command.add_argument(
        "--format",
        choices=("text", "json", "dot", "svg"),
        help="Print text (the default), JSON, a graph for Graphviz, or an SVG picture.",
    )
    command.add_argument("--ascii", action="store_true", help="Print text without box characters.")
    command.add_argument(
        "--files",
        action="store_true",
        help="Show which file libpam uses for the service and for each include, and which files of"
        " the same name are hidden by it.",
    )


def simulating(command: argparse.ArgumentParser) -> None:
    """Add the options of ``simulate``."""
    command.add_argument(
        "--call", required=True, choices=CALLS, help="Simulate this call of libpam."
    )
    command.add_argument(
        "--returns",
        action="append",
        default=[],
        metavar="[CALL:]MODULE[@FILE:LINE]=CODE",
        help=RETURNS_HELP,
    )


def judging(command: argparse.ArgumentParser) -> None:
    """Add the options of ``judge``."""
    command.add_argument(
        "--before",
        required=True,
        metavar="DIR",
        help="The files before the change: a copy of /etc/pam.d, or a directory with etc/pam.d in"
        " it, and with usr/lib/pam.d if the files of the vendor shall be compared.",
    )
    command.add_argument(
        "--after",
        metavar="DIR",
        help="The files after the change. Without it: the system that --root names.",
    )
