"""What ``creds-doctor`` shows: what is wrong, root causes first, each with cause and cure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from creds_session.findings import CheckResult, Finding, Outcome, Severity
from creds_session.report.text import printable


def lines(results: Iterable[CheckResult]) -> list[str]:
    """Return the report as lines of text; the verdict is the last."""
    results = tuple(results)
    told: list[str] = []
    for result in results:
        if result.outcome is Outcome.CRASHED:
            told.append(f"CRASHED  {result.check}: {result.summary}")
        for finding in result.findings:
            told += _finding_lines(finding)
    told += _others(results)
    told.append(verdict(results))
    return [printable(line) for line in told]


def _others(results: tuple[CheckResult, ...]) -> list[str]:
    """Return what became of the checks that found nothing: silence never means health."""
    passed = [one for one in results if one.outcome is Outcome.PASSED]
    told = [f"ok       {len(passed)} of {len(results)} checks found nothing"] if passed else []
    effects = [one for one in results if one.follows_from]
    if effects:
        roots = dict.fromkeys(root for one in effects for root in one.follows_from)
        told.append(f"-        {len(effects)} were not asked, for they follow: {', '.join(roots)}")
    by_reason: dict[str, list[str]] = {}
    for result in results:
        if result.outcome is Outcome.SKIPPED and not result.follows_from:
            by_reason.setdefault(result.summary, []).append(result.check)
    return told + [f"-        {reason}: {', '.join(ids)}" for reason, ids in by_reason.items()]


def verdict(results: Iterable[CheckResult]) -> str:
    """Return one line that says whether a secret can be read, and the first cause if not."""
    for result in results:
        for finding in result.findings:
            if finding.severity is Severity.ERROR:
                return f"no secret can be read here: {finding.title} [{finding.id}]"
        if result.outcome is Outcome.CRASHED:
            return f"the check {result.check} crashed: {result.summary}"
    return "a secret can be read in this session"


def _finding_lines(finding: Finding) -> list[str]:
    indent = " " * 9
    told = [f"{finding.severity.value.upper():<8} {finding.title} [{finding.id}]"]
    if finding.cause:
        told.append(f"{indent}  cause: {finding.cause}")
    for evidence in finding.evidence:
        first, *rest = evidence.split("\n")
        told.append(f"{indent}  seen:  {first}")
        told += [f"{indent}         {line}" for line in rest]
    if finding.remediation:
        told.append(f"{indent}  cure:  {finding.remediation.text}")
        told += [f"{indent}         {shlex.join(argv)}" for argv in finding.remediation.commands]
    return told


def values(results: Iterable[CheckResult]) -> dict[str, object]:
    """Return the report as values for JSON."""
    results = tuple(results)
    return {
        "healthy": not any(result.has_error for result in results),
        "verdict": verdict(results),
        "checks": [
            {
                "check": result.check,
                "outcome": result.outcome.value,
                "summary": result.summary,
                "follows_from": list(result.follows_from),
                "findings": [_finding_values(finding) for finding in result.findings],
            }
            for result in results
        ],
    }


def _finding_values(finding: Finding) -> dict[str, object]:
    cure = finding.remediation
    return {
        "id": finding.id,
        "severity": finding.severity.value,
        "title": finding.title,
        "cause": finding.cause,
        "evidence": list(finding.evidence),
        "remediation": cure
        and {
            "text": cure.text,
            "commands": [list(argv) for argv in cure.commands],
            "is_safe": cure.is_safe,
        },
    }
