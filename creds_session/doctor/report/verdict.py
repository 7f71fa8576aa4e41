"""What every face of ``creds-doctor`` says: the verdict, and the findings in their order."""

from __future__ import annotations

from collections.abc import Iterable

from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.facts.snapshot import Facts
from creds_session.findings import CheckResult, Finding, Outcome, Severity

HEALTHY = "a secret can be read in this session"
UNREADABLE = "no secret can be read here"
UNKNOWN = "it is not known whether a secret can be read here"


def findings(results: Iterable[CheckResult]) -> list[Finding]:
    """Return all findings, the worst first; among equals a cause stands before its effects."""
    found = [finding for result in results for finding in result.findings]
    return [one for level in Severity for one in found if one.severity is level]


def root_cause(results: Iterable[CheckResult]) -> Finding | None:
    """Return the first error, of which the others may be consequences."""
    first = next(iter(findings(results)), None)
    return first if first and first.severity is Severity.ERROR else None


def verdict(diagnosis: Diagnosis) -> str:
    """Return one line that says whether a secret can be read, and the first cause if not."""
    facts, results = diagnosis
    cause = root_cause(results)
    if cause:
        return f"{_told(facts)}: {cause.title} [{cause.id}]"
    for result in results:
        if result.outcome is Outcome.CRASHED:
            return f"the check {result.check} crashed: {result.summary}"
    return HEALTHY if facts.is_readable else f"{UNREADABLE}, and no check that ran says why"


def _told(facts: Facts) -> str:
    if facts.is_readable:
        return "a secret can be read now, but"
    return UNKNOWN if facts.bus.is_unknown else UNREADABLE


def commands(finding: Finding) -> list[str]:
    """Return the commands of its first cure, each as a line for a shell."""
    return list(finding.remediation.lines) if finding.remediation else []


def has_fix(finding: Finding) -> bool:
    """Tell whether ``--fix`` of an ordinary user would cure it."""
    return finding.remediation is not None and finding.remediation.can_be_fixed


def named(results: Iterable[CheckResult], outcome: Outcome) -> list[str]:
    """Return the ids of the checks with this outcome."""
    return [result.check for result in results if result.outcome is outcome]


def tally(results: Iterable[CheckResult]) -> str:
    """Return in a line what became of the checks that found nothing."""
    results = tuple(results)
    passed, skipped = named(results, Outcome.PASSED), named(results, Outcome.SKIPPED)
    following = [result for result in results if result.follows_from]
    told = f"{len(passed)} of {count(len(results), 'check')} found nothing"
    if following:
        roots = dict.fromkeys(root for result in following for root in result.follows_from)
        told += f"; {len(following)} not asked, for they follow from {', '.join(roots)}"
    if len(skipped) > len(following):
        told += f"; {len(skipped) - len(following)} could not judge"
    return told


def count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
