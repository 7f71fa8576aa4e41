from __future__ import annotations

import pytest
from hypothesis import given

from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.verdict import (
    HEALTHY,
    commands,
    count,
    findings,
    has_fix,
    root_cause,
    tally,
    verdict,
)
from creds_session.facts.collection_state import CollectionState
from creds_session.facts.snapshot import Facts
from creds_session.findings import CheckResult, Finding, Outcome, Remediation, Severity
from tests.unit.diagnoses import facts, quick, results
from tests.unit.examples import WELL, bus

LOCKED = WELL._replace(bus=bus(login=CollectionState.LOCKED))
REMEDY = Remediation("unlock it", (("creds", "unlock"), ("rm", "a b")))
ERROR = Finding(
    "keyring-locked", Severity.ERROR, "it is locked", "a key", ("one\ntwo", "x"), REMEDY
)
WARNING = Finding("first-login-fails", Severity.WARNING, "it fails")
NOTE = Finding("noise", Severity.NOTE, "it is loud")
SECOND = Finding("second", Severity.ERROR, "another")


def result(*found: Finding, outcome: Outcome = Outcome.FOUND) -> CheckResult:
    return CheckResult("login-keyring", outcome, "seen", found)


@pytest.mark.parametrize(
    ("made", "given_results", "told"),
    [
        (WELL, [], HEALTHY),
        (WELL, [result(WARNING), result(outcome=Outcome.PASSED)], HEALTHY),
        (
            LOCKED,
            [result(WARNING), result(WARNING, ERROR)],
            "no secret can be read here: it is locked [keyring-locked]",
        ),
        (WELL, [result(ERROR)], "a secret can be read now, but: it is locked [keyring-locked]"),
        (WELL, [result(outcome=Outcome.CRASHED)], "the check login-keyring crashed: seen"),
        (LOCKED, [], "no secret can be read here, and no check that ran found the reason"),
    ],
)
def test_verdict_names_the_first_cause(
    made: Facts, given_results: list[CheckResult], told: str
) -> None:
    assert verdict(Diagnosis(made, tuple(given_results))) == told


def test_tally_tells_of_every_outcome() -> None:
    passed, skipped = result(outcome=Outcome.PASSED), result(outcome=Outcome.SKIPPED)
    follows = skipped._replace(follows_from=("bus-absent",))
    assert tally([passed]) == "1 of 1 check found nothing"
    assert tally([passed, result(ERROR), skipped, skipped, follows]) == (
        "1 of 5 checks found nothing; 1 skipped (caused by bus-absent); 2 could not be checked"
    )


def test_findings_come_the_worst_first_and_the_cause_before_its_effects() -> None:
    told = findings([result(NOTE, WARNING), result(ERROR), result(SECOND)])
    assert [finding.id for finding in told] == [
        *("keyring-locked", "second"),
        *("first-login-fails", "noise"),
    ]
    assert root_cause([result(NOTE), result(ERROR), result(SECOND)]) is ERROR
    assert root_cause([result(WARNING)]) is None


def test_commands_are_lines_for_a_shell() -> None:
    assert commands(ERROR) == ["creds unlock", "rm 'a b'"]
    assert commands(WARNING) == []


@pytest.mark.parametrize(
    ("remedy", "fixes"),
    [
        (None, False),
        (REMEDY, False),
        (REMEDY._replace(is_safe=True), True),
        (Remediation("by hand", is_safe=True), False),
        (Remediation("as root", (("creds", "x"), ("sudo", "y")), is_safe=True), False),
    ],
)
def test_fix_is_offered_where_it_would_do_it(remedy: Remediation | None, fixes: bool) -> None:
    assert has_fix(ERROR._replace(remediation=remedy)) is fixes


def test_count_has_the_noun_in_its_number() -> None:
    assert [count(number, "check") for number in (0, 1, 2)] == ["0 checks", "1 check", "2 checks"]


@quick
@given(facts, results)
def test_the_verdict_is_good_only_where_no_check_has_an_error(
    made: Facts, given_results: list[CheckResult]
) -> None:
    diagnosis = Diagnosis(made, tuple(given_results))
    assert diagnosis.is_healthy is (verdict(diagnosis) == HEALTHY)
