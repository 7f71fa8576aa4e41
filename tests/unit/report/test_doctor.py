from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creds_session.findings import CheckResult, Finding, Outcome, Remediation, Severity
from creds_session.report.doctor import lines, values, verdict
from creds_session.report.text import printable

CURE = Remediation("unlock it", (("creds", "unlock"), ("rm", "a b")))
ERROR = Finding("keyring-locked", Severity.ERROR, "it is locked", "a key", ("one\ntwo", "x"), CURE)
WARNING = Finding("first-login-fails", Severity.WARNING, "it fails")
HEALTHY = "a secret can be read in this session"


def result(*findings: Finding, outcome: Outcome = Outcome.FOUND) -> CheckResult:
    return CheckResult("login-keyring", outcome, "seen", findings)


def test_lines_show_cause_evidence_and_cure() -> None:
    assert lines([result(ERROR)]) == [
        "ERROR    it is locked [keyring-locked]",
        "           cause: a key",
        "           seen:  one",
        "                  two",
        "           seen:  x",
        "           cure:  unlock it",
        "                  creds unlock",
        "                  rm 'a b'",
        "no secret can be read here: it is locked [keyring-locked]",
    ]


@pytest.mark.parametrize(
    ("one", "word"),
    [
        (result(outcome=Outcome.PASSED), "ok       1 of 1 checks found nothing"),
        (result(outcome=Outcome.SKIPPED), "-        seen: login-keyring"),
        (result(outcome=Outcome.CRASHED), "CRASHED  login-keyring: seen"),
        (result(WARNING), "WARNING  it fails [first-login-fails]"),
    ],
)
def test_lines_tell_every_outcome(one: CheckResult, word: str) -> None:
    assert lines([one])[0] == word


@pytest.mark.parametrize(
    ("results", "told"),
    [
        ([], HEALTHY),
        ([result(WARNING), result(outcome=Outcome.PASSED)], HEALTHY),
        ([result(WARNING), result(WARNING, ERROR)], "no secret can be read here: it is locked"),
        ([result(outcome=Outcome.CRASHED)], "the check login-keyring crashed: seen"),
    ],
)
def test_verdict_names_the_first_cause(results: list[CheckResult], told: str) -> None:
    assert verdict(results).startswith(told)


def test_values_are_json_with_everything_in_it() -> None:
    told = json.loads(json.dumps(values([result(ERROR, WARNING)])))
    assert told == {
        "healthy": False,
        "verdict": "no secret can be read here: it is locked [keyring-locked]",
        "checks": [
            {
                "check": "login-keyring",
                "outcome": "found",
                "summary": "seen",
                "follows_from": [],
                "findings": [
                    {
                        "id": "keyring-locked",
                        "severity": "error",
                        "title": "it is locked",
                        "cause": "a key",
                        "evidence": ["one\ntwo", "x"],
                        "remediation": {
                            "text": "unlock it",
                            "commands": [["creds", "unlock"], ["rm", "a b"]],
                            "is_safe": False,
                        },
                    },
                    {
                        "id": "first-login-fails",
                        "severity": "warning",
                        "title": "it fails",
                        "cause": "",
                        "evidence": [],
                        "remediation": None,
                    },
                ],
            }
        ],
    }


words = st.text(max_size=9)
evidence = st.lists(words.filter(bool), max_size=2).map(tuple)
found = st.builds(
    Finding, words, st.sampled_from(Severity), words, words, evidence, st.sampled_from([None, CURE])
)
results = st.lists(
    st.builds(
        CheckResult, words, st.sampled_from(Outcome), words, st.lists(found, max_size=3).map(tuple)
    ).filter(lambda one: bool(one.findings) is (one.outcome is Outcome.FOUND)),
    max_size=4,
)


@given(results)
def test_the_verdict_is_good_only_where_no_check_has_an_error(
    given_results: list[CheckResult],
) -> None:
    told = values(given_results)
    assert told["healthy"] is (told["verdict"] == HEALTHY)
    assert lines(given_results)[-1] == printable(str(told["verdict"]))
    assert all(line.isprintable() for line in lines(given_results))
    json.dumps(told)


def test_lines_stand_empty_evidence() -> None:
    assert lines([result(Finding("x", Severity.NOTE, "title", evidence=("",)))])


def test_lines_of_evidence_cannot_act_on_the_terminal() -> None:
    evidence = ("one\n\x1b]0;title\x07\rok", "gnome-keyring-daemon: \udcff")
    told = lines([result(Finding("x", Severity.NOTE, "a\x1bb", evidence=evidence))])
    assert told[1:4] == [
        "           seen:  one",
        "                  \\x1b]0;title\\x07\\rok",
        "           seen:  gnome-keyring-daemon: \\udcff",
    ]
    assert all(line.isprintable() for line in told)
