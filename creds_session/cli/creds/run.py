"""``creds run``: a command that is given a credential by the way it can take."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from creds_session.cli.boundary import run
from creds_session.cli.creds.credentials import add_names, username_key
from creds_session.cli.output import complain
from creds_session.cli.parser import seconds
from creds_session.errors import CredsSessionError, UsageError

if TYPE_CHECKING:
    from creds_session.credentials.delivery import run as handover

PROGRAM = "creds run"
OWN_FAILURE = 125  # env(1)
DESCRIPTION = """\
Run a command, and give it a credential by the way that it can take. Its exit code is kept.

  --fd N          it reads a file descriptor, or a file: /dev/fd/N. The safest.
  --askpass       it runs an askpass program: ssh, sudo -A, git.
  --expect REGEX  it asks at a terminal and nowhere else: it gets one, and the password is typed.
  --env NAME      it reads an environment variable. Every process of yours and of root's can read
                  that as long as the command runs, and all that it starts inherits it.
"""
EXAMPLES = """\
examples:
  creds run backup me --fd 3 -- restic --password-file /dev/fd/3 snapshots
  creds run web01 alice --askpass -- ssh alice@web01 uptime
  creds run web01 alice --expect 'assword: ?$' -- su - alice -c id
  creds run db alice --env PGPASSWORD --env PGUSER=username -- psql -h db
  creds run box bob --expect 'assword: ?$' --timeout 60 -- ftp box
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Give the parser what ``creds run`` takes before the ``--``."""
    command.description = DESCRIPTION
    command.epilog = EXAMPLES
    command.usage = "creds run SERVICE [USER] [--username-key KEY] WAY [--timeout S] -- COMMAND..."
    add_names(command)
    command.add_argument(
        *("--env", "-e"),
        metavar="NAME[=username|password]",
        action="append",
        default=[],
        help="an environment variable; others can read it",
    )
    way = command.add_mutually_exclusive_group()
    way.add_argument("--fd", metavar="N", type=_descriptor, help="a pipe to read it from, once")
    way.add_argument(
        "--askpass", action="store_true", help="set SSH_ASKPASS, SUDO_ASKPASS and GIT_ASKPASS"
    )
    command.add_argument(
        "--askpass-prompt",
        metavar="REGEX",
        help="which prompts it answers, of any host (default: password..., of the first host)",
    )
    command.add_argument(
        "--expect",
        metavar="REGEX",
        action="append",
        default=[],
        help="a prompt for the password; each is answered once",
    )
    command.add_argument(
        "--expect-username", metavar="REGEX", action="append", default=[], help="for the user name"
    )
    command.add_argument(
        "--timeout",
        type=seconds,
        metavar="S",
        help="end the command after S seconds; the exit code is 124 then",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Run the command; return its exit code, or 125 where it was not come to."""
    from creds_session.system.processes.environment import own_environment

    argv: list[str] = arguments.argv
    if not argv:
        raise UsageError("name the command: creds run SERVICE USER WAY -- COMMAND")
    environ = own_environment()  # before it is hidden from ourselves, too
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
    from creds_session.credentials.delivery import run as handover
    from creds_session.system.processes.core_dumps import forbid_core_dumps
    from creds_session.system.processes.foreground import NotExecuted

    delivery = _delivery(arguments)
    key = username_key(arguments)
    forbid_core_dumps()
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

    prompts = [Prompt(compiled(one, "--expect"), is_username=False) for one in arguments.expect] + [
        Prompt(compiled(one, "--expect-username"), is_username=True)
        for one in arguments.expect_username
    ]
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
        raise UsageError("say how: --fd N, --askpass, --expect REGEX or --env NAME")
    return delivery


def _variable(text: str) -> handover.Variable:
    from creds_session.credentials.delivery.run import Variable

    """Return the variable that ``--env`` names.

    Raises UsageError. It does not repeat what follows '=': a person may take it for the value.
    """
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
