from __future__ import annotations

from collections.abc import Callable

from creds_session.checks import CHECKS, Check, run
from creds_session.facts import Facts
from creds_session.findings import Finding, Outcome, Seen, Severity
from tests.unit.examples import WELL


def found(severity: Severity) -> Callable[[Facts], Seen]:
    return lambda _facts: Seen("seen", (Finding("some-id", severity, "title"),))


def passed(_facts: Facts) -> Seen:
    return Seen("fine")


def crashed(_facts: Facts) -> Seen:
    raise KeyError("oops")


def outcomes(*checks: Check) -> list[Outcome]:
    return [result.outcome for result in run(checks, WELL)]


def test_a_cause_silences_its_consequences_and_theirs() -> None:
    cause = Check("cause", found(Severity.ERROR))
    effect = Check("effect", passed, needs=("cause",))
    further = Check("further", passed, needs=("effect",))
    beside = Check("beside", passed)
    assert outcomes(cause, effect, further, beside) == [
        Outcome.FOUND,
        Outcome.SKIPPED,
        Outcome.SKIPPED,
        Outcome.PASSED,
    ]
    assert run((cause, effect), WELL)[1].summary == "follows from: cause"


def test_a_warning_silences_nothing() -> None:
    for severity in (Severity.WARNING, Severity.NOTE):
        cause = Check("cause", found(severity))
        effect = Check("effect", passed, needs=("cause",))
        assert outcomes(cause, effect) == [Outcome.FOUND, Outcome.PASSED]
        assert not any(result.has_error for result in run((cause, effect), WELL))


def test_a_crash_is_a_result_and_an_error_and_hides_no_other_check() -> None:
    checks = (
        Check("bad", crashed),
        Check("effect", passed, needs=("bad",)),
        Check("good", passed),
    )
    results = run(checks, WELL)
    assert [one.outcome for one in results] == [Outcome.CRASHED, Outcome.SKIPPED, Outcome.PASSED]
    assert results[0].has_error
    assert results[0].summary == "KeyError: 'oops'"


def test_every_check_has_its_own_name_and_needs_only_earlier_ones() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    for number, check in enumerate(CHECKS):
        assert set(check.needs) <= set(names[:number])


def test_every_check_states_in_its_docstring_what_is_so_on_a_healthy_machine() -> None:
    assert all((check.judge.__doc__ or "").split("\n")[0].endswith(".") for check in CHECKS)
