from __future__ import annotations

import pytest

from creds_session.pam.modules.builtin import builtin_return
from creds_session.pam.stack.dispatch import Verdict, dispatch, position, start, step, verdict
from creds_session.pam.stack.handlers import Handler, Stacks
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.terms import Call, Dialect, Pass, ReturnValue

DENY = "\nauth requisite pam_deny.so\nauth required pam_permit.so\n"
GKR = "auth optional gkr.so\n"


def load(text: str, dialect: Dialect = Dialect.DEBIAN_1_7, **more: str) -> Stacks:
    files = {f"/etc/pam.d/{name}": data.encode() for name, data in {"svc": text, **more}.items()}
    return resolve_all("svc", files.get, dialect=dialect)


def run(
    stacks: Stacks,
    returned: dict[str, str],
    call: Call = Call.AUTHENTICATE,
    after: Verdict | None = None,
) -> Verdict:
    values = {name: ReturnValue[word.upper()] for name, word in returned.items()}

    def returns(handler: Handler, pass_: Pass) -> int:
        name = handler.module.partition(".")[0]
        known = values.get(f"{pass_.value}:{name}", values.get(name))
        known = builtin_return(handler, pass_) if known is None else known
        return ReturnValue.SUCCESS if known is None else known

    return dispatch(stacks, call, returns, after=after)


def ran(verdict_: Verdict) -> list[str]:
    return [entry.handler.module.partition(".")[0] for entry in verdict_.trace]


@pytest.mark.parametrize(
    ("text", "returned", "result", "modules"),
    [
        ("auth required a.so", "success", "success", "a"),
        ("auth required a.so", "auth_err", "auth_err", "a"),
        ("auth required a.so", "ignore", "perm_denied", "a"),
        ("auth sufficient a.so\n" + GKR, "success", "success", "a"),
        ("auth sufficient a.so\n" + GKR, "auth_err", "success", "a gkr"),
        ("auth sufficient a.so\nauth [default=ignore] gkr.so", "auth_err", "perm_denied", "a gkr"),
        ("auth requisite a.so\n" + GKR, "auth_err", "auth_err", "a"),
        ("auth optional a.so", "auth_err", "perm_denied", "a"),
        (
            "auth required pam_deny.so\nauth sufficient a.so\n" + GKR,
            "success",
            "auth_err",
            "pam_deny a gkr",
        ),
        (
            "auth [success=1 default=ignore] a.so" + DENY + GKR,
            "success",
            "success",
            "a pam_permit gkr",
        ),
        ("auth [success=1 default=ignore] a.so" + DENY + GKR, "auth_err", "auth_err", "a pam_deny"),
        (
            "auth [success=1 default=ignore] a.so\n" + GKR + DENY,
            "success",
            "auth_err",
            "a pam_deny",
        ),
        ("auth [success=2] a.so\n" + GKR, "success", "perm_denied", "a"),
        ("auth [success=1] a.so\n" + GKR, "success", "perm_denied", "a"),
        ("auth requierd a.so", "success", "perm_denied", "a"),
        ("auth required a.so\nauth [default=reset] b.so", "success", "perm_denied", "a b"),
        ("foo optional b.so\nauth required a.so", "success", "success", "b a"),
        ("foo required b.so\nauth required a.so", "success", "perm_denied", "b a"),
    ],
)
def test_authenticate(text: str, returned: str, result: str, modules: str) -> None:
    found = run(load(text + "\n"), {"a": returned})
    assert (ReturnValue(found.result).word, ran(found)) == (result, modules.split())


@pytest.mark.parametrize(
    ("include", "returned", "modules"),
    [
        ("auth include x", "success", "a"),
        ("auth include x", "auth_err", "a pam_deny gkr"),
        ("auth substack x", "success", "a gkr"),
        ("auth substack x", "auth_err", "a pam_deny gkr"),
        ("@include x", "success", "a"),
    ],
)
def test_a_sufficient_module_ends_an_include_with_its_caller(
    include: str, returned: str, modules: str
) -> None:
    x = "auth sufficient a.so\nauth required pam_deny.so\n"
    found = run(load(f"{include}\n{GKR}", x=x), {"a": returned})
    assert ran(found) == modules.split()


def test_a_jump_counts_a_substack_as_one_and_stays_in_its_frame() -> None:
    x = "auth required b.so\nauth required c.so\n"
    over = load("auth [success=1] a.so\nauth substack x\nauth required d.so\n", x=x)
    assert ran(run(over, {})) == ["a", "d"]
    inside = load("auth substack x\nauth required d.so\n", x="auth [success=1] a.so\n")
    assert run(inside, {}).result == ReturnValue.PERM_DENIED


def test_setcred_uses_what_authenticate_returned() -> None:
    stacks = load("auth sufficient a.so\nauth required b.so\n")
    after = run(stacks, {"a": "auth_err"})
    assert ran(run(stacks, {"setcred:a": "success"}, Call.SETCRED, after)) == ["a", "b"]
    assert ran(run(stacks, {"setcred:a": "success"}, Call.SETCRED)) == ["a"]
    assert (
        run(stacks, {"setcred:b": "cred_err"}, Call.SETCRED, after).result == ReturnValue.CRED_ERR
    )


def test_a_frozen_optional_counts_and_an_ignored_one_does_not() -> None:
    for control, result in (("optional", "cred_err"), ("[default=ignore]", "success")):
        stacks = load(f"auth required a.so\nauth {control} b.so\n")
        found = run(stacks, {"setcred:b": "cred_err"}, Call.SETCRED, run(stacks, {}))
        assert ReturnValue(found.result).word == result


@pytest.mark.parametrize(
    ("dialect", "result"), [(Dialect.DEBIAN_1_7, "success"), (Dialect.UPSTREAM_1_7, "cred_err")]
)
def test_a_jump_in_a_frozen_chain_counts_upstream_alone(dialect: Dialect, result: str) -> None:
    stacks = load("auth [success=1 default=ignore] a.so" + DENY, dialect)
    found = run(stacks, {"setcred:a": "cred_err"}, Call.SETCRED, run(stacks, {}))
    assert ReturnValue(found.result).word == result


def test_chauthtok_updates_only_after_its_check() -> None:
    stacks = load("password required a.so\n")
    assert [entry.pass_ for entry in run(stacks, {}, Call.CHAUTHTOK).trace] == [
        Pass.PRELIM,
        Pass.UPDATE,
    ]
    failed = run(stacks, {"prelim:a": "try_again"}, Call.CHAUTHTOK)
    assert (failed.result, len(failed.trace)) == (ReturnValue.TRY_AGAIN, 1)


def test_numbers_outside_the_return_values_are_bad() -> None:
    stacks = load("auth optional a.so\nauth required b.so\n")
    odd = dispatch(
        stacks, Call.AUTHENTICATE, lambda handler, _: 99 * handler.module.startswith("a")
    )
    assert odd.result == ReturnValue.PERM_DENIED
    good = run(stacks, {})
    passed_on = dispatch(stacks, Call.SETCRED, lambda _handler, _pass: 77, after=good)
    assert passed_on.result == 77


def test_incomplete_ends_the_walk_and_bars_other_calls() -> None:
    stacks = load("auth required a.so\nauth required b.so\n")
    waiting = run(stacks, {"a": "incomplete"})
    assert (waiting.result, ran(waiting)) == (ReturnValue.INCOMPLETE, ["a"])
    assert run(stacks, {}, Call.SETCRED, waiting).result == ReturnValue.ABORT


def test_a_service_without_rules_or_without_a_file() -> None:
    assert run(load(""), {}).result == ReturnValue.PERM_DENIED
    assert run(load("@include nope\n"), {}).result == ReturnValue.ABORT


def test_states_are_small_hashable_and_equal_where_the_rest_is_equal() -> None:
    stack = load("auth substack x\n" + GKR, x="auth [default=ignore] a.so\n").auth
    first = start(stack)
    handler = position(stack, first)
    assert handler is not None
    assert handler.module == "a.so"
    after = {step(stack, first, int(value)) for value in ReturnValue if value.word != "incomplete"}
    assert len(after) == 1
    (state,) = after
    ends = {step(stack, state, int(value)) for value in (ReturnValue.SUCCESS, ReturnValue.AUTH_ERR)}
    assert {verdict(end) for end in ends} == {ReturnValue.SUCCESS, ReturnValue.PERM_DENIED}
    assert all(position(stack, end) is None for end in ends)


@pytest.mark.parametrize(
    ("rule", "pass_", "expected"),
    [
        ("pam_permit.so", Pass.SETCRED, "success"),
        ("pam_deny.so", Pass.SETCRED, "cred_err"),
        ("pam_deny.so", Pass.AUTHENTICATE, "auth_err"),
        ("/lib/security/pam_debug.so auth=maxtries auth=success", Pass.AUTHENTICATE, "maxtries"),
        ("pam_debug.so auth=nonsense auth=maxtries", Pass.AUTHENTICATE, "success"),
        ("pam_debug.so auth=maxtries", Pass.SETCRED, "success"),
        ("pam_unix.so", Pass.AUTHENTICATE, None),
    ],
)
def test_builtin_return(rule: str, pass_: Pass, expected: str | None) -> None:
    (handler,) = load(f"auth required {rule}\n").auth.handlers
    found = builtin_return(handler, pass_)
    assert (found.word if found is not None else None) == expected
