"""Print the diagnosis in one short line, for a prompt or the message of the day."""

from __future__ import annotations

from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.verdict import count, findings, root_cause, verdict
from creds_session.findings import EVAL, Remediation, Severity
from creds_session.text import printable


def line(diagnosis: Diagnosis) -> str:
    """Return the verdict, the first remedy, and the number of other findings that are not notes."""
    cause = root_cause(diagnosis.results)
    text = f"keyring: {verdict(diagnosis)}"
    if cause and cause.remediation and cause.remediation.commands:
        text += f"; run: {_first(cause.remediation)}"
    matter = [
        finding for finding in findings(diagnosis.results) if finding.severity is not Severity.NOTE
    ]
    others = len(matter) - (1 if cause else 0)
    if others:
        text += f" ({count(others, 'other finding' if cause else 'finding')}: creds-doctor)"
    return printable(text)


def _first(remedy: Remediation) -> str:
    """Return the first command, and the next one if the first only prepares the shell."""
    has_prepared = remedy.commands[0][0] == EVAL
    return " && ".join(remedy.lines[: 2 if has_prepared else 1])
