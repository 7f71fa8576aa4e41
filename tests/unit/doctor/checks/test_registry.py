from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from creds_session.doctor.checks import CHECKS, Check, run
from creds_session.doctor.checks.registry import select
from creds_session.facts.snapshot import Facts
from creds_session.findings import Finding, Found, NotJudged, Outcome, Remediation, Severity
from tests.unit.examples import WELL

if TYPE_CHECKING:
    from creds_session.doctor.checks.registry import Judge, Level


def found(_facts: Facts) -> Found:
    return Found(("seen",))


def passed(_facts: Facts) -> None:
    return None


def not_judged(_facts: Facts) -> NotJudged:
    return NotJudged("no facts")


def crashed(_facts: Facts) -> Found:
    raise KeyError("oops")


def check(name: str, judge: Judge, severity: Level = Severity.ERROR, *needs: str) -> Check:
    return Check(name, "area", severity, "title", judge, needs=needs)


def outcomes(*checks: Check) -> list[Outcome]:
    return [result.outcome for result in run(checks, WELL)]


def test_a_cause_silences_its_consequences_and_theirs() -> None:
    cause = check("cause", found)
    effect = check("effect", passed, Severity.ERROR, "cause")
    further = check("further", passed, Severity.ERROR, "effect")
    beside = check("beside", passed)
    results = {one.check: one for one in run((cause, effect, further, beside), WELL)}
    assert [results[name].outcome for name in ("cause", "effect", "further", "beside")] == [
        Outcome.FOUND,
        Outcome.SKIPPED,
        Outcome.SKIPPED,
        Outcome.PASSED,
    ]
    assert results["effect"].summary == "follows from: cause"
    assert results["further"].follows_from == ("cause",)


def test_a_note_silences_nothing() -> None:
    note = Severity.NOTE
    cause, effect = check("cause", found, note), check("effect", passed, note, "cause")
    assert outcomes(cause, effect) == [Outcome.FOUND, Outcome.PASSED]
    assert not any(result.has_error for result in run((cause, effect), WELL))


def test_what_was_not_judged_silences_nothing() -> None:
    cause, effect = check("cause", not_judged), check("effect", found, Severity.ERROR, "cause")
    results = run((cause, effect), WELL)
    assert [(one.check, one.outcome) for one in results] == [
        ("effect", Outcome.FOUND),
        ("cause", Outcome.SKIPPED),
    ]
    assert results[1].summary == "not judged: no facts"


def test_errors_come_first_and_a_check_that_crashed_is_one_of_them() -> None:
    checks = (
        check("well", passed),
        check("note", found, Severity.NOTE),
        check("warning", found, Severity.WARNING),
        check("crashed", crashed, Severity.NOTE),
        check("error", found),
    )
    listed = [one.check for one in run(checks, WELL)]
    assert listed == ["crashed", "error", "warning", "note", "well"]


def test_a_crash_is_a_result_and_an_error_and_hides_no_other_check() -> None:
    checks = (
        check("bad", crashed),
        check("effect", passed, Severity.ERROR, "bad"),
        check("good", passed),
    )
    results = run(checks, WELL)
    assert [one.outcome for one in results] == [Outcome.CRASHED, Outcome.SKIPPED, Outcome.PASSED]
    assert results[0].has_error
    assert results[0].summary == "KeyError: 'oops'"


def test_errors_come_before_warnings_and_notes_each_in_the_order_of_the_checks() -> None:
    checks = (
        check("fine", passed),
        check("note", found, Severity.NOTE),
        check("warning", found, Severity.WARNING),
        check("first", found),
        check("second", found, lambda _facts: Severity.ERROR),
    )
    told = [one.check for one in run(checks, WELL)]
    assert told == ["first", "second", "warning", "note", "fine"]


def test_a_finding_has_what_its_check_says_where_the_judge_knows_no_better() -> None:
    remedy = Remediation("do", (("it",),))
    entry = check("id", found)._replace(cause="why", remedy=lambda _facts: remedy)
    (result,) = run((entry,), WELL)
    expected = Finding("id", Severity.ERROR, "title", "why", ("seen",), remedy)
    assert result.findings == (expected,)
    other = Remediation("else")
    better = entry._replace(judge=lambda _facts: Found((), "better", "because", other))
    (result,) = run((better,), WELL)
    assert result.findings == (Finding("id", Severity.ERROR, "better", "because", (), other),)


def test_select_takes_what_is_asked_for_and_leaves_what_is_skipped() -> None:
    checks = (check("a", passed), check("b", passed), check("c", passed))
    assert [one.id for one in select(checks, (), ("b",))] == ["a", "c"]
    assert [one.id for one in select(checks, ("c", "b"), ("b",))] == ["c"]


def test_every_check_has_its_own_id_and_needs_only_earlier_ones() -> None:
    ids = [check.id for check in CHECKS]
    assert len(set(ids)) == len(ids)
    for number, entry in enumerate(CHECKS):
        assert set(entry.needs) <= set(ids[:number]), entry.id


@pytest.mark.parametrize("entry", CHECKS, ids=lambda entry: entry.id)
def test_every_check_says_what_is_wrong_and_why(entry: Check) -> None:
    assert re.fullmatch("[a-z]+(-[a-z]+)+", entry.id)
    assert entry.title
    assert not entry.title.endswith(".")
    assert entry.cause
