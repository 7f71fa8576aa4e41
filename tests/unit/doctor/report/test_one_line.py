from __future__ import annotations

import pytest
from hypothesis import given

from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.one_line import line
from creds_session.facts.snapshot import Facts
from creds_session.findings import CheckResult, Finding, Outcome, Severity
from tests.unit.diagnoses import facts, quick, results
from tests.unit.doctor.report.test_verdict import ERROR, LOCKED, NOTE, WARNING, result
from tests.unit.examples import WELL

PASSED = result(outcome=Outcome.PASSED)
CAUSE = "no secret can be read here: it is locked [keyring-locked]"
BARE = Finding("bare", Severity.ERROR, "it is bare")


@pytest.mark.parametrize(
    ("made", "found", "told"),
    [
        (WELL, [PASSED, result(NOTE)], "keyring: a secret can be read in this session"),
        (
            WELL,
            [result(NOTE, WARNING)],
            "keyring: a secret can be read in this session (1 finding: creds-doctor)",
        ),
        (
            LOCKED,
            [result(WARNING, ERROR, BARE)],
            f"keyring: {CAUSE}; run: creds unlock (2 other findings: creds-doctor)",
        ),
        (LOCKED, [result(BARE)], "keyring: no secret can be read here: it is bare [bare]"),
    ],
)
def test_line_has_the_verdict_and_the_cure(
    made: Facts, found: list[CheckResult], told: str
) -> None:
    assert line(Diagnosis(made, tuple(found))) == told


@quick
@given(facts, results)
def test_it_is_one_printable_line(made: Facts, found: list[CheckResult]) -> None:
    assert line(Diagnosis(made, tuple(found))).isprintable()
