from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creds_session.errors import UsageError
from creds_session.pam.stack.resolve import Stacks, resolve_all
from creds_session.pam.syntax.terms import Call, Dialect, Pass, ReturnValue, return_word
from creds_session.setup_pam.explain.simulation import (
    Override,
    parse_override,
    require_known_modules,
    simulate,
    unused_overrides,
)
from creds_session.setup_pam.explain.trace import effect, fates, how_skipped

AUTH_ERR = ReturnValue.AUTH_ERR
BOTH = (Pass.PRELIM, Pass.UPDATE)


def load(text: str, dialect: Dialect = Dialect.DEBIAN_1_7, **more: str) -> Stacks:
    files = {f"/etc/pam.d/{name}": data.encode() for name, data in {"svc": text, **more}.items()}
    return resolve_all("svc", files.get, dialect=dialect)


def said(line: str) -> list[Override]:
    return [parse_override(word) for word in line.split()]


def result(stacks: Stacks, line: str, call: Call = Call.AUTHENTICATE) -> str:
    return return_word(simulate(stacks, call, said(line)).result)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.so=auth_err", ("a.so", (), "", 0)),
        ("a=auth_err", ("a", (), "", 0)),
        ("/lib/x=y/a.so=auth_err", ("/lib/x=y/a.so", (), "", 0)),
        ("setcred:a.so=auth_err", ("a.so", (Pass.SETCRED,), "", 0)),
        ("prelim:a.so=auth_err", ("a.so", (Pass.PRELIM,), "", 0)),
        ("chauthtok:a.so=auth_err", ("a.so", BOTH, "", 0)),
        ("a.so@/etc/pam.d/x:12=auth_err", ("a.so", (), "/etc/pam.d/x", 12)),
        ("update:a.so@od:d@file:7=auth_err", ("a.so", (Pass.UPDATE,), "od:d@file", 7)),
    ],
)
def test_parse_override(text: str, expected: tuple[object, ...]) -> None:
    one = parse_override(text)
    assert (one.module, one.passes, one.file, one.line) == expected
    assert (one.text, one.value) == (text, AUTH_ERR)


@pytest.mark.parametrize("value", ReturnValue)
def test_every_return_value_has_its_word(value: ReturnValue) -> None:
    assert parse_override(f"a.so={value.word}").value is value


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        ("", "not of the form", ""),
        ("a.so", "not of the form", ""),
        ("=auth_err", "not of the form", ""),
        ("setcred:=auth_err", "not of the form", ""),
        ("a.so@=auth_err", "not of the form", ""),
        ("a.so@file=auth_err", "not of the form", ""),
        ("a.so@:3=auth_err", "not of the form", ""),
        ("a.so@file:x=auth_err", "not of the form", ""),
        ("a.so@file:\N{ARABIC-INDIC DIGIT TWO}=auth_err", "not of the form", ""),
        ("a.so@file:1234567890=auth_err", "not of the form", ""),
        ("a.so@file:0=auth_err", "counted from 1", ""),
        ("a.so=nonsense", "no return value 'nonsense'", "auth_err, "),
        ("a.so=", "no return value ''", "success, "),
        ("a.so=AUTH_ERR", "no return value 'AUTH_ERR'", "success, "),
        ("login:a.so=auth_err", "no call 'login'", "prelim, update"),
        (":a.so=auth_err", "no call ''", "authenticate, "),
    ],
)
def test_parse_override_refuses(text: str, problem: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_override(text)
    assert caught.value.problem.startswith(f"--returns {text}: ")
    assert problem in caught.value.problem
    assert hint in caught.value.hint


DEBIAN = "auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n"


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("auth required a.so", "", "success"),
        ("auth required a.so", "a.so=auth_err", "auth_err"),
        ("auth required a.so", "a=auth_err", "auth_err"),
        ("auth required a.so", "authenticate:a.so=maxtries", "maxtries"),
        ("auth required /lib/a.so", "/lib/a.so=auth_err", "auth_err"),
        ("auth required /lib/a.so", "a.so=auth_err", "auth_err"),
        ("auth required a.so\nauth required a.so", "a.so@svc:2=auth_err", "auth_err"),
        ("auth optional a.so\nauth required a.so", "a.so@svc:1=auth_err", "success"),
        ("auth required a.so\nauth optional a.so", "a.so@/etc/pam.d/svc:1=cred_err", "cred_err"),
        (DEBIAN + "auth required pam_permit.so", "", "success"),
        (DEBIAN + "auth required pam_permit.so", "pam_unix.so=auth_err", "auth_err"),
        (DEBIAN, "pam_unix.so=auth_err pam_deny.so=success", "success"),
        ("auth required pam_debug.so auth=maxtries", "", "maxtries"),
        ("auth required pam_debug.so auth=maxtries", "pam_debug.so=success", "success"),
        ("auth required a.so\nbad", "", "perm_denied"),
        ("auth required a.so", "a.so=incomplete", "incomplete"),
    ],
)
def test_authenticate(text: str, line: str, expected: str) -> None:
    stacks = load(text)
    require_known_modules(stacks, Call.AUTHENTICATE, said(line))
    assert result(stacks, line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a.so=auth_err a.so@svc:1=success", "success"),
        ("a.so@svc:1=success a.so=auth_err", "success"),
        ("authenticate:a.so=success a.so=auth_err", "success"),
        ("a.so@svc:1=success authenticate:a.so=auth_err", "success"),
        ("a.so=success a.so=auth_err", "auth_err"),
        ("a.so=auth_err a.so=success", "success"),
    ],
)
def test_a_place_goes_before_a_call_before_the_last(line: str, expected: str) -> None:
    assert result(load("auth required a.so"), line) == expected


@pytest.mark.parametrize(
    ("control", "line", "expected"),
    [
        ("required", "", "success"),
        ("required", "a=cred_err", "cred_err"),
        ("required", "setcred:a=cred_err", "cred_err"),
        ("required", "authenticate:a=auth_err", "perm_denied"),
        ("required", "authenticate:a=auth_err setcred:a=cred_err", "cred_err"),
        ("optional", "authenticate:a=ignore a=cred_err", "perm_denied"),
        ("[default=ignore success=ok]", "a=cred_err", "cred_err"),
    ],
)
def test_setcred_uses_what_authenticate_left(control: str, line: str, expected: str) -> None:
    stacks = load(f"auth {control} a.so")
    trace = simulate(stacks, Call.SETCRED, said(line)).trace
    assert [entry.pass_ for entry in trace] == [Pass.SETCRED]
    assert result(stacks, line, Call.SETCRED) == expected


def test_close_session_uses_what_open_session_left() -> None:
    stacks = load("session [success=1 default=ignore] a.so\nsession required b.so")
    assert result(stacks, "", Call.OPEN_SESSION) == "perm_denied"
    assert result(stacks, "open_session:a=session_err", Call.CLOSE_SESSION) == "success"
    both = "open_session:a=session_err close_session:b=session_err"
    assert result(stacks, both, Call.CLOSE_SESSION) == "session_err"


@pytest.mark.parametrize(
    ("line", "expected", "passes"),
    [
        ("", "success", "prelim update"),
        ("a=authtok_err", "authtok_err", "prelim"),
        ("chauthtok:a=authtok_err", "authtok_err", "prelim"),
        ("prelim:a=try_again", "try_again", "prelim"),
        ("update:a=authtok_err", "authtok_err", "prelim update"),
    ],
)
def test_chauthtok_has_two_passes(line: str, expected: str, passes: str) -> None:
    verdict = simulate(load("password required a.so"), Call.CHAUTHTOK, said(line))
    assert return_word(verdict.result) == expected
    assert [entry.pass_.value for entry in verdict.trace] == passes.split()


@pytest.mark.parametrize(
    ("line", "call", "problem", "hint"),
    [
        ("b.so=auth_err", Call.AUTHENTICATE, "b.so is not in the auth stack", "a.so, /lib/c.so"),
        ("a.so=auth_err", Call.ACCT_MGMT, "not in the account stack of svc", "no module"),
        ("svc2=auth_err", Call.AUTHENTICATE, "svc2 is not in", "it has: a.so, /lib/c.so"),
        ("a.so@svc:9=auth_err", Call.AUTHENTICATE, "not at svc:9", "it is at /etc/pam.d/svc2:1"),
        ("open_session:a.so=auth_err", Call.AUTHENTICATE, "not in the session stack", "s.so"),
    ],
)
def test_modules_that_are_not_there_are_refused(
    line: str, call: Call, problem: str, hint: str
) -> None:
    text = "auth substack svc2\nauth required /lib/c.so\nsession required s.so"
    with pytest.raises(UsageError) as caught:
        require_known_modules(load(text, svc2="auth required a.so"), call, said(line))
    assert problem in caught.value.problem
    assert hint in caught.value.hint


def test_what_is_said_of_other_calls_is_named() -> None:
    given_ = said("a=success setcred:a=success authenticate:a=success open_session:a=success")
    heard = {call: [one.text for one in unused_overrides(call, given_)] for call in Call}
    assert heard[Call.AUTHENTICATE] == ["setcred:a=success", "open_session:a=success"]
    assert heard[Call.SETCRED] == ["open_session:a=success"]
    assert heard[Call.CLOSE_SESSION] == ["setcred:a=success", "authenticate:a=success"]


def skips(stacks: Stacks, line: str, call: Call = Call.AUTHENTICATE) -> list[str]:
    """Return the modules that run (+), those that are skipped, and the module that skips them."""
    verdict, stack = simulate(stacks, call, said(line)), stacks.of(call.group)
    found = fates(stack, verdict, call.passes[0])
    names = [handler.module.partition(".")[0] for handler in stack.handlers]
    return [
        f"{name}+" if fate.skipped_by is None else f"{name}<{names[fate.skipped_by]}"
        for name, fate in zip(names, found)
        if fate.entry or fate.skipped_by is not None
    ]


SUB = "auth required x.so\nauth sufficient y.so\nauth requisite z.so\n"


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("auth sufficient a.so\nauth required b.so", "", "a+ b<a"),
        ("auth sufficient a.so\nauth required b.so", "a=auth_err", "a+ b+"),
        ("auth requisite a.so\nauth required b.so", "a=auth_err", "a+ b<a"),
        (
            "auth [success=2] a.so\nauth optional b.so\nauth optional c.so\nauth required d.so",
            "",
            "a+ b<a c<a d+",
        ),
        (
            "auth [success=1] a.so\nauth sufficient b.so\nauth requisite c.so\nauth optional d.so",
            "c=auth_err",
            "a+ b<a c+ d<c",
        ),
        ("auth [success=9] a.so\nauth required b.so", "", "a+ b<a"),
        ("auth required a.so\nauth sufficient b.so\nauth required c.so", "a=auth_err", "a+ b+ c+"),
        ("auth substack sub\nauth required b.so", "", "x+ y+ z<y b+"),
        ("auth include sub\nauth required b.so", "", "x+ y+ z<y b<y"),
        ("auth substack sub\nauth required b.so", "y=auth_err z=auth_err", "x+ y+ z+ b+"),
        ("auth include sub\nauth required b.so", "y=auth_err z=auth_err", "x+ y+ z+ b<z"),
        ("auth [success=1] a.so\nauth substack sub\nauth required b.so", "", "a+ x<a y<a z<a b+"),
        ("auth required a.so\nauth required b.so", "a=incomplete", "a+ b<a"),
        ("account required a.so", "", ""),
    ],
)
def test_fates_say_which_rule_skipped_which(text: str, line: str, expected: str) -> None:
    assert skips(load(text, sub=SUB), line) == expected.split()


def test_the_same_rule_twice_has_two_fates() -> None:
    sub = "auth [success=1 default=ignore] x.so\nauth required y.so\n"
    stacks = load("auth include sub\nauth include sub\nauth required z.so", sub=sub)
    assert skips(stacks, "") == ["x+", "y<x", "x+", "y<x", "z+"]


def test_nobody_is_skipped_in_a_pass_that_never_began() -> None:
    stacks = load("password required a.so\npassword required b.so")
    verdict = simulate(stacks, Call.CHAUTHTOK, said("prelim:a=try_again"))
    found = fates(stacks.password, verdict, Pass.UPDATE)
    assert [(fate.entry, fate.skipped_by) for fate in found] == [(None, None)] * 2


@pytest.mark.parametrize(
    ("text", "line", "done", "how"),
    [
        ("auth sufficient a.so", "", "done", "ends the stack"),
        ("auth requisite a.so", "a=auth_err", "die", "ends the stack as failed"),
        ("auth [success=2] a.so", "", "jump 2", "jumps over 2"),
        ("auth substack sub", "", "done", "ends its substack"),
        ("auth substack sub", "a=auth_err", "die", "ends its substack as failed"),
        ("auth required a.so", "a=incomplete", "bad", "leaves the call unfinished"),
    ],
)
def test_effects_in_words(text: str, line: str, done: str, how: str) -> None:
    stacks = load(text, sub="auth [success=done default=die] a.so")
    entry = simulate(stacks, Call.AUTHENTICATE, said(line)).trace[0]
    assert (effect(entry), how_skipped(entry)) == (done, how)


CONTROLS = ["required", "requisite", "sufficient", "optional", "[success=1 default=die]"]
CONTROLS += ["[success=3 default=ignore]", "[auth_err=reset default=done]", "substack sub#"]
RULES = st.lists(st.sampled_from(CONTROLS), max_size=8)
RETURNS = st.lists(st.sampled_from(["success", "auth_err", "ignore", "incomplete"]), max_size=9)


@given(RULES, RETURNS)
def test_every_rule_runs_or_was_skipped_by_one_that_ran(
    controls: list[str], returns: list[str]
) -> None:
    lines = [f"auth {control.replace('#', ' #')} m{n}.so" for n, control in enumerate(controls)]
    stacks = load("\n".join(lines), sub=SUB, other="")
    given_ = [
        Override("", (), f"m{n}.so", ReturnValue[word.upper()]) for n, word in enumerate(returns)
    ]
    verdict = simulate(stacks, Call.AUTHENTICATE, given_)
    found = fates(stacks.auth, verdict, Pass.AUTHENTICATE)
    assert [fate.entry for fate in found if fate.entry] == list(verdict.trace)
    for index, fate in enumerate(found):
        if fate.handler.is_substack:
            assert (fate.entry, fate.skipped_by) == (None, None)
        elif fate.entry is None:
            assert fate.skipped_by is not None
            assert fate.skipped_by < index
            assert found[fate.skipped_by].entry is not None
