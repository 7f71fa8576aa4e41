"""The doctor as values for JSON; docs/reference/json.md describes the keys."""

from __future__ import annotations

from collections.abc import Iterable

from creds_session.doctor.report.verdict import is_healthy, verdict
from creds_session.facts.session import Daemon
from creds_session.facts.snapshot import Facts
from creds_session.findings import CheckResult, Finding, Remediation
from creds_session.version import __version__


def values(facts: Facts, results: Iterable[CheckResult]) -> dict[str, object]:
    """Return all that was found."""
    results = tuple(results)
    return {
        "version": __version__,
        "healthy": is_healthy(facts, results),
        "verdict": verdict(facts, results),
        "checks": [
            {
                "check": result.check,
                "outcome": result.outcome.value,
                "summary": result.summary,
                "follows_from": list(result.follows_from),
                "findings": [_finding(finding) for finding in result.findings],
            }
            for result in results
        ],
        "story": [
            {**event.line._asdict(), "meaning": event.meaning, "alarm": event.alarm.value}
            for event in facts.story.events
        ],
        "daemons": [_daemon(daemon) for daemon in facts.daemons],
    }


def _daemon(daemon: Daemon) -> dict[str, object]:
    return {**daemon._asdict(), "role": daemon.role.value}


def _finding(finding: Finding) -> dict[str, object]:
    cure = finding.remediation
    return {
        "id": finding.id,
        "severity": finding.severity.value,
        "title": finding.title,
        "cause": finding.cause,
        "evidence": list(finding.evidence),
        "remediation": cure and _remediation(cure),
    }


def _remediation(cure: Remediation) -> dict[str, object]:
    return {
        "text": cure.text,
        "commands": [list(argv) for argv in cure.commands],
        "lines": list(cure.lines),
        "is_safe": cure.is_safe,
        "alternatives": [_remediation(other) for other in cure.alternatives],
    }
