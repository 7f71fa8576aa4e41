"""``creds-setup-pam judge``: say what a change of the PAM files by anybody means."""

from __future__ import annotations

import argparse

from creds_session.cli.output import complain, print_json
from creds_session.cli.setup_pam.arguments import PROGRAM
from creds_session.errors import UsageError
from creds_session.probe.installation import dialect_assumption
from creds_session.setup_pam.judgement import Side, judge, open_side
from creds_session.setup_pam.judgement_limits import limits_of_sides
from creds_session.setup_pam.judgement_report import judgement_lines, judgement_values
from creds_session.system.files.root import Root

FOUND = 1


def run(root: Root, arguments: argparse.Namespace) -> int:
    """Judge a change; return 1 if something was found, else 0."""
    sides = [_side(root, arguments, name) for name in ("before", "after")]
    is_asked = any(side.machine is root for side in sides)
    assumed = dialect_assumption(root) if is_asked else ""
    if assumed:
        complain(PROGRAM, assumed)
    for limit in limits_of_sides(root, *sides):
        complain(PROGRAM, limit)
    report = judge(sides[0], sides[1], tuple(arguments.service))
    if arguments.json:
        print_json(judgement_values(report))
    else:
        print("\n".join(judgement_lines(report)))
    return FOUND if report.findings else 0


def _side(root: Root, arguments: argparse.Namespace, name: str) -> Side:
    path = getattr(arguments, name)
    if path == "":
        raise UsageError(
            f"--{name} is empty, and an empty path is not a directory",
            hint="a variable without a value causes that",
        )
    if path is None:
        return Side(root, is_pam_d=False, machine=root)
    return open_side(path, root)
