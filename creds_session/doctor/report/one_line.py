"""The doctor in one short line, for a prompt or the message of the day."""

from __future__ import annotations

from collections.abc import Iterable

from creds_session.doctor.report.verdict import count, findings, root_cause, verdict
from creds_session.facts.snapshot import Facts
from creds_session.findings import EVAL, CheckResult, Remediation, Severity
from creds_session.text import printable


def line(facts: Facts, results: Iterable[CheckResult]) -> str:
    """Return the line: the verdict, the cure of what is wrong, how much more there is but notes."""
    results = tuple(results)
    cause = root_cause(results)
    told = f"keyring: {verdict(facts, results)}"
    if cause and cause.remediation and cause.remediation.commands:
        told += f"; run: {_first(cause.remediation)}"
    matter = [one for one in findings(results) if one.severity is not Severity.NOTE]
    others = len(matter) - (1 if cause else 0)
    if others:
        told += f" ({count(others, 'other finding' if cause else 'finding')}: creds-doctor)"
    return printable(told)


def _first(cure: Remediation) -> str:
    """Return the first command; one that only prepares the shell is followed by the next."""
    has_prepared = cure.commands[0][0] == EVAL
    return " && ".join(cure.lines[: 2 if has_prepared else 1])
