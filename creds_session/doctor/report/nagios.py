"""Print the diagnosis as a plugin of Nagios, Icinga and the like.

The guidelines (Monitoring Plugins Development Guidelines, sections "Plugin Output" and "Plugin
Return Codes"): one line ``SERVICE STATUS: text | performance data``, more text below it, and 0, 1,
2 or 3 as the exit code.
"""

from __future__ import annotations

import enum

from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.session_map import seconds_left
from creds_session.doctor.report.verdict import findings, named, root_cause, verdict
from creds_session.facts.session import DaemonRole
from creds_session.findings import Outcome, Severity
from creds_session.text import printable


class Status(enum.Enum):
    """The state that Nagios reads from a plugin; the value is the exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


def status(diagnosis: Diagnosis) -> Status:
    """Return the state: critical for an error, unknown if a check crashed."""
    results = diagnosis.results
    if root_cause(results):
        return Status.CRITICAL
    if named(results, Outcome.CRASHED):
        return Status.UNKNOWN
    if not diagnosis.facts.is_readable:
        return Status.CRITICAL
    severities = {finding.severity for finding in findings(results)}
    return Status.WARNING if Severity.WARNING in severities else Status.OK


def plugin_output(diagnosis: Diagnosis) -> str:
    """Return the text of the plugin."""
    found = findings(diagnosis.results)
    text = verdict(diagnosis)
    state = status(diagnosis)
    if state is Status.WARNING:
        text += f"; {found[0].title} [{found[0].id}]"
    first = f"{_head(state, text)} | {_performance(diagnosis)}"
    below = [
        _text(f"{finding.severity.value}: {finding.title} [{finding.id}]") for finding in found
    ]
    return "\n".join([first, *below])


def unknown(problem: str) -> str:
    """Return the text of a plugin that could not look at the session."""
    return _head(Status.UNKNOWN, problem)


def _head(state: Status, text: str) -> str:
    return f"KEYRING {state.name}: {_text(text)}"


def _text(text: str) -> str:
    """Return a text without the sign that begins the performance data."""
    return printable(text).replace("|", "/")


def _performance(diagnosis: Diagnosis) -> str:
    """Return ``label=value;warning;critical;least;most`` of each figure."""
    facts, results = diagnosis
    severities = [finding.severity for finding in findings(results)]
    figures = [
        f"errors={severities.count(Severity.ERROR)};;0;0",
        f"warnings={severities.count(Severity.WARNING)};0;;0",
        f"notes={severities.count(Severity.NOTE)};;;0",
        f"checks={len(results)};;;0",
        f"daemons={len(facts.daemons)};;;0",
    ]
    waiting = [daemon for daemon in facts.daemons if daemon.role is DaemonRole.LOGIN]
    if waiting and facts.bus.owner is None:
        figures.append(f"waiting={seconds_left(facts, waiting[0])}s;;;0")
    return " ".join(figures)
