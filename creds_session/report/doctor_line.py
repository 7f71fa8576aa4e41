"""The doctor in one short line, for a prompt or the message of the day."""

from __future__ import annotations

from collections.abc import Iterable

from creds_session.facts import Facts
from creds_session.findings import CheckResult, Severity
from creds_session.report.doctor import commands, count, findings, root_cause, verdict
from creds_session.report.text import printable


def line(facts: Facts, results: Iterable[CheckResult]) -> str:
    """Return the line: the verdict, the cure of what is wrong, how much more there is but notes."""
    results = tuple(results)
    cause = root_cause(results)
    told = f"keyring: {verdict(facts, results)}"
    if cause and (cures := commands(cause)):
        told += f"; run: {cures[0]}"
    matter = [one for one in findings(results) if one.severity is not Severity.NOTE]
    others = len(matter) - (1 if cause else 0)
    if others:
        told += f" ({count(others, 'other finding' if cause else 'finding')}: creds-doctor)"
    return printable(told)
