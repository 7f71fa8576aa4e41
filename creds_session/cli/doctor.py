"""``creds-doctor``: why no secret can be read here, and what cures it."""

from __future__ import annotations

import os

from creds_session.cli.common import print_json, run
from creds_session.cli.parser import Parser
from creds_session.diagnosis import diagnose
from creds_session.report import doctor as report

PROGRAM = "creds-doctor"
EXAMPLES = """\
examples:
  creds-doctor           one line a check, the cause and the cure of what is wrong
  creds-doctor --json    the same as one JSON object

exit codes: 0 a secret can be read now and nothing is wrong; 1 something is wrong
"""


def main() -> int:
    """Run ``creds-doctor`` with the arguments of this process."""
    return run(_main, PROGRAM)


def _main() -> int:
    parser = Parser(PROGRAM, "Find out why no secret can be read in this session.", EXAMPLES)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    arguments = parser.parse_args()
    diagnosis = diagnose(os.environ)
    if arguments.json:
        print_json({**report.values(diagnosis.results), "daemons": diagnosis.daemons})
    else:
        print("\n".join(report.lines(diagnosis.results)))
    return 0 if diagnosis.is_healthy else 1
