from __future__ import annotations

import re

import pytest
from hypothesis import given

from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.nagios import Status, plugin_output, status, unknown
from creds_session.facts.session import DaemonRole
from creds_session.facts.snapshot import Facts
from creds_session.findings import CheckResult, Outcome
from tests.unit import examples
from tests.unit.diagnoses import facts, quick, results
from tests.unit.doctor.report.test_verdict import ERROR, LOCKED, NOTE, WARNING, result
from tests.unit.examples import WELL

PASSED, CRASHED = result(outcome=Outcome.PASSED), result(outcome=Outcome.CRASHED)
# Monitoring Plugins Development Guidelines, "Performance data".
NUMBER = r"-?[0-9.]+"
FIGURE = rf"[a-z]+={NUMBER}(s|%|c|[KMGT]?B)?(;({NUMBER})?){{0,4}}"


@pytest.mark.parametrize(
    ("made", "found", "state", "code"),
    [
        (WELL, [], Status.OK, 0),
        (LOCKED, [], Status.CRITICAL, 2),
        (LOCKED, [CRASHED], Status.UNKNOWN, 3),
        (WELL, [PASSED, result(NOTE)], Status.OK, 0),
        (WELL, [result(WARNING, NOTE)], Status.WARNING, 1),
        (WELL, [CRASHED, result(WARNING, ERROR)], Status.CRITICAL, 2),
        (WELL, [CRASHED, result(WARNING)], Status.UNKNOWN, 3),
    ],
)
def test_status_is_the_worst(
    made: Facts, found: list[CheckResult], state: Status, code: int
) -> None:
    assert status(Diagnosis(made, tuple(found))) is state
    assert status(Diagnosis(made, tuple(found))).value == code


def test_plugin_output_has_text_figures_and_all_findings() -> None:
    daemon = examples.daemon(DaemonRole.LOGIN, age=90)
    made = examples.WELL._replace(bus=examples.bus(owner=None, login=None), daemons=(daemon,))
    assert plugin_output(Diagnosis(made, (PASSED, result(WARNING, ERROR)))) == (
        "KEYRING CRITICAL: no secret can be read here: it is locked [keyring-locked]"
        " | errors=1;;0;0 warnings=1;0;;0 notes=0;;;0 checks=2;;;0 daemons=1;;;0 waiting=30s;;;0\n"
        "error: it is locked [keyring-locked]\n"
        "warning: it fails [first-login-fails]"
    )


def test_a_warning_is_named_beside_the_good_verdict() -> None:
    told = plugin_output(Diagnosis(examples.WELL, (result(WARNING),)))
    assert told.startswith(
        "KEYRING WARNING: a secret can be read in this session;"
        " it fails [first-login-fails] | errors=0;;0;0 warnings=1;0;;0"
    )


def test_what_could_not_look_says_so_in_one_line() -> None:
    assert unknown("a|b\nc") == "KEYRING UNKNOWN: a/b\\nc"


@quick
@given(facts, results)
def test_text_of_others_is_no_performance_data(made: Facts, found: list[CheckResult]) -> None:
    first, *below = plugin_output(Diagnosis(made, tuple(found))).split("\n")
    text, figures = first.split(" | ")
    assert "|" not in text + "".join(below)
    assert all(re.fullmatch(FIGURE, figure) for figure in figures.split(" "))
    assert all(line.isprintable() for line in (first, *below))
