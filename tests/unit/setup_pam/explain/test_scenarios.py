from __future__ import annotations

import re
from pathlib import Path

import pytest

from creds_session.pam.modules.conditions import judge_conditions
from creds_session.pam.stack.resolve import Stacks, resolve_all
from creds_session.pam.syntax.terms import (
    Call,
    Dialect,
    ManagementGroup,
    Pass,
    ReturnValue,
    return_word,
)
from creds_session.setup_pam.explain.scenarios import (
    ASSUMPTIONS,
    Scenario,
    assumption_of,
    calls_of_scenario,
    modules_of,
    returns_on,
    scenarios_of,
)
from creds_session.setup_pam.explain.trace import fates

ROOT = Path(__file__).parents[4]
EXPIRED = "new_authtok_reqd"

ASKED = Pass.AUTHENTICATE


def load(text: str, service: str = "svc", dialect: Dialect = Dialect.DEBIAN_1_7) -> Stacks:
    return resolve_all(service, {f"/etc/pam.d/{service}": text.encode()}.get, dialect=dialect)


def layout(name: str, when: str = "before") -> Stacks:
    folder = ROOT / "pam.d" / name
    paths = [*(folder / "before").iterdir(), *(folder / when).iterdir()]
    files = {f"/etc/pam.d/{path.name}": path.read_bytes() for path in paths}
    dialect = Dialect.DEBIAN_1_7 if name == "debian" else Dialect.UPSTREAM_1_7
    return resolve_all("sshd", files.get, dialect=dialect)


def calls(stacks: Stacks, scenario: Scenario) -> str:
    """Return the calls that are made, and what they return."""
    return " ".join(
        f"{taken.call.value}={return_word(taken.verdict.result)}"
        for taken in calls_of_scenario(stacks, scenario)
        if taken.verdict is not None
    )


IN = "authenticate=success acct_mgmt=success setcred=success open_session=success"
KEY = "acct_mgmt=success setcred=success open_session=success"
CHANGED_EXPIRED = (
    "authenticate=success acct_mgmt=new_authtok_reqd chauthtok=success setcred=success"
    " open_session=success"
)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", ["debian", "redhat"])
@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        (Scenario.PASSWORD, IN),
        (Scenario.WRONG_PASSWORD, "authenticate=auth_err"),
        (Scenario.KEY, KEY),
        (Scenario.EXPIRED, CHANGED_EXPIRED),
        (Scenario.CHANGE, "chauthtok=success"),
    ],
)
def test_the_distributions_are_planned_as_expected(
    name: str, when: str, scenario: Scenario, expected: str
) -> None:
    assert calls(layout(name, when), scenario) == expected


def keyring_runs(stacks: Stacks, scenario: Scenario, call: Call) -> bool:
    taken = next(one for one in calls_of_scenario(stacks, scenario) if one.call is call)
    stack = stacks.of(call.group)
    assert taken.verdict is not None
    found = fates(stack, taken.verdict, call.passes[-1])
    return any(f.entry for f in found if f.handler.module == "pam_gnome_keyring.so")


@pytest.mark.parametrize("name", ["debian", "redhat"])
@pytest.mark.parametrize("call", [Call.AUTHENTICATE, Call.CHAUTHTOK, Call.OPEN_SESSION])
def test_the_keyring_runs_after_the_change(name: str, call: Call) -> None:
    assert keyring_runs(layout(name, "after"), Scenario.EXPIRED, call)
    is_there = name == "debian" and call is Call.CHAUTHTOK
    assert keyring_runs(layout(name), Scenario.EXPIRED, call) is is_there


def test_the_classic_recipe_lets_a_wrong_password_in() -> None:
    text = "auth sufficient pam_unix.so\nauth {} pam_gnome_keyring.so\naccount required a.so\n"
    assert "authenticate=success" in calls(load(text.format("optional")), Scenario.WRONG_PASSWORD)
    safe = load(text.format("[default=ignore]"))
    assert calls(safe, Scenario.WRONG_PASSWORD) == "authenticate=perm_denied"


FLAT = (
    "auth required pam_unix.so\naccount required pam_unix.so\npassword required pam_unix.so\n"
    "session required pam_unix.so\n"
)


@pytest.mark.parametrize(
    ("text", "scenario", "call", "reason"),
    [
        (FLAT, Scenario.KEY, Call.AUTHENTICATE, "a key login does not call it"),
        (FLAT, Scenario.PASSWORD, Call.CHAUTHTOK, "acct_mgmt asks for no new password"),
        (FLAT, Scenario.WRONG_PASSWORD, Call.SETCRED, "authenticate returned auth_err"),
        (FLAT, Scenario.CHANGE, Call.OPEN_SESSION, "a password change does not call it"),
        (
            FLAT.replace("account required pam_unix", "account required pam_deny"),
            Scenario.KEY,
            Call.OPEN_SESSION,
            "acct_mgmt returned auth_err",
        ),
        (
            FLAT.replace("password required pam_unix", "password required pam_deny"),
            Scenario.EXPIRED,
            Call.SETCRED,
            "chauthtok returned authtok_err",
        ),
        (
            FLAT.replace("account required pam_unix", "account required pam_permit"),
            Scenario.EXPIRED,
            Call.CHAUTHTOK,
            "acct_mgmt asks for no new password",
        ),
    ],
)
def test_a_call_that_is_not_made_has_a_reason(
    text: str, scenario: Scenario, call: Call, reason: str
) -> None:
    taken = next(one for one in calls_of_scenario(load(text), scenario) if one.call is call)
    assert (taken.verdict, taken.reason) == (None, reason)


def test_setcred_uses_authenticate_but_not_on_a_key_login() -> None:
    text = FLAT.replace("auth required", "auth required pam_env.so\nauth required")
    stacks = load(text)
    deciding = {
        scenario: taken.verdict.trace[0].deciding
        for scenario in (Scenario.PASSWORD, Scenario.KEY)
        for taken in calls_of_scenario(stacks, scenario)
        if taken.call is Call.SETCRED and taken.verdict is not None
    }
    assert deciding == {Scenario.PASSWORD: ReturnValue.IGNORE, Scenario.KEY: ReturnValue.SUCCESS}


@pytest.mark.parametrize(
    ("service", "scenarios"),
    [("sshd", 4), ("login", 4), ("passwd", 1), ("chpasswd", 1)],
)
def test_a_program_that_logs_nobody_in_has_one_scenario(service: str, scenarios: int) -> None:
    assert len(scenarios_of(service)) == scenarios
    assert (Scenario.CHANGE in scenarios_of(service)) == (scenarios == 1)


@pytest.mark.parametrize(
    ("rule", "pass_", "scenario", "expected"),
    [
        ("auth required pam_unix.so", Pass.AUTHENTICATE, Scenario.PASSWORD, "success"),
        ("auth required pam_unix.so", Pass.AUTHENTICATE, Scenario.WRONG_PASSWORD, "auth_err"),
        ("auth required pam_sss.so", Pass.AUTHENTICATE, Scenario.WRONG_PASSWORD, "auth_err"),
        ("auth required pam_sss.so", Pass.AUTHENTICATE, Scenario.PASSWORD, "success"),
        ("auth required pam_unix.so", Pass.SETCRED, Scenario.WRONG_PASSWORD, "success"),
        ("account required pam_unix.so", Pass.ACCT_MGMT, Scenario.PASSWORD, "success"),
        ("account required pam_unix.so", Pass.ACCT_MGMT, Scenario.EXPIRED, EXPIRED),
        ("account required pam_ldap.so", Pass.ACCT_MGMT, Scenario.EXPIRED, EXPIRED),
        ("session required pam_unix.so", Pass.OPEN_SESSION, Scenario.EXPIRED, "success"),
        ("password required pam_unix.so", Pass.UPDATE, Scenario.EXPIRED, "success"),
        ("auth required pam_faillock.so preauth", Pass.AUTHENTICATE, Scenario.PASSWORD, "success"),
        ("auth required pam_faillock.so authfail", Pass.AUTHENTICATE, Scenario.PASSWORD, "ignore"),
        ("auth required pam_faillock.so authsucc", Pass.AUTHENTICATE, Scenario.PASSWORD, "success"),
        ("account required pam_nologin.so", Pass.ACCT_MGMT, Scenario.KEY, "ignore"),
        ("account required pam_nologin.so successok", Pass.ACCT_MGMT, Scenario.KEY, "success"),
        ("auth required pam_env.so", Pass.AUTHENTICATE, Scenario.PASSWORD, "ignore"),
        ("auth required pam_env.so", Pass.SETCRED, Scenario.PASSWORD, "success"),
        ("auth sufficient pam_rootok.so", Pass.AUTHENTICATE, Scenario.PASSWORD, "auth_err"),
        ("auth sufficient pam_fprintd.so", Pass.AUTHENTICATE, Scenario.PASSWORD, "auth_err"),
        ("auth required pam_usertype.so issystem", Pass.AUTHENTICATE, Scenario.KEY, "auth_err"),
        ("auth required pam_usertype.so isregular", Pass.AUTHENTICATE, Scenario.KEY, "success"),
        ("auth required pam_succeed_if.so uid < 1000", Pass.AUTHENTICATE, Scenario.KEY, "auth_err"),
        ("auth required pam_succeed_if.so uid < 1000", Pass.SETCRED, Scenario.KEY, "ignore"),
        ("auth required pam_permit.so", Pass.AUTHENTICATE, Scenario.WRONG_PASSWORD, "success"),
        ("auth required pam_deny.so", Pass.AUTHENTICATE, Scenario.PASSWORD, "auth_err"),
        ("auth required pam_debug.so auth=maxtries", Pass.AUTHENTICATE, Scenario.KEY, "maxtries"),
        (
            "auth required pam_gnome_keyring.so",
            Pass.AUTHENTICATE,
            Scenario.WRONG_PASSWORD,
            "success",
        ),
        ("password required pam_gnome_keyring.so", Pass.PRELIM, Scenario.EXPIRED, "ignore"),
        ("password required pam_gnome_keyring.so", Pass.UPDATE, Scenario.EXPIRED, "success"),
        (
            "auth required pam_nobody_knows.so",
            Pass.AUTHENTICATE,
            Scenario.WRONG_PASSWORD,
            "success",
        ),
    ],
)
def test_what_modules_are_assumed_to_return(
    rule: str, pass_: Pass, scenario: Scenario, expected: str
) -> None:
    stacks = load(rule)
    group = ManagementGroup(rule.split(maxsplit=1)[0])
    assert (
        return_word(returns_on(scenario, stacks)(stacks.of(group).handlers[0], pass_)) == expected
    )


@pytest.mark.parametrize("group", ["auth", "account", "password"])
def test_together_with_pam_unix_other_modules_do_not_know_the_user(group: str) -> None:
    stacks = load(f"{group} sufficient pam_sss.so\n{group} required pam_unix.so")
    others = stacks.of(ManagementGroup(group)).handlers[0]
    pass_ = {"auth": Pass.AUTHENTICATE, "account": Pass.ACCT_MGMT, "password": Pass.PRELIM}[group]
    for scenario in Scenario:
        assert returns_on(scenario, stacks)(others, pass_) is ReturnValue.USER_UNKNOWN


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ("", "success"),
        ("quiet debug use_uid audit quiet_fail quiet_success", "success"),
        ("uid >= 1000", "success"),
        ("uid >= 1000 quiet", "success"),
        ("quiet uid = 0", "auth_err"),
        ("uid eq 1000", "success"),
        ("uid ne 1000", "auth_err"),
        ("uid < 1000", "auth_err"),
        ("uid le 1000", "success"),
        ("gid gt 999", "success"),
        ("UID LT 1001", "success"),
        ("user = alice", "success"),
        ("user != alice", "auth_err"),
        ("user in root:alice:bob", "success"),
        ("user in root:alicea:bob", "auth_err"),
        ("user notin root:bob", "success"),
        ("user ingroup wheel", "auth_err"),
        ("user ingroup wheel:alice", "success"),
        ("user notingroup nopasswdlogin", "success"),
        ("user innetgr trusted", "auth_err"),
        ("user notinnetgr trusted", "success"),
        ("service in crond quiet use_uid", "auth_err"),
        ("service in sshd:crond", "success"),
        ("service !~ gdm* service !~ su* quiet", "success"),
        ("service =~ ssh*", "success"),
        ("shell glob */bash", "success"),
        ("homedir noglob /home/*", "auth_err"),
        ("uid >= 1000 uid = 0", "auth_err"),
        ("uid = 0 nonsense = 1", "auth_err"),
        ("nonsense = 1", "service_err"),
        ("uid nonsense 1", "service_err"),
        ("user eq 1", "service_err"),
        ("uid eq many", "service_err"),
        ("uid eq \N{SUPERSCRIPT TWO}", "service_err"),
        ("uid eq " + "9" * 5000, "service_err"),
        ("uid", "service_err"),
        ("uid >=", "service_err"),
        ("uid >= 1000 user", "service_err"),
    ],
)
def test_pam_succeed_if_is_judged_for_an_ordinary_user(conditions: str, expected: str) -> None:
    handler = load(f"auth required pam_succeed_if.so {conditions}").auth.handlers[0]
    assert judge_conditions(handler, "sshd").word == expected


def test_no_assumption_is_hidden_by_those_before_it() -> None:
    decided = set()
    for one in ASSUMPTIONS:
        for module in one.modules:
            argument = "" if one.argument.startswith("!") else one.argument
            rule = f"{{0}} required {module} {argument}\n{{0}} required {one.beside or 'x.so'}\n"
            for group in ManagementGroup:
                stacks = load(rule.format(group.value))
                handler = stacks.of(group).handlers[0]
                decided |= {
                    assumption_of(modules_of(stacks), handler, pass_, scenario)
                    for pass_ in one.passes
                    for scenario in Scenario
                }
    assert set(ASSUMPTIONS) <= decided


def test_the_documentation_has_every_assumption() -> None:
    text = (ROOT / "docs" / "how-to" / "explain-a-service.md").read_text(encoding="utf-8")
    rows = [re.sub(r"[`*]", "", line) for line in text.splitlines() if line.startswith("| pam_")]
    told = [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows]
    assert told == [
        (
            ", ".join(one.modules).replace(".so", ""),
            "all" if len(one.passes) == len(Pass) else ", ".join(p.value for p in one.passes),
            one.returns,
            one.reason,
        )
        for one in ASSUMPTIONS
    ]
