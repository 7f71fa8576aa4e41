"""``creds-doctor``: why no secret can be read here, and what cures it."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from creds_session.cli.boundary import end_at_once, run
from creds_session.cli.doctor import formats as faces
from creds_session.cli.parser import Parser, seconds
from creds_session.errors import UsageError
from creds_session.text import printable

if TYPE_CHECKING:
    from creds_session.doctor.checks import Check
    from creds_session.doctor.checks.diagnosis import Diagnosis

PROGRAM = "creds-doctor"
EXAMPLES = """\
examples:
  creds-doctor                        the verdict, the session's map, what is wrong and its cure
  creds-doctor --report ticket.html   the same as a page for somebody else to read
  creds-doctor --json                 the same as one JSON object
  creds-doctor --list                 all that it looks for
  creds-doctor --explain keyring-ghost
  creds-doctor --skip first-login-fails
  sudo creds-doctor --user alice      another user's session
  creds-doctor --save facts.json --anonymous
  creds-doctor --from facts.json      judged elsewhere
  creds-doctor --fix --dry-run        the cures that --fix would carry out
  creds-doctor --fix                  asks before each

exit codes: 0 a secret can be read now and nothing is wrong; 1 something is wrong; 64 wrong usage,
  or root with the home of another user
"""


def main() -> NoReturn:
    """Run ``creds-doctor`` with the arguments of this process."""
    gc.disable()  # what it makes is gone before it would be worth collecting
    end_at_once(run(_main, PROGRAM))


def _parser() -> Parser:
    parser = Parser(PROGRAM, "Find out why no secret can be read in this session.", EXAMPLES)
    faces.add_arguments(parser)
    told = parser.add_mutually_exclusive_group()
    told.add_argument("--list", action="store_true", help="list the checks, and look at nothing")
    told.add_argument("--explain", metavar="ID", help="tell what a check is, and look at nothing")
    for name, summary in (("only", "run this check alone"), ("skip", "leave this check out")):
        parser.add_argument(f"--{name}", action="append", default=[], metavar="ID", help=summary)
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--user", metavar="USER", help="look at this user's session, as root")
    whose.add_argument("--from", dest="source", metavar="FILE", help="judge what --save wrote")
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=2.5,
        metavar="S",
        help="seconds to look at everything (2.5); more for a slow machine",
    )
    parser.add_argument("--fix", action="store_true", help="carry out the cures that are safe")
    parser.add_argument("--dry-run", action="store_true", help="with --fix: only show them")
    parser.add_argument("--yes", action="store_true", help="with --fix: ask nothing")
    parser.add_argument("--save", metavar="FILE", help="keep what was seen, no secret in it")
    parser.add_argument("--anonymous", action="store_true", help="with --save: without names")
    return parser


def _main() -> int:
    arguments = _parser().parse_args()
    _require_meaning(arguments)
    if arguments.list or arguments.explain:
        return _tell_of_checks(arguments)
    return faces.guarded(arguments, lambda: _diagnose(arguments))


def _require_meaning(arguments: argparse.Namespace) -> None:
    """Refuse options that would do nothing, and a file that would be called ``-``."""
    needs = (("yes", "fix"), ("dry_run", "fix"), ("anonymous", "save"))
    for name, other in needs:
        if getattr(arguments, name) and not getattr(arguments, other):
            raise UsageError(f"--{name.replace('_', '-')} goes with --{other}")
    for name in ("save", "output", "report"):
        if getattr(arguments, name) == "-":
            raise UsageError(
                f"--{name} -: name a file", hint="standard output has the answer without it"
            )


def _tell_of_checks(arguments: argparse.Namespace) -> int:
    from creds_session.doctor.diagnosis import entries  # each way imports its own
    from creds_session.doctor.report.check_pages import explain_lines, list_lines

    listed = entries()
    if arguments.explain:
        _require_known([arguments.explain], [entry.id for entry in listed])
        listed = tuple(entry for entry in listed if entry.id == arguments.explain)
        print("\n".join(explain_lines(listed[0])))
    else:
        print("\n".join(list_lines(listed)))
    return 0


def _require_known(named: list[str], known: list[str]) -> None:
    for name in named:
        if name not in known:
            raise UsageError(f"there is no check {name!r}", hint="creds-doctor --list names them")


def _diagnose(arguments: argparse.Namespace) -> int:
    from creds_session.doctor.checks import CHECKS, select
    from creds_session.doctor.diagnosis import judge, look, saved, to_save

    _require_known(arguments.only + arguments.skip, [check.id for check in CHECKS])
    checks = select(CHECKS, arguments.only, arguments.skip)
    if arguments.fix:
        return faces.show(arguments, _fix(arguments, checks))
    source = arguments.source
    facts = saved(Path(source)) if source else look(os.environ, arguments.user, arguments.timeout)
    if arguments.save:
        faces.write(arguments.save, to_save(facts, anonymously=arguments.anonymous))
    return faces.show(arguments, judge(facts, checks))


def _fix(arguments: argparse.Namespace, checks: tuple[Check, ...]) -> Diagnosis:
    from creds_session.doctor.diagnosis import Dialog, fix

    if arguments.source or arguments.user:
        raise UsageError("--fix is for this very session", hint="run it as that user, there")

    def agree(question: str) -> bool:
        return True if arguments.yes else asks(question)

    dialog = Dialog(lambda line: print(printable(line), file=sys.stderr), agree)
    return fix(os.environ, checks, dialog, is_dry=arguments.dry_run)


def asks(question: str) -> bool:
    """Ask at the terminal; if there is none, or we are in its background, the answer is no."""
    from creds_session.system.terminal.password_prompt import (  # for a cure alone
        is_interactive,
    )

    if not is_interactive():
        print("    not done: nobody is at the terminal to say yes (--yes)", file=sys.stderr)
        return False
    print(f"    {printable(question)} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
