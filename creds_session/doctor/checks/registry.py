"""What a check is, and how checks are run: from cause to effect, root causes first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple, Union

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

Judge = Callable[[Facts], Union[Found, NotJudged, None]]
"""Says what was found, or why nothing can be said; None: it is not so."""

Level = Union[Severity, Callable[[Facts], Severity]]
Remedy = Union[Remediation, Callable[[Facts], Remediation], None]
BY_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Check(NamedTuple):
    """One thing that can be wrong, by a stable id.

    ``needs`` names the checks whose finding explains this one, and silences it. ``group`` is the
    word of an area; ``about`` is what its page says beyond title, cause and cure.
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


def hindrance(facts: Facts) -> Severity:
    """What keeps a secret from being read is an error; it is a warning where one can be read."""
    return Severity.WARNING if facts.is_readable else Severity.ERROR


def is_other_provider(facts: Facts) -> bool:
    """Tell whether another program than gnome-keyring serves this user's secrets."""
    owner = facts.bus.owner
    return owner is not None and not owner.is_gnome_keyring and owner.uid == facts.session.uid


def of_logins(facts: Facts) -> Severity:
    """What only keeps a later login from opening the keyring: it is never why none is open now.

    It is a note where another program serves secrets, or where nobody logs in by PAM.
    """
    is_of_use = facts.init.has_logins and not is_other_provider(facts)
    return Severity.WARNING if is_of_use else Severity.NOTE


def run(checks: Iterable[Check], facts: Facts) -> tuple[CheckResult, ...]:
    """Run the checks; a cause, but no note, silences its consequences; a crash is a result.

    Errors come first, then warnings, notes and the rest, each in the order of the checks.
    """
    results: dict[str, CheckResult] = {}
    for check in checks:
        blocking = [name for name in check.needs if name in results and _blocks(results[name])]
        if blocking:
            roots = tuple(
                dict.fromkeys(root for name in blocking for root in _roots(results[name]))
            )
            reason = f"follows from: {', '.join(roots)}"
            results[check.id] = CheckResult(check.id, Outcome.SKIPPED, reason, (), roots)
        else:
            results[check.id] = _run_one(check, facts)
    return tuple(sorted(results.values(), key=_rank))


def select(
    checks: Iterable[Check], only: Collection[str], skipped: Collection[str]
) -> tuple[Check, ...]:
    """Return those that are asked for; none asked for is all."""
    return tuple(
        check for check in checks if (not only or check.id in only) and check.id not in skipped
    )


def _blocks(result: CheckResult) -> bool:
    told = any(finding.severity is not Severity.NOTE for finding in result.findings)
    return result.has_error or told or bool(result.follows_from)


def _roots(result: CheckResult) -> tuple[str, ...]:
    return result.follows_from or (result.check,)


def _rank(result: CheckResult) -> int:
    if result.has_error:
        return 0
    return min((BY_RANK[one.severity] for one in result.findings), default=len(BY_RANK))


def _run_one(check: Check, facts: Facts) -> CheckResult:
    try:
        found = check.judge(facts)
        if found is None:
            return CheckResult(check.id, Outcome.PASSED, "")
        if isinstance(found, NotJudged):
            return CheckResult(check.id, Outcome.SKIPPED, f"not judged: {found.reason}")
        finding = _finding(check, facts, found)
    except Exception as error:  # noqa: BLE001 - a crashed check must not hide the others
        return CheckResult(check.id, Outcome.CRASHED, f"{type(error).__name__}: {error}")
    return CheckResult(check.id, Outcome.FOUND, finding.title, (finding,))


def _finding(check: Check, facts: Facts, found: Found) -> Finding:
    remedy = found.remedy or check.remedy
    return Finding(
        check.id,
        check.severity(facts) if callable(check.severity) else check.severity,
        found.title or check.title,
        found.cause or check.cause,
        found.evidence,
        remedy(facts) if callable(remedy) else remedy,
        check.stops_password,
    )
