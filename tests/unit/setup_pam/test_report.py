from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creds_session.pam.keyring_rules.group_verdict import GroupVerdict
from creds_session.pam.keyring_rules.plan import Edit, Plan
from creds_session.pam.syntax.terms import ManagementGroup
from creds_session.setup_pam.report import (
    alarm_lines,
    reasons,
    unified_diff,
    verdict_lines,
    verdict_values,
)

AUTH = ManagementGroup.AUTH


@pytest.mark.parametrize(
    ("verdict", "line"),
    [
        (GroupVerdict(AUTH, present=True, reached=True), "present, reached, proved safe"),
        (GroupVerdict(AUTH, present=False, reached=False, problem="no rule"), "no rule"),
        (
            GroupVerdict(AUTH, present=False, reached=False, applies=False),
            "not needed: no module here asks for a password",
        ),
    ],
)
def test_verdict_lines_say_it_in_words(verdict: GroupVerdict, line: str) -> None:
    assert verdict_lines([verdict]) == [f"auth      {line}"]


def test_verdict_values_have_every_part() -> None:
    verdict = GroupVerdict(AUTH, present=True, reached=False, problem="never reached")
    assert verdict_values([verdict]) == [
        {
            "group": "auth",
            "applies": True,
            "present": True,
            "reached": False,
            "proved_safe": False,
            "problem": "never reached",
        }
    ]


def test_what_is_assumed_is_printed_with_the_verdict() -> None:
    verdict = GroupVerdict(AUTH, present=True, reached=True, notes=("pam_x.so is not known",))
    assert verdict_lines([verdict]) == [
        "auth      present, reached, proved safe; pam_x.so is not known"
    ]
    assert verdict_values([verdict])[0]["notes"] == ["pam_x.so is not known"]
    left = verdict._replace(applies=False, notes=("the service has no rules of its own",))
    assert verdict_lines([left]) == ["auth      not needed: the service has no rules of its own"]


def test_a_wrong_password_that_is_let_in_is_reported_loudly() -> None:
    way = "a wrong password is let in, when\n  pam_permit.so (/a:1)"
    lines = alarm_lines("sshd", way, "remove /a:1")
    assert lines[0] == "WARNING: sshd lets people in with a WRONG PASSWORD"
    assert lines[2] == "  pam_permit.so (/a:1)"
    assert lines[3].startswith("  remove /a:1; do this yourself while you are logged in")
    verdict = GroupVerdict(AUTH, present=True, reached=True, alarm="a way", alarm_remedy="that")
    values = verdict_values([verdict])[0]
    assert values["lets_wrong_password_in"] == "a way"
    assert values["wrong_password_remedy"] == "that"


def test_unified_diff_is_what_diff_u_shows() -> None:
    assert unified_diff("/a", b"one\ntwo\n", b"one\nnew\ntwo\n") == (
        "--- /a\n+++ /a\n@@ -1,2 +1,3 @@\n one\n+new\n two\n"
    )
    assert unified_diff("/a", None, b"new\n") == "--- /dev/null\n+++ /a\n@@ -0,0 +1 @@\n+new\n"
    assert unified_diff("/a", b"same\n", b"same\n") == ""


def test_unified_diff_shows_odd_bytes_and_a_missing_newline() -> None:
    diff = unified_diff("/a", b"\xff", b"\xff\nnew\n")
    assert diff == (
        "--- /a\n+++ /a\n@@ -1 +1,2 @@\n-\\xff\n\\ No newline at end of file\n+\\xff\n+new\n"
    )


def test_what_would_act_on_a_terminal_is_shown_as_what_it_is() -> None:
    verdict = GroupVerdict(AUTH, present=True, reached=False, problem="a\x1b[2J\n\tb\r")
    assert verdict_lines([verdict]) == ["auth      a\\x1b[2J\n\tb\\r"]
    diff = unified_diff("/a\x1b\n+x", b"a\tb\n", b"a\tb\n\x1b]0;x\x07\r\n\xc2\x9b\n")
    told = "--- {0}\n+++ {0}\n@@ -1 +1,3 @@\n a\tb\n+\\x1b]0;x\\x07\\r\n+\\x9b\n"
    assert diff == told.format("/a\\x1b\\n+x")


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_unified_diff_never_fails_and_shows_every_difference(before: bytes, after: bytes) -> None:
    shown = (before.decode("utf-8", "backslashreplace"), after.decode("utf-8", "backslashreplace"))
    assert bool(unified_diff("/a", before, after)) is (shown[0] != shown[1])


def test_reasons_name_the_line_and_the_word() -> None:
    edits = (Edit(0, b"include", b"substack", 1, "why"), Edit(9, b"", b"auth x\n", 2, "because"))
    etc = Plan("s", "/etc/pam.d/s", "/etc/pam.d/s", b"", edits, (), ())
    lines = ["/etc/pam.d/s:1: include becomes substack: why", "/etc/pam.d/s:2: auth x: because"]
    assert reasons(etc) == lines
    vendor = reasons(etc._replace(path="/usr/lib/pam.d/s"))
    assert vendor[1:] == lines
    assert vendor[0].startswith("/etc/pam.d/s: a copy of /usr/lib/pam.d/s")
