"""``creds run``: run a command, and give it a credential by a method that it supports."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from creds_session.cli.boundary import run
from creds_session.cli.creds.credential_arguments import add_names
from creds_session.cli.creds.credentials import username_key, waiting
from creds_session.cli.output import complain
from creds_session.cli.parser import seconds
from creds_session.errors import CredsSessionError, UsageError

if TYPE_CHECKING:
    from creds_session.credentials.delivery import run as handover

PROGRAM = "creds run"
OWN_FAILURE = 125  # env(1)
DESCRIPTION = """\
Run a command and give it a credential, by the method that it supports. The exit code is that of the
command. The safest method comes first:

  --fd N          The command reads a file descriptor, or a file: /dev/fd/N.
  --askpass       The command runs an askpass program, as ssh, sudo -A and git
                  do.
  --expect REGEX  The command asks at a terminal and nowhere else. It gets a
                  terminal of its own, and the password is typed there.
  --env NAME      The command reads an environment variable. Other processes
                  of yours and of root can read it as long as the command
                  runs, and all its children inherit it.
"""
EXAMPLES = """\
examples:
  creds run backup me --fd 3 -- restic --password-file /dev/fd/3 snapshots
  creds run web01 alice --askpass -- ssh alice@web01 uptime
  creds run self alice --expect 'assword: ?$' -- su - alice -c id
  creds run db alice --env PGPASSWORD --env PGUSER=username -- psql -h db
  creds run box bob --expect 'assword: ?$' --timeout 60 -- ftp box
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the parser what ``creds run`` takes before the ``--``."""
    parser.description = DESCRIPTION
    parser.epilog = EXAMPLES
    parser.usage = "creds run SERVICE [USER] METHOD [OPTION...] -- COMMAND..."
    add_names(parser)
    parser.add_argument(
        *("--env", "-e"),
        metavar="NAME[=username|password]",
        action="append",
        default=[],
        help="Set the environment variable NAME to the password, or to the user name. Other"
        " processes can read it.",
    )
    method = parser.add_mutually_exclusive_group()
    method.add_argument(
        "--fd",
        metavar="N",
        type=_descriptor,
        help="Let the command read the password from file descriptor N, once.",
    )
    method.add_argument(
        "--askpass",
        action="store_true",
        help="Set SSH_ASKPASS, SUDO_ASKPASS and GIT_ASKPASS to a program that answers prompts for"
        " a password.",
    )
    parser.add_argument(
        "--askpass-prompt",
        metavar="REGEX",
        help="With --askpass: answer the prompts that match REGEX, whatever host they name. Without"
        " this option the prompts for a password of the first host are answered.",
    )
    parser.add_argument(
        "--expect",
        metavar="REGEX",
        action="append",
        default=[],
        help="Type the password at a prompt that matches REGEX. Each option answers one prompt.",
    )
    parser.add_argument(
        "--expect-username",
        metavar="REGEX",
        action="append",
        default=[],
        help="Type the user name at a prompt that matches REGEX. Each option answers one prompt.",
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="S",
        help="End the command after S seconds. The exit code is 124 then.",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Run the command; return its exit code, or 125 if it could not be started."""
    from creds_session.system.processes.environment import own_environment

    argv: list[str] = arguments.argv
    if not argv:
        raise UsageError("name the command: creds run SERVICE USER METHOD -- COMMAND")
    environ = own_environment()  # read before it is hidden from this process, too
    ended: list[int] = []

    def command() -> int:
        ended.append(_run(arguments, argv, environ))
        return 0

    code = run(command, PROGRAM)
    if ended:
        return ended[0]
    return code if code in {UsageError.exit_code, 130} else OWN_FAILURE


def _run(arguments: argparse.Namespace, argv: list[str], environ: dict[str, str]) -> int:
    from creds_session import credentials
    from creds_session.credentials.access import USUAL
    from creds_session.credentials.delivery import run as handover
    from creds_session.system.processes.core_dumps import forbid_core_dumps
    from creds_session.system.processes.foreground import NotExecuted

    delivery = _delivery(arguments)
    key = username_key(arguments)
    forbid_core_dumps()
    with waiting(USUAL):
        credential = credentials.get(arguments.service, arguments.user, username_key=key)
    try:
        ended = handover.run_with_credential(credential, delivery, argv, environ, arguments.timeout)
    except NotExecuted as error:
        complain(PROGRAM, error.problem)
        return error.exit_code
    if ended.remark:
        complain(PROGRAM, ended.remark)
    return ended.code


def _delivery(arguments: argparse.Namespace) -> handover.Delivery:
    from creds_session.credentials.delivery.askpass import PASSWORD, compiled
    from creds_session.credentials.delivery.run import Delivery, Prompt

    passwords, names = arguments.expect, arguments.expect_username
    prompts = [Prompt(compiled(text, "--expect"), is_username=False) for text in passwords]
    prompts += [Prompt(compiled(text, "--expect-username"), is_username=True) for text in names]
    if prompts and (arguments.askpass or arguments.fd is not None):
        raise UsageError("--expect goes with neither --askpass nor --fd")
    if arguments.askpass_prompt is not None and not arguments.askpass:
        raise UsageError("--askpass-prompt goes with --askpass")
    pattern = arguments.askpass_prompt or os.fsdecode(PASSWORD)
    delivery = Delivery(
        tuple(map(_variable, arguments.env)),
        arguments.fd,
        compiled(pattern, "--askpass-prompt") if arguments.askpass else None,
        tuple(prompts),
        anywhere=arguments.askpass_prompt is not None,
    )
    if delivery == Delivery():
        raise UsageError("name a method: --fd N, --askpass, --expect REGEX or --env NAME")
    return delivery


def _variable(text: str) -> handover.Variable:
    """Return the variable that ``--env`` names.

    Raises UsageError, which does not repeat what follows ``=``: it may be a password.
    """
    from creds_session.credentials.delivery.run import Variable

    name, _, what = text.partition("=")
    if not name or what not in {"", "username", "password"}:
        raise UsageError(
            f"--env {name or 'NAME'}: after '=' only username or password may follow",
            hint=f"creds run sets the value itself: --env {name or 'NAME'}",
        )
    return Variable(name, what == "username")


def _descriptor(text: str) -> int:
    from creds_session.system.terminal.password_pipe import reserve

    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError("not the number of a file descriptor")
    try:
        return reserve(int(text))
    except CredsSessionError as error:
        raise argparse.ArgumentTypeError(error.problem) from None
