from __future__ import annotations

import pytest

from creds_session.pam.keyring_rules.counterexample import Breach, Counterexample
from creds_session.pam.keyring_rules.proof import (
    refute,
    refute_closing,
    refute_denial,
    refute_reach,
    refute_start,
    refute_unknowing,
)
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.terms import Dialect, ManagementGroup, Pass, ReturnValue
from tests.oracle.oracle_services import AUTH_OURS, JUMP, files, stacks

AUTH, PASSWORD, SESSION = ManagementGroup.AUTH, ManagementGroup.PASSWORD, ManagementGroup.SESSION
IGNORED = "[default=ignore]"
NEVER = "auth [default=ignore] pam_gnome_keyring.so\n"


def safety(before: str, after: str, group: ManagementGroup = AUTH) -> Counterexample | None:
    return refute(stacks(before), stacks(after), group)


def breach(before: str, after: str, group: ManagementGroup = AUTH) -> Breach:
    found = safety(before, after, group)
    assert found is not None
    assert found.group is group
    return found.breach


def test_nothing_added_is_safe_and_reaches_nothing() -> None:
    assert safety(JUMP, JUMP) is None
    found = refute_reach(stacks(JUMP), stacks(JUMP), AUTH)
    assert found is not None
    assert found.breach is Breach.NOT_REACHED


def test_optional_is_safe_where_something_else_decides() -> None:
    assert safety(JUMP, JUMP + AUTH_OURS) is None
    assert refute_reach(stacks(JUMP), stacks(JUMP + AUTH_OURS), AUTH) is None


def test_optional_lets_in_where_nothing_else_decides() -> None:
    lone = "auth sufficient pam_unix.so\n"
    assert breach(lone, lone + AUTH_OURS) is Breach.LET_IN
    assert safety(lone, lone + NEVER) is None


@pytest.mark.parametrize("word", ["required", "requisite"])
def test_a_keyring_that_is_not_on_the_disk_locks_out_where_it_counts(word: str) -> None:
    found = safety(JUMP, JUMP + f"auth {word} pam_gnome_keyring.so\n")
    assert found is not None
    assert found.breach is Breach.LOCK_OUT
    assert found.steps[-1].handler.module == "pam_gnome_keyring.so"
    assert found.steps[-1].returned != ReturnValue.SUCCESS


def test_a_jump_that_lands_elsewhere_is_seen() -> None:
    first, *rest = JUMP.splitlines(keepends=True)
    within = first + AUTH_OURS + "".join(rest)
    assert breach(JUMP, within) in {Breach.LOCK_OUT, Breach.RUNS_OTHERWISE}


def test_a_substack_for_an_include_is_safe_only_where_nothing_follows() -> None:
    lib = "auth sufficient pam_unix.so\nauth required pam_deny.so\n"
    before, after = (
        stacks("auth include l\n", l=lib),
        stacks("auth substack l\n" + AUTH_OURS, l=lib),
    )
    assert refute(before, after, AUTH) is None
    assert refute_reach(before, after, AUTH) is None
    more = "auth required pam_2fa.so\n"
    before = stacks("auth include l\n" + more, l=lib)
    found = refute(before, stacks("auth substack l\n" + more, l=lib), AUTH)
    assert found is not None
    assert found.breach is Breach.RUNS_OTHERWISE


def test_the_first_rule_of_a_group_is_seen_to_take_the_place_of_other() -> None:
    before = stacks("account required a.so\n", other="auth required pam_unix.so\n")
    after = stacks("account required a.so\n" + AUTH_OURS, other="auth required pam_unix.so\n")
    assert refute(before, after, AUTH) is not None


def test_a_password_rule_is_walked_in_both_passes() -> None:
    lone = "password sufficient pam_unix.so\n"
    ours = "password required pam_gnome_keyring.so use_authtok\n"
    found = safety(lone, ours + lone, PASSWORD)
    assert found is not None
    assert found.pass_ is Pass.PRELIM


def test_setcred_uses_what_authenticate_cached() -> None:
    """What authenticate decided says nothing here: an ignore in setcred leaves it open."""
    text = "auth required pam_debug.so auth=success cred=ignore\n"
    found = safety(text, text + AUTH_OURS)
    assert found is not None
    assert (found.breach, found.pass_) == (Breach.LET_IN, Pass.SETCRED)
    assert safety(text, text + NEVER) is None


def test_the_end_of_a_session_lets_nobody_in() -> None:
    text = "session required pam_debug.so open_session=success close_session=ignore\n"
    rule = "session optional pam_gnome_keyring.so auto_start\n"
    assert safety(text, text + rule, SESSION) is None
    found = refute_closing(stacks(text), stacks(text + rule))
    assert found is not None
    assert (found.breach, found.pass_) == (Breach.CLOSES_OTHERWISE, Pass.CLOSE_SESSION)
    assert refute_closing(stacks(text), stacks(text + rule.replace("optional", IGNORED))) is None


def test_the_order_of_the_end_of_a_session_must_stay() -> None:
    first, *rest = JUMP.replace("auth", "session").splitlines(keepends=True)
    first = first.replace("success=1", "success=ok session_err=1")
    rule = "session optional pam_gnome_keyring.so auto_start\n"
    found = safety(first + "".join(rest), first + rule + "".join(rest), SESSION)
    assert found is not None


@pytest.mark.parametrize(
    "first",
    [
        "session required pam_selinux.so close\n",
        "session required pam_limits.so\n",
        "session required pam_unix.so\n",
    ],
)
def test_a_module_that_never_ignores_decides_a_session(first: str) -> None:
    rule = "session optional pam_gnome_keyring.so auto_start\n"
    assert safety(first, first + rule, SESSION) is None
    found = refute_unknowing(stacks(first), stacks(first + rule), SESSION)
    assert found is not None
    assert found.breach is Breach.LET_IN
    other = "session required pam_namespace.so\n"
    assert breach(other, other + rule, SESSION) is Breach.LET_IN


def test_what_is_known_of_a_module_holds_in_libpams_directory_alone() -> None:
    ours = "session optional pam_gnome_keyring.so auto_start\n"
    for path in ("/lib/security/pam_unix.so", "/lib64/security/$ISA/pam_unix.so"):
        text = f"session required {path}\n"
        assert safety(text, text + ours, SESSION) is None
    text = "session required /opt/site/pam_unix.so\n"
    assert breach(text, text + ours, SESSION) is Breach.LET_IN


def test_the_guard_of_root_changes_no_setcred_of_upstreams_libpam() -> None:
    lib = "auth sufficient pam_unix.so\nauth required pam_deny.so\n"
    text = "auth substack lib\n"
    guard = "auth [success=1 default=ignore] pam_succeed_if.so quiet uid = 0\n"
    known = files(text, lib=lib), files(text + guard + NEVER, lib=lib)
    before, after = (resolve_all("sshd", one.get, dialect=Dialect.UPSTREAM_1_7) for one in known)
    assert refute(before, after, AUTH) is None
    assert refute_unknowing(before, after, AUTH) is not None


HOLES = {
    "nothing denies": "auth required pam_faildelay.so\nauth sufficient pam_unix.so\n",
    "authsucc first": "auth sufficient pam_faillock.so authsucc\n" + JUMP,
    "permit first": "auth sufficient pam_permit.so\n" + JUMP,
    "a jump too far": JUMP.replace("auth requisite pam_deny.so\n", ""),
    "everybody is one of these": "auth sufficient pam_succeed_if.so uid >= 1000\n" + JUMP,
    "an unknown user is let through": JUMP.replace(
        "auth requisite pam_deny.so\n",
        "auth [default=bad success=ok user_unknown=ignore] pam_sss.so use_first_pass\n",
    ),
    "a second factor that some have": "auth sufficient pam_unix.so\n"
    "auth required pam_google_authenticator.so nullok\nauth required pam_permit.so\n",
    "a keyring that decides": "auth sufficient pam_unix.so\n" + AUTH_OURS,
}


@pytest.mark.parametrize("name", HOLES)
def test_a_wrong_password_that_is_let_in_is_found(name: str) -> None:
    found = refute_denial(stacks(HOLES[name]))
    assert found is not None
    assert found.breach is Breach.ANYBODY


@pytest.mark.parametrize(
    "text",
    [
        JUMP,
        "auth sufficient pam_fprintd.so\n" + JUMP,
        "auth sufficient pam_rootok.so\n" + JUMP,
        "auth sufficient pam_somebodys_own.so\n" + JUMP,
        "auth sufficient pam_succeed_if.so user ingroup nopasswdlogin\n" + JUMP,
        "auth required pam_permit.so\n",
        "auth required pam_env.so\nauth sufficient pam_unix.so\n",
        "auth required pam_env.so\nauth required pam_unix.so\n" + AUTH_OURS,
    ],
)
def test_who_gives_another_proof_is_no_hole(text: str) -> None:
    assert refute_denial(stacks(text)) is None


def test_a_module_that_lets_people_in_past_our_rule_means_not_reached() -> None:
    text = HOLES["authsucc first"] + AUTH_OURS
    found = refute_reach(stacks(HOLES["authsucc first"]), stacks(text), AUTH)
    assert found is not None
    assert found.breach is Breach.PASSED_BY
    assert [one.handler.module for one in found.steps] == ["pam_faillock.so"]


def test_an_unknown_module_is_taken_to_ask_where_no_other_does() -> None:
    text = "auth sufficient pam_kanidmish.so\nauth required pam_deny.so\n"
    found = refute_reach(stacks(text), stacks(text + AUTH_OURS), AUTH)
    assert found is not None
    assert found.breach is Breach.NOT_REACHED
    assert refute_reach(stacks(JUMP), stacks("auth sufficient pam_kanidmish.so\n" + JUMP), AUTH)


def test_reached_means_after_the_password_was_asked_for() -> None:
    found = refute_reach(stacks(JUMP), stacks(AUTH_OURS + JUMP), AUTH)
    assert found is not None
    assert found.breach is Breach.NOT_REACHED


def test_a_success_without_a_password_needs_no_keyring() -> None:
    key = "auth sufficient pam_2fa.so\n"
    before, after = stacks(key + JUMP), stacks(key + JUMP + AUTH_OURS)
    assert refute_reach(before, after, AUTH) is None


def test_strict_takes_returns_that_are_not_documented() -> None:
    before, after = stacks(JUMP), stacks(JUMP + AUTH_OURS)
    found = refute(before, after, AUTH, strict=True)
    assert found is not None
    assert found.steps[-1].returned == ReturnValue.NEW_AUTHTOK_REQD
    assert refute(before, stacks(JUMP + NEVER), AUTH, strict=True) is None


def test_a_counterexample_reads_from_top_to_bottom() -> None:
    found = safety(JUMP, JUMP + "auth required pam_gnome_keyring.so\n")
    head, *steps = str(found).splitlines()
    assert head == f"{Breach.LOCK_OUT.value}, in authenticate, when"
    assert steps[0] == "  pam_unix.so returns success  (/etc/pam.d/sshd:1)"
    assert steps[-1].endswith("(/etc/pam.d/sshd:4)")


def test_cost_grows_with_the_rules_and_not_with_their_combinations() -> None:
    controls = ["required", "optional", "[success=1 default=ignore]", "[default=1]", "requisite"]
    text = "".join(f"auth {controls[n % 5]} m{n}.so\n" for n in range(300)) + JUMP
    assert safety(text, text + NEVER) is None


STARTS = "auth optional pam_gnome_keyring.so auto_start\n"


@pytest.mark.parametrize(
    ("rules", "is_early"),
    [
        (STARTS + "auth required pam_unix.so\n", True),
        # It goes on after a wrong password, for `required` only remembers it.
        ("auth required pam_unix.so\n" + STARTS, True),
        ("auth optional pam_unix.so\n" + STARTS, True),
        # So it does after a password that has expired, which `requisite` lets pass.
        ("auth requisite pam_unix.so\n" + STARTS, True),
        ("auth [success=ok default=die] pam_unix.so\n" + STARTS, False),
        (JUMP + STARTS, False),
        # Another module's success is no right password.
        ("auth requisite pam_nologin.so\n" + STARTS, True),
        ("auth required pam_unix.so\n" + AUTH_OURS, False),
        ("auth required pam_unix.so\n" + STARTS[:-1] + " only_if=login\n", False),
        ("auth required pam_unix.so\n" + STARTS[:-1] + " only_if=sshd\n", True),
    ],
)
def test_a_rule_that_starts_a_daemon_after_a_wrong_password_is_seen(
    rules: str, *, is_early: bool
) -> None:
    without = "".join(x for x in rules.splitlines(keepends=True) if "gnome_keyring" not in x)
    found = refute_start(stacks(without), stacks(rules))
    assert (found is not None and found.breach is Breach.STARTS_EARLY) == is_early
