"""The checks, in the order from cause to effect, and how they are run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from creds_session.facts import Facts
from creds_session.findings import CheckResult, Outcome, Seen

Judge = Callable[[Facts], Seen]


class Check(NamedTuple):
    """One question to the facts. ``needs`` names the checks whose error makes this one idle."""

    name: str
    judge: Judge
    needs: tuple[str, ...] = ()


def run(checks: Iterable[Check], facts: Facts) -> tuple[CheckResult, ...]:
    """Run the checks in order; a cause silences its consequences, a crash is a result."""
    results: dict[str, CheckResult] = {}
    for check in checks:
        blocking = [name for name in check.needs if name in results and _blocks(results[name])]
        if blocking:
            reason = f"follows from: {', '.join(blocking)}"
            results[check.name] = CheckResult(check.name, Outcome.SKIPPED, reason)
        else:
            results[check.name] = _run_one(check, facts)
    return tuple(results.values())


def _blocks(result: CheckResult) -> bool:
    return result.has_error or result.outcome is Outcome.SKIPPED


def _run_one(check: Check, facts: Facts) -> CheckResult:
    try:
        seen = check.judge(facts)
    except Exception as error:  # noqa: BLE001 - a crashed check must not hide the others
        return CheckResult(check.name, Outcome.CRASHED, f"{type(error).__name__}: {error}")
    outcome = Outcome.FOUND if seen.findings else Outcome.PASSED
    return CheckResult(check.name, outcome, seen.summary, seen.findings)
