"""Return what every format of ``creds-doctor`` says: the verdict, and the findings in order."""

from __future__ import annotations

from collections.abc import Iterable

from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.facts.snapshot import Facts
from creds_session.findings import CheckResult, Finding, Outcome, Severity

HEALTHY = "a secret can be read in this session"
UNREADABLE = "no secret can be read here"
UNKNOWN = "it is not known whether a secret can be read here"


def findings(results: Iterable[CheckResult]) -> list[Finding]:
    """Return all findings, the worst first; in each level a cause comes before its effects."""
    found = [finding for result in results for finding in result.findings]
    return [finding for level in Severity for finding in found if finding.severity is level]


def root_cause(results: Iterable[CheckResult]) -> Finding | None:
    """Return the first error, of which the others may be consequences."""
    first = next(iter(findings(results)), None)
    return first if first and first.severity is Severity.ERROR else None


def verdict(diagnosis: Diagnosis) -> str:
    """Return one line that says whether a secret can be read, and the first cause if not."""
    facts, results = diagnosis
    cause = root_cause(results)
    if cause:
        return f"{_summary(facts)}: {cause.title} [{cause.id}]"
    for result in results:
        if result.outcome is Outcome.CRASHED:
            return f"the check {result.check} crashed: {result.summary}"
    return HEALTHY if facts.is_readable else f"{UNREADABLE}, and no check that ran found the reason"


def _summary(facts: Facts) -> str:
    if facts.is_readable:
        return "a secret can be read now, but"
    return UNKNOWN if facts.bus.is_unknown else UNREADABLE


def commands(finding: Finding) -> list[str]:
    """Return the commands of the first remedy, each as a line for a shell."""
    return list(finding.remediation.lines) if finding.remediation else []


def has_fix(finding: Finding) -> bool:
    """Return whether ``--fix`` of an ordinary user carries out the remedy."""
    return finding.remediation is not None and finding.remediation.can_be_fixed


def named(results: Iterable[CheckResult], outcome: Outcome) -> list[str]:
    """Return the ids of the checks with this outcome."""
    return [result.check for result in results if result.outcome is outcome]


def tally(results: Iterable[CheckResult]) -> str:
    """Return one line about the checks that found nothing, were skipped or could not judge."""
    results = tuple(results)
    passed, skipped = named(results, Outcome.PASSED), named(results, Outcome.SKIPPED)
    following = [result for result in results if result.follows_from]
    text = f"{len(passed)} of {count(len(results), 'check')} found nothing"
    if following:
        roots = dict.fromkeys(root for result in following for root in result.follows_from)
        text += f"; {len(following)} skipped (caused by {', '.join(roots)})"
    if len(skipped) > len(following):
        text += f"; {len(skipped) - len(following)} could not be checked"
    return text


def count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
