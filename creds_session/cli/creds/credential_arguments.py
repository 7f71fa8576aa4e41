"""The arguments of ``creds put``, ``get``, ``delete`` and ``list``, and their help."""

from __future__ import annotations

import argparse

from creds_session.cli.parser import seconds

FORMATS = ("plain", "json", "null")
DESCRIPTIONS = {
    "put": """\
Store a password. It is asked for twice at the terminal, or it is read from standard input if that
is not a terminal. At a terminal an existing password is replaced only after a question.
""",
    "get": """\
Print the password that is stored for a service and a user name, followed by a newline.
""",
    "delete": """\
Delete the password that is stored for a service and a user name. If a lookup key is given, the
entry that holds the user name is deleted as well. The command says what was deleted.
""",
    "list": """\
Print the services and user names that are stored, separated by a tab. The entry of a lookup key is
listed too, with the lookup key in the place of the user name. No password is read.
""",
}
EXAMPLES = {
    "put": """\
examples:
  creds put github alice          ask for the password twice, and store it
  vault read -field=token ci | creds put forge robot
                                  store what another program prints
  creds put emcli sysman --username-key 9f2c
                                  store the user name under a lookup key, too
""",
    "get": """\
examples:
  creds get github alice                 print the password
  creds get github alice --json          print user name and password as JSON
  creds get emcli --username-key 9f2c    look the user name up first
""",
    "delete": """\
examples:
  creds delete github alice
  creds delete emcli --username-key 9f2c   delete the password and the user name
""",
    "list": """\
examples:
  creds list                 everything that is stored
  creds list github          the user names of one service
  creds list --json          the same for a program
""",
}


def add_arguments(parser: argparse.ArgumentParser, command: str) -> None:
    """Give a parser what one of these commands takes."""
    parser.description = DESCRIPTIONS[command]
    parser.epilog = EXAMPLES[command]
    if command == "list":
        parser.add_argument(
            "service",
            metavar="SERVICE",
            nargs="?",
            help="List only the credentials of this service.",
        )
        add_format(parser.add_mutually_exclusive_group())
    else:
        add_names(parser)
    if command == "get":
        end = parser.add_mutually_exclusive_group()
        end.add_argument(
            "--no-newline",
            action="store_true",
            help="Print the password without a newline at its end.",
        )
        add_format(end)
    if command in {"get", "put"}:
        parser.add_argument(
            "--encrypted",
            action="store_true",
            help="Encrypt the password on the session bus as well.",
        )
    if command == "delete":
        parser.add_argument(
            *("-q", "--quiet"), action="store_true", help="Print no message on success."
        )
    parser.add_argument(
        "--prompt",
        action="store_true",
        help="If the keyring is locked, let it ask for its password in a window. This needs a"
        " display.",
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="S",
        help=f"Give up after S seconds without an answer (default: {_default(command)}).",
    )
    parser.add_argument(
        *("-v", "--verbose"),
        action="store_true",
        help="Print which backend is used (D-Bus or python-keyring), and why.",
    )


def _default(command: str) -> str:
    return f"{60 if command == 'list' else 10}; with --prompt: 120"


def add_format(group: argparse._MutuallyExclusiveGroup) -> None:
    """Let a command choose how its result is printed."""
    group.add_argument(
        "--format",
        choices=FORMATS,
        default="plain",
        help="Print plain text (the default), one JSON object, or fields with a NUL byte after"
        " each.",
    )
    group.add_argument(
        "--json",
        action="store_const",
        const="json",
        dest="format",
        help="Print one JSON object. This is the same as --format json.",
    )


def add_names(parser: argparse.ArgumentParser) -> None:
    """Let a command name a credential: the user name, or the lookup key that holds it."""
    parser.add_argument(
        "service", metavar="SERVICE", help="The service that the password is for, such as github."
    )
    parser.add_argument(
        "user",
        metavar="USER",
        nargs="?",
        help="The user name. It can be left out if a lookup key holds it.",
    )
    key = parser.add_mutually_exclusive_group()
    key.add_argument(
        "--username-key", metavar="KEY", help="The lookup key that holds the user name is KEY."
    )
    key.add_argument(
        "--username-key-env",
        metavar="VAR",
        help="The lookup key is the value of the environment variable VAR.",
    )
    key.add_argument(
        "--username-key-file",
        metavar="FILE",
        help="The lookup key is the only content of FILE, or of standard input if FILE is -.",
    )
