"""Return the diagnosis as values for JSON; docs/reference/json.md describes the keys."""

from __future__ import annotations

from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.verdict import verdict
from creds_session.facts.session import Daemon
from creds_session.findings import Finding, Remediation
from creds_session.version import __version__


def values(diagnosis: Diagnosis) -> dict[str, object]:
    """Return everything that was found."""
    return {
        "version": __version__,
        "healthy": diagnosis.is_healthy,
        "verdict": verdict(diagnosis),
        "checks": [
            {
                "check": result.check,
                "outcome": result.outcome.value,
                "summary": result.summary,
                "follows_from": list(result.follows_from),
                "findings": [_finding(finding) for finding in result.findings],
            }
            for result in diagnosis.results
        ],
        "login_log": [
            {**event.line._asdict(), "meaning": event.meaning, "alarm": event.alarm.value}
            for event in diagnosis.facts.login_log.events
        ],
        "daemons": [_daemon(daemon) for daemon in diagnosis.facts.daemons],
    }


def _daemon(daemon: Daemon) -> dict[str, object]:
    return {**daemon._asdict(), "role": daemon.role.value}


def _finding(finding: Finding) -> dict[str, object]:
    remedy = finding.remediation
    return {
        "id": finding.id,
        "severity": finding.severity.value,
        "title": finding.title,
        "cause": finding.cause,
        "evidence": list(finding.evidence),
        "remediation": remedy and _remediation(remedy),
    }


def _remediation(remedy: Remediation) -> dict[str, object]:
    return {
        "text": remedy.text,
        "commands": [list(argv) for argv in remedy.commands],
        "lines": list(remedy.lines),
        "is_safe": remedy.is_safe,
        "alternatives": [_remediation(other) for other in remedy.alternatives],
    }
