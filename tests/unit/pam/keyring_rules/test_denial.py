from __future__ import annotations

import itertools
import re

import pytest

from creds_session.pam.keyring_rules.counterexample import Breach
from creds_session.pam.keyring_rules.denial_remedy import remedy
from creds_session.pam.keyring_rules.proof import refute_denial
from creds_session.pam.keyring_rules.wrong_password import is_judged, possible
from creds_session.pam.modules.facts import Handling
from creds_session.pam.modules.returns import ALL, facts_of, usual_return
from creds_session.pam.stack.dispatch import dispatch, position, start, step, verdict
from creds_session.pam.stack.handlers import Handler, Stack, Stacks
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.terms import Call, Pass, ReturnValue
from tests.oracle.oracle_services import JUMP, stacks

UNIX = "auth sufficient pam_unix.so\n"
PERMIT = "auth required pam_permit.so\n"
SURE = "auth required pam_securetty.so\n"

SOUND = {
    "a module that judges, and is not known to ignore": SURE
    + "auth required pam_radius_auth.so\n",
    "radius with another argument": SURE + "auth required pam_radius_auth.so retry=3\n",
    "kerberos": SURE + "auth required pam_krb5.so minimum_uid=1000\n",
    "tcb": "auth required pam_nologin.so successok\nauth required pam_tcb.so shadow\n",
    "ldap": "auth required pam_faildelay.so\nauth required pam_ldap.so\n",
    "a database of passwords": SURE + "auth required pam_userdb.so db=/etc/vsftpd\n",
    "a program": SURE + "auth required pam_exec.so expose_authtok /bin/ask\n"
    "auth optional pam_unix.so\n",
    "a token": "auth [success=ok default=die ignore=ignore] pam_u2f.so\n" + SURE
    + "auth [success=done default=die] pam_unix.so\n",
    "an unknown module before": SURE + "auth required pam_somebodys_own.so\n"
    + "auth [success=ok default=ignore] pam_unix.so\n",
    "an unknown module that jumps": "auth [auth_err=1 default=ignore] pam_somebodys_own.so\n"
    "auth required pam_unix.so\n" + PERMIT,
    "an unknown module that ignores": "auth [ignore=1 default=bad] pam_somebodys_own.so\n"
    "auth required pam_unix.so\n" + PERMIT,
    "an unknown module alone": "auth sufficient pam_somebodys_own.so\n" + PERMIT,
    "a known name at another place": "auth sufficient /opt/site/pam_unix.so\n" + PERMIT,
    "a known name at another place before": "auth [ignore=2 default=ignore] /opt/pam_env.so\n"
    + JUMP,
    "a module that is there": "auth [success=ok module_unknown=ignore default=die] pam_unix.so\n"
    + PERMIT,
    "a code that authentication does not know": "auth [success=ok session_err=ignore"
    " authtok_lock_busy=ignore no_module_data=ignore default=die] pam_unix.so\n" + PERMIT,
    "the same question twice": "auth [success=1 default=ignore] pam_localuser.so\n"
    "auth [success=done default=die] pam_sss.so\n"
    "auth [success=ok default=1] pam_localuser.so\n"
    "auth [success=done default=die] pam_unix.so\n" + PERMIT,
    "the same condition twice": "auth [success=1 default=ignore] pam_succeed_if.so uid < 1000\n"
    "auth [success=done default=die] pam_sss.so\n"
    "auth [success=ok default=1] pam_succeed_if.so uid < 1000\n"
    "auth [success=done default=die] pam_unix.so\n" + PERMIT,
    "one person by name": "auth sufficient pam_succeed_if.so user = alice\n" + JUMP,
    "one person by number": "auth sufficient pam_succeed_if.so uid = 1000\n" + JUMP,
    "one home": "auth sufficient pam_succeed_if.so home = /home/alice\n" + JUMP,
    "a count of failures that nothing let pass": UNIX + "auth required pam_faillock.so authfail\n",
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_no_alarm_without_returns_that_are_known_to_come(name: str) -> None:
    found = refute_denial(stacks(SOUND[name]))
    assert found is None, found


OPEN = {
    "radius that is told to ignore": (SURE + "auth required pam_radius_auth.so localifdown\n", 1),
    "sssd that is told to ignore": (SURE + "auth required pam_sss.so ignore_unknown_user\n", 1),
    "winbind, in any case": (SURE + "auth required pam_winbind.so Unknown_OK\n", 1),
    "a token that some have": (UNIX + "auth required pam_u2f.so nouserok\n" + PERMIT, 3),
    "whatever an unknown module says": ("auth optional pam_own.so\n" + UNIX + PERMIT, 3),
    "an unknown module that is not asked": (
        "auth sufficient pam_faildelay.so\nauth required pam_own.so\n" + JUMP, 1),
    "everybody is one of these": ("auth sufficient pam_succeed_if.so uid >= 1000\n" + JUMP, 1),
    "everybody is another": ("auth sufficient pam_succeed_if.so user != root\n" + JUMP, 1),
    "a count of failures behind what lets pass": (
        "auth required pam_faillock.so preauth\n" + UNIX
        + "auth required pam_faillock.so authfail\n", 1),
    "a count of local failures alone": (
        UNIX + "auth required pam_faillock.so authfail local_only\n", 2),
    "the database is down": (
        "auth [success=ok authinfo_unavail=ignore default=die] pam_krb5.so\n" + PERMIT, 2),
    "an answer of another question": (
        "auth [success=1 default=ignore] pam_localuser.so\n"
        "auth [success=done default=die] pam_sss.so\n"
        "auth [success=ok default=1] pam_usertype.so isregular\n"
        "auth [success=done default=die] pam_unix.so\n" + PERMIT, 5),
}  # fmt: skip


@pytest.mark.parametrize("name", OPEN)
def test_a_wrong_password_that_known_returns_let_in_is_found(name: str) -> None:
    text, line = OPEN[name]
    found = refute_denial(stacks(text))
    assert found is not None
    assert found.breach is Breach.ANYBODY
    assert found.last_success is not None
    assert found.last_success.handler.origin.line == line


def test_an_alarm_names_the_ordinary_error_of_a_wrong_password() -> None:
    found = refute_denial(stacks("auth required pam_faildelay.so\n" + UNIX))
    assert found is not None
    assert [one.returned for one in found.steps] == [ReturnValue.SUCCESS, ReturnValue.AUTH_ERR]


@pytest.mark.timeout(60)
def test_a_stack_of_a_thousand_modules_is_judged() -> None:
    deep = "auth optional pam_unix.so\nauth optional pam_own.so\n" * 600
    assert refute_denial(stacks(deep)) is None
    now = stacks(deep + PERMIT)
    found = refute_denial(now)
    assert found is not None
    assert remedy(now.auth, found)


@pytest.mark.timeout(60)
def test_a_stack_of_many_repeated_conditions_is_judged() -> None:
    asked = "".join(
        f"auth [success=1 default=ignore] pam_succeed_if.so uid < {number}\n{UNIX}"
        for number in range(50)
    )
    now = stacks(asked * 2)
    assert refute_denial(now) is None
    now = stacks(asked * 2 + PERMIT)
    found = refute_denial(now)
    assert found is not None
    assert remedy(now.auth, found)


FEW = (
    *("required pam_securetty.so", "sufficient pam_unix.so", "required pam_permit.so"),
    *("requisite pam_own.so", "[success=1 default=ignore] pam_sss.so", "optional pam_deny.so"),
    "[success=1 ignore=ignore default=bad] pam_radius_auth.so localifdown",
)


def test_every_case_was_examined() -> None:
    """By trying all returns, on every stack of three rules out of a few."""
    for rules in itertools.product(FEW, repeat=3):
        text = "".join(f"auth {rule}\n" for rule in rules)
        stack = stacks(text).auth
        wanted = any(map(is_judged, stack.handlers)) and lets_in(stack, (), 0)
        assert bool(refute_denial(stacks(text))) == wanted, text


def lets_in(stack: Stack, values: tuple[int, ...], depth: int) -> bool:
    """Return whether the rest can be so that a wrong password is let in, whatever is unknown."""
    state = start(stack)
    asked: list[Handler] = []
    for value in values:
        handler = position(stack, state)
        assert handler is not None
        asked.append(handler)
        state = step(stack, state, value)
    handler = position(stack, state)
    if handler is None:
        return verdict(state) == ReturnValue.SUCCESS
    known = possible(handler, stack.service)
    ways = known if known is not None else ALL - {0, int(ReturnValue.NEW_AUTHTOK_REQD)}
    same = [value for one, value in zip(asked, values)
            if (one.module, one.arguments) == (handler.module, handler.arguments)]  # fmt: skip
    ways = frozenset(same[:1]) if same and handler.module == "pam_securetty.so" else ways
    found = (lets_in(stack, (*values, value), depth + 1) for value in ways)
    return all(found) if known is None else any(found)


REMEDIES = {
    "auth sufficient pam_permit.so\n" + JUMP: "remove /etc/pam.d/sshd:1",
    "auth sufficient pam_faillock.so authsucc\n" + JUMP: "remove /etc/pam.d/sshd:1",
    "auth sufficient pam_succeed_if.so uid >= 1000\n" + JUMP: "remove /etc/pam.d/sshd:1",
    "auth required pam_faildelay.so\n" + UNIX:
        "`auth requisite pam_deny.so` right after /etc/pam.d/sshd:2",
    UNIX + PERMIT: "`auth requisite pam_deny.so` right after /etc/pam.d/sshd:1",
    JUMP.replace("auth requisite pam_deny.so\n", ""):
        "`auth requisite pam_deny.so` right after /etc/pam.d/sshd:1",
    "auth [success=2 default=ignore] pam_unix.so\nauth [success=1 default=ignore] pam_sss.so\n"
    + PERMIT: "`auth requisite pam_deny.so` right after /etc/pam.d/sshd:2",
    SURE + "auth required pam_radius_auth.so localifdown\n":
        "remove the argument localifdown from /etc/pam.d/sshd:2",
    SURE + "auth required pam_winbind.so Unknown_OK debug\n":
        "remove the argument Unknown_OK from /etc/pam.d/sshd:2",
    "auth [success=ok authinfo_unavail=ignore default=die] pam_krb5.so\n" + PERMIT:
        "change authinfo_unavail=ignore to authinfo_unavail=bad in /etc/pam.d/sshd:1",
    "auth [success=3 default=ignore] pam_unix.so\n"
    "auth [default=bad success=ok user_unknown=ignore] pam_sss.so use_first_pass\n"
    + PERMIT * 3: "change user_unknown=ignore to user_unknown=bad in /etc/pam.d/sshd:2",
    # A code alone lets people in there, and still does.
    UNIX + "auth required pam_google_authenticator.so nullok\n" + PERMIT:
        "remove the argument nullok from /etc/pam.d/sshd:2",
}  # fmt: skip


@pytest.mark.parametrize("text", REMEDIES)
def test_the_remedy_is_one_that_helps(text: str) -> None:
    now = stacks(text)
    found = refute_denial(now)
    assert found is not None
    told = remedy(now.auth, found)
    assert REMEDIES[text] in told
    then = stacks(carried_out(text, told))
    assert refute_denial(then) is None
    for right in {one.module for one in now.auth.handlers if is_judged(one)}:
        was, lets_in = (dispatched(one, right) for one in (now, then))
        assert lets_in or not was, right


def carried_out(text: str, told: str) -> str:
    """Do to the lines what a remedy says."""
    lines = text.splitlines()
    place = re.search(r":([0-9]+)", told)
    assert place
    index = int(place.group(1)) - 1
    argument = re.match(r"remove the argument (\S+)", told)
    action = re.match(r"change (\S+=ignore) to (\S+=bad) in", told)
    rule = re.search(r"`(.*)`", told)
    if argument:
        lines[index] = " ".join(word for word in lines[index].split() if word != argument.group(1))
    elif action:
        lines[index] = lines[index].replace(action.group(1), action.group(2))
    elif rule:
        lines.insert(index + 1, rule.group(1))
    else:
        del lines[index]
    return "".join(f"{line}\n" for line in lines)


def dispatched(now: Stacks, right: str) -> bool:
    """Return whether the password that one module finds right lets a person in."""

    def returns(handler: Handler, pass_: Pass) -> int:
        if handler.module == right:
            return ReturnValue.SUCCESS
        wrong = facts_of(handler)
        if wrong and wrong.handling is Handling.JUDGES:
            return ReturnValue.AUTH_ERR
        return usual_return(handler, pass_)

    return dispatch(now, Call.AUTHENTICATE, returns).result == ReturnValue.SUCCESS


def test_no_remedy_is_named_that_locks_people_out_or_does_not_help() -> None:
    # To remove the second line would move what the jump of the first one counts.
    text = "auth [success=2 default=ignore] pam_unix.so\nauth sufficient pam_permit.so\n" + PERMIT
    now = stacks(text + PERMIT)
    found = refute_denial(now)
    assert found is not None
    told = remedy(now.auth, found)
    assert "`auth requisite pam_deny.so` right after /etc/pam.d/sshd:1" in told


def test_where_no_single_change_helps_the_line_is_named() -> None:
    twice = "auth sufficient pam_permit.so\nauth sufficient pam_succeed_if.so uid >= 1000\n"
    now = stacks(twice + JUMP)
    found = refute_denial(now)
    assert found is not None
    assert (
        remedy(now.auth, found)
        == "change /etc/pam.d/sshd:1 (pam_permit.so), or the rules before it"
    )


def test_in_pam_conf_the_line_begins_with_the_service() -> None:
    files = {
        "/etc/pam.conf": b"sshd auth sufficient pam_unix.so\nsshd auth required pam_permit.so\n"
    }
    now = resolve_all("sshd", files.get, directories=())
    found = refute_denial(now)
    assert found is not None
    assert "`sshd auth requisite pam_deny.so` right after /etc/pam.conf:1" in remedy(
        now.auth, found
    )


def test_the_remedy_names_the_tool_that_wrote_the_file() -> None:
    text = "# Generated by authselect on a day\nauth sufficient pam_permit.so\n" + JUMP
    now = stacks(text)
    found = refute_denial(now)
    assert found is not None
    told = remedy(now.auth, found, {"/etc/pam.d/sshd": text.encode()}.get)
    tool = "authselect writes that file, and may write it again"
    assert told == f"remove /etc/pam.d/sshd:2 (pam_permit.so) ({tool})"
