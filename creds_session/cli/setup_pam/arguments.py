"""The arguments that several subcommands of ``creds-setup-pam`` share, and what they mean."""

from __future__ import annotations

import argparse

from creds_session.errors import UsageError

PROGRAM = "creds-setup-pam"
SERVICE_HELP = "a PAM service; may be given again (default: sshd's, and passwd where it is)"
CALLS = ("authenticate", "setcred", "acct_mgmt", "open_session", "close_session", "chauthtok")
RETURNS_HELP = (
    "what a module returns; what is not named returns success, if it ever does; CALL may be prelim"
    " or update too; may be given again"
)


def one_service(arguments: argparse.Namespace) -> str:
    """Return the service that a command about one of them is about. Raises UsageError."""
    services = arguments.service or ["sshd"]
    if len(services) > 1:
        raise UsageError(f"{arguments.command} takes one --service")
    return str(services[0])


def common(command: argparse.ArgumentParser) -> None:
    """Let the common options stand behind the command too."""
    kept = argparse.SUPPRESS
    command.add_argument("--root", default=kept, help="the root directory of an image")
    command.add_argument(
        "--service", action="append", default=kept, metavar="NAME", help=SERVICE_HELP
    )
    command.add_argument("--json", action="store_true", default=kept, help="one JSON object")


def planning(command: argparse.ArgumentParser) -> None:
    """Add the options that say how a rule may be added."""
    command.add_argument("--only-add", action="store_true", help="change no word of the admin's")
    command.add_argument("--skip-root", action="store_true", help="root's login passes ours by")
    command.add_argument(
        "--strict", action="store_true", help="prove against any return value of our module"
    )


def safety(command: argparse.ArgumentParser) -> None:
    """Add the options that keep a change from locking anyone out."""
    command.add_argument(
        "--try",
        dest="try_user",
        metavar="USER",
        help="first hold a conversation with PAM as this user, who types the password",
    )
    command.add_argument(
        "--confirm-within",
        metavar="TIME",
        help="revert after this time (90s, 10m, 1h) unless someone who logged in anew confirms",
    )


def explaining(command: argparse.ArgumentParser) -> None:
    """Add the options of ``explain``."""
    command.add_argument("--format", choices=("text", "json", "dot", "svg"), help="default: text")
    command.add_argument("--ascii", action="store_true", help="text without box characters")


def simulating(command: argparse.ArgumentParser) -> None:
    """Add the options of ``simulate``."""
    command.add_argument("--call", required=True, choices=CALLS, help="the call to simulate")
    command.add_argument(
        "--returns",
        action="append",
        default=[],
        metavar="[CALL:]MODULE[@FILE:LINE]=CODE",
        help=RETURNS_HELP,
    )
