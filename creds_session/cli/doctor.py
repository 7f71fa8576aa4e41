"""``creds-doctor``: why no secret can be read here, and what cures it."""

from __future__ import annotations

import argparse
import os

from creds_session.cli import doctor_faces as faces
from creds_session.cli.common import Parser, run
from creds_session.errors import UsageError

PROGRAM = "creds-doctor"
EXAMPLES = """\
examples:
  creds-doctor                        the verdict, the session's map, what is wrong and its cure
  creds-doctor --report ticket.html   the same as a page for somebody else to read
  creds-doctor --json                 the same as one JSON object
  creds-doctor --list                 all that it looks for
  creds-doctor --explain keyring-ghost
  creds-doctor --skip first-login-fails

exit codes: 0 a secret can be read now and nothing is wrong; 1 something is wrong
"""


def main() -> int:
    """Run ``creds-doctor`` with the arguments of this process."""
    return run(_main, PROGRAM)


def _parser() -> Parser:
    parser = Parser(PROGRAM, "Find out why no secret can be read in this session.", EXAMPLES)
    faces.add_arguments(parser)
    told = parser.add_mutually_exclusive_group()
    told.add_argument("--list", action="store_true", help="list the checks, and look at nothing")
    told.add_argument("--explain", metavar="ID", help="tell what a check is, and look at nothing")
    for name, summary in (("only", "run this check alone"), ("skip", "leave this check out")):
        parser.add_argument(f"--{name}", action="append", default=[], metavar="ID", help=summary)
    return parser


def _main() -> int:
    arguments = _parser().parse_args()
    if arguments.list or arguments.explain:
        return _tell_of_checks(arguments)
    return faces.guarded(arguments, lambda: _diagnose(arguments))


def _tell_of_checks(arguments: argparse.Namespace) -> int:
    from creds_session.diagnosis import entries  # noqa: PLC0415 - each way imports its own
    from creds_session.report.checks import explain_lines, list_lines  # noqa: PLC0415

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
    from creds_session.checks import CHECKS, select  # noqa: PLC0415
    from creds_session.diagnosis import diagnose  # noqa: PLC0415

    _require_known(arguments.only + arguments.skip, [check.id for check in CHECKS])
    diagnosis = diagnose(os.environ, select(CHECKS, arguments.only, arguments.skip))
    return faces.show(arguments, diagnosis)
