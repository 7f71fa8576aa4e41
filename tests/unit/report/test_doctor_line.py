from __future__ import annotations

import pytest
from hypothesis import given

from creds_session.findings import CheckResult, Finding, Outcome, Severity
from creds_session.report.doctor_line import line
from tests.unit.diagnoses import quick, results
from tests.unit.report.test_doctor import ERROR, WARNING, result

PASSED = result(outcome=Outcome.PASSED)
LOCKED = "no secret can be read here: it is locked [keyring-locked]"
BARE = Finding("bare", Severity.ERROR, "it is bare")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([PASSED], "keyring: a secret can be read in this session"),
        (
            [result(WARNING)],
            "keyring: a secret can be read in this session (1 finding: creds-doctor)",
        ),
        (
            [result(WARNING, ERROR, BARE)],
            f"keyring: {LOCKED}; run: creds unlock (2 other findings: creds-doctor)",
        ),
        ([result(BARE)], "keyring: no secret can be read here: it is bare [bare]"),
    ],
)
def test_line_has_the_verdict_and_the_cure(found: list[CheckResult], told: str) -> None:
    assert line(found) == told


@quick
@given(results)
def test_it_is_one_printable_line(found: list[CheckResult]) -> None:
    assert line(found).isprintable()
