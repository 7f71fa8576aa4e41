from __future__ import annotations

import pytest

from creds_session.pam.stack.dispatch import TraceEntry, Verdict
from creds_session.pam.stack.resolve import Stacks, resolve_all
from creds_session.pam.syntax.terms import Action, Call, Pass
from creds_session.setup_pam.explain.simulation import parse_override, simulate
from creds_session.setup_pam.explain.simulation_report import (
    returned_text,
    simulation_lines,
    simulation_values,
)

FILES = {
    "/etc/pam.d/svc": (
        b"auth [success=1 default=ignore] pam_unix.so nullok try_first_pass\n"
        b"auth requisite pam_deny.so\n"
        b"auth include more\n"
        b"password required a.so\n"
    ),
    "/etc/pam.d/more": b"# first\nauth required pam_per\xff.so\nauth substack odd\n",
    "/etc/pam.d/odd": b"nonsense\n",
}


@pytest.fixture
def stacks() -> Stacks:
    return resolve_all("svc", FILES.get)


def verdict(stacks: Stacks, call: Call, *given: str) -> Verdict:
    return simulate(stacks, call, [parse_override(text) for text in given])


def test_values_are_exactly_those_of_the_contract(stacks: Stacks) -> None:
    found = simulation_values("svc", verdict(stacks, Call.AUTHENTICATE, "pam_unix.so=auth_err"))
    assert found == {
        "service": "svc",
        "call": "authenticate",
        "result": "auth_err",
        "code": 7,
        "trace": [
            {
                "file": "/etc/pam.d/svc",
                "line": 1,
                "type": "auth",
                "module": "pam_unix.so",
                "arguments": ["nullok", "try_first_pass"],
                "returned": "auth_err",
                "action": "ignore",
            },
            {
                "file": "/etc/pam.d/svc",
                "line": 2,
                "type": "auth",
                "module": "pam_deny.so",
                "arguments": [],
                "returned": "auth_err",
                "action": "die",
            },
        ],
    }


def test_values_of_jumps_broken_rules_and_both_passes(stacks: Stacks) -> None:
    trace = simulation_values("svc", verdict(stacks, Call.AUTHENTICATE))["trace"]
    assert isinstance(trace, list)
    assert [(e["line"], e["module"], e["returned"], e["action"]) for e in trace] == [
        (1, "pam_unix.so", "success", "1"),
        (2, "pam_per\udcff.so", "success", "ok"),
        (1, "", "perm_denied", "bad"),
    ]
    both = simulation_values("svc", verdict(stacks, Call.CHAUTHTOK))["trace"]
    assert isinstance(both, list)
    assert [entry["module"] for entry in both] == ["a.so", "a.so"]


def test_lines_are_a_table_with_the_skipped(stacks: Stacks) -> None:
    assert simulation_lines(stacks.auth, verdict(stacks, Call.AUTHENTICATE)) == [
        "authenticate",
        "rule    module              returned     action",
        "svc:1   pam_unix.so         success      jump 1",
        "svc:2   pam_deny.so         -            skipped: svc:1 jumps over 1",
        r"more:2  pam_per\udcff.so    success      ok",
        "odd:1   (a malformed rule)  perm_denied  bad",
        "",
        "authenticate of svc returns perm_denied (6)",
    ]


def test_lines_of_both_halves_of_chauthtok(stacks: Stacks) -> None:
    lines = simulation_lines(stacks.password, verdict(stacks, Call.CHAUTHTOK, "a=try_again"))
    assert lines == [
        "prelim",
        "rule   module  returned   action",
        "svc:4  a.so    try_again  bad",
        "",
        "update",
        "rule   module  returned  action",
        "svc:4  a.so    -         not called",
        "",
        "chauthtok of svc returns try_again (24)",
    ]


@pytest.mark.parametrize(
    ("pass_", "returned", "deciding", "text"),
    [
        (Pass.AUTHENTICATE, 7, 7, "auth_err"),
        (Pass.SETCRED, 7, 7, "auth_err"),
        (Pass.SETCRED, 0, 7, "success (libpam uses authenticate's auth_err)"),
        (Pass.CLOSE_SESSION, 14, 0, "session_err (libpam uses open_session's success)"),
        (Pass.SETCRED, 99, 99, "99"),
    ],
)
def test_a_frozen_value_says_which_value_it_uses(
    stacks: Stacks, pass_: Pass, returned: int, deciding: int, text: str
) -> None:
    handler = stacks.auth.handlers[0]
    assert returned_text(TraceEntry(handler, pass_, returned, deciding, Action.OK)) == text
