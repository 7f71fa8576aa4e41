"""``creds-doctor``: why no secret can be read here, and what cures it."""

from __future__ import annotations

import os

from creds_session.cli import doctor_faces as faces
from creds_session.cli.common import Parser, run
from creds_session.diagnosis import diagnose

PROGRAM = "creds-doctor"
EXAMPLES = """\
examples:
  creds-doctor                       the verdict, the session's map, the cause and the cure
  creds-doctor --report ticket.html  the same as a page for somebody else to read
  creds-doctor --json                the same as one JSON object

exit codes: 0 a secret can be read now and nothing is wrong; 1 something is wrong
"""


def main() -> int:
    """Run ``creds-doctor`` with the arguments of this process."""
    return run(_main, PROGRAM)


def _main() -> int:
    parser = Parser(PROGRAM, "Find out why no secret can be read in this session.", EXAMPLES)
    faces.add_arguments(parser)
    arguments = parser.parse_args()
    return faces.guarded(arguments, lambda: faces.show(arguments, diagnose(os.environ)))
