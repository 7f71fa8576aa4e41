from __future__ import annotations

import pytest
from hypothesis import given

from creds_session.findings import CheckResult, Finding, Outcome, Remediation, Severity
from creds_session.report.doctor import (
    HEALTHY,
    commands,
    count,
    findings,
    is_healthy,
    root_cause,
    verdict,
)
from tests.unit.diagnoses import quick, results

CURE = Remediation("unlock it", (("creds", "unlock"), ("rm", "a b")))
ERROR = Finding("keyring-locked", Severity.ERROR, "it is locked", "a key", ("one\ntwo", "x"), CURE)
WARNING = Finding("first-login-fails", Severity.WARNING, "it fails")
NOTE = Finding("noise", Severity.NOTE, "it is loud")
SECOND = Finding("second", Severity.ERROR, "another")


def result(*found: Finding, outcome: Outcome = Outcome.FOUND) -> CheckResult:
    return CheckResult("login-keyring", outcome, "seen", found)


@pytest.mark.parametrize(
    ("given_results", "told"),
    [
        ([], HEALTHY),
        ([result(WARNING), result(outcome=Outcome.PASSED)], HEALTHY),
        ([result(WARNING), result(WARNING, ERROR)], "no secret can be read here: it is locked"),
        ([result(outcome=Outcome.CRASHED)], "the check login-keyring crashed: seen"),
    ],
)
def test_verdict_names_the_first_cause(given_results: list[CheckResult], told: str) -> None:
    assert verdict(given_results).startswith(told)


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


def test_count_has_the_noun_in_its_number() -> None:
    assert [count(number, "check") for number in (0, 1, 2)] == ["0 checks", "1 check", "2 checks"]


@quick
@given(results)
def test_the_verdict_is_good_only_where_no_check_has_an_error(
    given_results: list[CheckResult],
) -> None:
    assert is_healthy(given_results) is (verdict(given_results) == HEALTHY)
