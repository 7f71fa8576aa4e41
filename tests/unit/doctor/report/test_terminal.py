from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.session_map import session_map, tree_lines
from creds_session.doctor.report.terminal import coloured, plain
from creds_session.facts.collection_state import CollectionState
from creds_session.facts.snapshot import Facts
from creds_session.findings import CheckResult, Finding, Outcome, Remediation, Severity
from tests.unit import examples
from tests.unit.diagnoses import facts, quick, results
from tests.unit.doctor.report.test_verdict import ERROR, WARNING, result

FACTS = examples.WELL
LOCKED = examples.WELL._replace(bus=examples.bus(login=CollectionState.LOCKED))
MAP = [guides + node.text for guides, node in tree_lines(session_map(LOCKED), ascii_only=True)]
PASSED = CheckResult("sshd", Outcome.PASSED, "fine")
SKIPPED = CheckResult("daemon", Outcome.SKIPPED, "follows from: sshd", (), ("sshd",))
CRASHED = CheckResult("pam", Outcome.CRASHED, "KeyError: 'x'")
TITLES = {
    "sshd": "sshd is mute",
    "pam": "PAM is deaf",
    "daemon": "no daemon",
    "login-keyring": "it fails",
}
MORE = "creds-doctor --explain {0}"
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def test_plain_shows_verdict_map_cause_evidence_and_cure() -> None:
    told = plain(
        Diagnosis(LOCKED, (PASSED, result(WARNING, ERROR), SKIPPED)), ascii_only=True
    ).split("\n")
    assert told == [
        "no secret can be read here: it is locked [keyring-locked]",
        "",
        *MAP,
        "",
        "error: it is locked [keyring-locked]",
        "  cause  a key",
        "  seen   one",
        "         two",
        "  seen   x",
        "  remedy unlock it",
        "           creds unlock",
        "           rm 'a b'",
        f"  more   {MORE.format('keyring-locked')}",
        "",
        "warning: it fails [first-login-fails]",
        f"  more   {MORE.format('first-login-fails')}",
        "",
        "1 of 3 checks found nothing; 1 skipped (caused by sshd) (-v shows each)",
    ]


def test_fix_is_named_where_it_would_do_it() -> None:
    remedy = Remediation("do it", (("creds", "unlock"),), is_safe=True)
    told = plain(Diagnosis(FACTS, (result(ERROR._replace(remediation=remedy)),)))
    assert "\n  remedy do it (or: creds-doctor --fix)\n" in told


def test_a_note_is_told_in_a_line_unless_all_is_asked_for() -> None:
    note = Finding("x", Severity.NOTE, "loud", "a fan", ("noise",))
    assert "\nnote: loud [x]\n\n0 of 1 check" in plain(Diagnosis(FACTS, (result(note),)))
    assert "\nnote: loud [x]\n  cause  a fan\n" in plain(
        Diagnosis(FACTS, (result(note),)), titles={}
    )


def test_notes_about_logins_are_one_row_where_nobody_logs_in() -> None:
    notes = [
        Finding(name, Severity.NOTE, f"what {name} says", is_moot=is_moot)
        for name, is_moot in (("container-without-init", False), ("a", True), ("b", True))
    ]
    diagnosis = Diagnosis(LOCKED, (result(*notes),))
    told = plain(diagnosis).split("\n")
    assert "note: what container-without-init says [container-without-init]" in told
    assert "note: 2 more notes are only about logins, and nobody logs in here: a, b" in told
    assert not any("what a says" in line for line in told)
    told = plain(diagnosis, titles=TITLES).split("\n")
    assert "note: what a says [a]" in told
    assert not any("more notes" in line for line in told)


def test_with_titles_each_check_is_told() -> None:
    found = [PASSED, CRASHED, SKIPPED, result(WARNING)]
    told = plain(Diagnosis(FACTS, tuple(found)), titles=TITLES).split("\n")
    assert told[-5:] == [
        "What was checked, and whether it was found:",
        "no       sshd           sshd is mute",
        "crashed  pam            PAM is deaf (KeyError: 'x')",
        "-        daemon         no daemon (follows from: sshd)",
        "yes      login-keyring  it fails",
    ]


def test_a_crash_is_told_without_being_asked() -> None:
    told = plain(Diagnosis(FACTS, (PASSED, CRASHED))).split("\n")
    assert told[0] == "the check pam crashed: KeyError: 'x'"
    assert told[-3:] == [
        "the check pam crashed: KeyError: 'x'",
        "",
        "1 of 2 checks found nothing (-v shows each)",
    ]


@pytest.mark.parametrize(("made", "sign"), [(FACTS, "\N{OPEN LOCK}"), (LOCKED, "\N{LOCK}")])
def test_locks_are_signs_where_the_terminal_has_them(made: Facts, sign: str) -> None:
    assert f"└─ {sign} keyring login" in plain(Diagnosis(made, ()))
    assert plain(Diagnosis(made, ()), ascii_only=True).isascii()
    assert f"└── {sign} keyring login" in coloured(Diagnosis(made, ()), 80, colour=False)


def test_without_colour_no_escape_is_sent() -> None:
    assert "\x1b" not in coloured(Diagnosis(LOCKED, (result(ERROR, WARNING),)), 80, colour=False)


def test_colour_adds_styles_alone() -> None:
    diagnosis = Diagnosis(LOCKED, (result(ERROR, WARNING),))
    told = coloured(diagnosis, 80)
    assert told.startswith("\x1b[1;31mno secret can be read here")
    assert STYLE.sub("", told) == coloured(
        Diagnosis(LOCKED, (result(ERROR, WARNING),)), 80, colour=False
    )


def test_prose_is_wrapped_under_itself_and_what_is_copied_is_not() -> None:
    long = " ".join(["word"] * 30)
    finding = ERROR._replace(cause=long, evidence=(long,))
    told = coloured(Diagnosis(FACTS, (result(finding),)), 60, colour=False).split("\n")
    begin = next(n for n, line in enumerate(told) if line.startswith("  cause  word"))
    assert told[begin + 1].startswith("         word")
    assert len(told[begin]) <= 60
    assert f"  seen   {long}" in told


def test_markup_of_others_is_text() -> None:
    finding = Finding("x", Severity.NOTE, "[red]a[/red] :skull:", evidence=("[/]",))
    assert "note: [red]a[/red] :skull: [x]" in coloured(
        Diagnosis(FACTS, (result(finding),)), 80, colour=False
    )


@quick
@given(facts, results, st.integers(1, 200), st.none() | st.just({"a": "b"}))
def test_nothing_acts_on_the_terminal(
    made: Facts,
    found: list[CheckResult],
    width: int,
    titles: dict[str, str] | None,
) -> None:
    for told in (
        plain(Diagnosis(made, tuple(found)), titles=titles),
        STYLE.sub("", coloured(Diagnosis(made, tuple(found)), width, titles=titles)),
    ):
        assert all(line.isprintable() for line in told.split("\n"))


@quick
@given(facts, results)
def test_the_terminal_and_the_pipe_say_the_same(made: Facts, found: list[CheckResult]) -> None:
    """But for where lines end, and how the guides of the map are drawn."""
    guides = re.compile(r"[\s│├└─]+")
    told = [
        plain(Diagnosis(made, tuple(found))),
        coloured(Diagnosis(made, tuple(found)), 110, colour=False),
    ]
    one, other = (guides.sub("", text) for text in told)
    assert one == other
