"""What every face of ``creds-doctor`` says: the verdict, and the findings in their order."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from creds_session.findings import CheckResult, Finding, Outcome, Severity

HEALTHY = "a secret can be read in this session"


def findings(results: Iterable[CheckResult]) -> list[Finding]:
    """Return all findings, the worst first; among equals a cause stands before its effects."""
    found = [finding for result in results for finding in result.findings]
    return [one for level in Severity for one in found if one.severity is level]


def root_cause(results: Iterable[CheckResult]) -> Finding | None:
    """Return the first error, of which the others may be consequences."""
    first = next(iter(findings(results)), None)
    return first if first and first.severity is Severity.ERROR else None


def verdict(results: Iterable[CheckResult]) -> str:
    """Return one line that says whether a secret can be read, and the first cause if not."""
    results = tuple(results)
    cause = root_cause(results)
    if cause:
        return f"no secret can be read here: {cause.title} [{cause.id}]"
    for result in results:
        if result.outcome is Outcome.CRASHED:
            return f"the check {result.check} crashed: {result.summary}"
    return HEALTHY


def is_healthy(results: Iterable[CheckResult]) -> bool:
    """Tell whether a secret can be read now and every check could look."""
    return not any(result.has_error for result in results)


def commands(finding: Finding) -> list[str]:
    """Return the commands that cure it, each as a line for a shell."""
    cure = finding.remediation
    return [shlex.join(argv) for argv in cure.commands] if cure else []


def count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
