"""Define what a check is, and run checks from cause to effect, root causes first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from creds_session.doctor.checks.without_logins import without_logins
from creds_session.facts.snapshot import Facts
from creds_session.findings import (
    CheckResult,
    Finding,
    Found,
    NotJudged,
    Outcome,
    Remediation,
    Severity,
)
from creds_session.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    Judge = Callable[[Facts], Union[Found, NotJudged, None]]
    """Returns what was found, or why nothing can be said; None if the fault is not there."""

    Level = Union[Severity, Callable[[Facts], Severity]]
    Remedy = Union[Remediation, Callable[[Facts], Remediation], None]

BY_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Case(NamedTuple):
    """A usual case of a check: what was seen, and the remedy for that case."""

    seen: str
    remedy: str


class Check(NamedTuple):
    """One thing that can be wrong, by a stable id.

    ``needs`` names the checks whose finding explains this one, so that this one is skipped.
    ``group`` is the word of an area. ``about`` is what the page says in addition to title, cause
    and remedy. ``cases`` are the usual cases, for a check whose remedy depends on what was seen.
    ``stops_password``: with this fault, a password typed at the login does not reach the daemon.
    """

    id: str
    group: str
    severity: Level
    title: str
    judge: Judge
    cause: str = ""
    remedy: Remedy = None
    needs: tuple[str, ...] = ()
    about: str = ""
    stops_password: bool = False
    cases: tuple[Case, ...] = ()


def hindrance(facts: Facts) -> Severity:
    """Return the level of a fault that keeps secrets from being read: an error if none can be."""
    return Severity.WARNING if facts.is_readable else Severity.ERROR


def is_other_provider(facts: Facts) -> bool:
    """Return whether another program than gnome-keyring serves this user's secrets."""
    owner = facts.bus.owner
    return owner is not None and not owner.is_gnome_keyring and owner.uid == facts.session.uid


def of_logins(facts: Facts) -> Severity:
    """Return the level of a fault that only keeps a later login from unlocking the keyring.

    Such a fault is never the reason why the keyring is locked now. It is a note if another program
    serves secrets, or if nobody logs in here by PAM.
    """
    is_of_use = facts.init.has_logins and not is_other_provider(facts)
    return Severity.WARNING if is_of_use else Severity.NOTE


def level_text(check: Check) -> str:
    """Return on what the level of a check depends, for its page."""
    return LEVEL_TEXTS.get(check.severity, "it depends on what was seen")


LEVEL_TEXTS: dict[Level, str] = {
    hindrance: "error if no secret can be read, otherwise a warning",
    of_logins: "warning; a note if another program serves secrets, or if nobody logs in here",
}


def run(checks: Iterable[Check], facts: Facts) -> tuple[CheckResult, ...]:
    """Run the checks and return their results: errors, warnings, notes, then the others.

    A check is skipped if a check that it needs found a cause, unless that is only a note. A check
    that crashes is a result, too. Results of one level stay in the order of the checks.
    """
    results: dict[str, CheckResult] = {}
    found: set[str] = set()  # the checks whose result explains the findings of others
    for check in checks:
        blocking = [name for name in check.needs if name in found]
        if blocking:
            roots = tuple(
                dict.fromkeys(root for name in blocking for root in _roots(results[name]))
            )
            reason = f"follows from: {', '.join(roots)}"
            results[check.id] = CheckResult(check.id, Outcome.SKIPPED, reason, (), roots)
        else:
            results[check.id] = _run_check(check, facts)
        if _blocks(results[check.id]):
            found.add(check.id)
    return tuple(sorted(results.values(), key=_rank))


def select(
    checks: Iterable[Check], only: Collection[str], skipped: Collection[str]
) -> tuple[Check, ...]:
    """Return the checks whose ids are in ``only``, or all if it is empty, without ``skipped``."""
    return tuple(
        check for check in checks if (not only or check.id in only) and check.id not in skipped
    )


def _blocks(result: CheckResult) -> bool:
    matters = any(finding.severity is not Severity.NOTE for finding in result.findings)
    return result.has_error or matters or bool(result.follows_from)


def _roots(result: CheckResult) -> tuple[str, ...]:
    return result.follows_from or (result.check,)


def _rank(result: CheckResult) -> int:
    if result.has_error:
        return 0
    ranks = (BY_RANK[finding.severity] for finding in result.findings)
    return min(ranks, default=len(BY_RANK))


def _run_check(check: Check, facts: Facts) -> CheckResult:
    try:
        found = check.judge(facts)
        if found is None:
            return CheckResult(check.id, Outcome.PASSED, "")
        if isinstance(found, NotJudged):
            return CheckResult(check.id, Outcome.SKIPPED, f"not judged: {found.reason}")
        finding = _finding(check, facts, found)
    except Exception as error:  # noqa: BLE001 - a crashed check must not hide the others
        problem = getattr(error, "problem", error)  # without the hint of an error of ours
        return CheckResult(check.id, Outcome.CRASHED, f"{type(error).__name__}: {problem}")
    return CheckResult(check.id, Outcome.FOUND, finding.title, (finding,))


def _finding(check: Check, facts: Facts, found: Found) -> Finding:
    remedy = found.remedy or check.remedy
    finding = Finding(
        check.id,
        check.severity(facts) if callable(check.severity) else check.severity,
        found.title or check.title,
        found.cause or check.cause,
        found.evidence,
        remedy(facts) if callable(remedy) else remedy,
        check.stops_password,
    )
    return without_logins(finding, facts, check.group)
