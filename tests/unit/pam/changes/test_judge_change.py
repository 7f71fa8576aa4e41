"""What counts as a finding, one rule of docs/explanation/judge.md after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional

import pytest

from creds_session.pam.changes.findings import Judgement, Kind, Topic
from creds_session.pam.changes.judge import judge_change
from creds_session.pam.changes.modules import Machine
from creds_session.pam.stack.handlers import Stacks
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.terms import Pass, ReturnValue

D = "/etc/pam.d/"
DENY = "auth required pam_deny.so\naccount required pam_deny.so\n"
DEBIAN = """\
auth [success=1 default=ignore] pam_unix.so
auth requisite pam_deny.so
auth required pam_permit.so
"""
TWO_FACTORS = "auth requisite pam_unix.so\nauth required pam_google_authenticator.so\n"
CHANGING = "password requisite pam_pwquality.so\npassword required pam_unix.so use_authtok\n"
SESSION = "session required pam_limits.so\nsession required pam_unix.so\n"
Exists = Callable[[str], Optional[bool]]


def stacks(text: str, **included: str) -> Stacks:
    files = {D + "svc": text.encode(), D + "other": DENY.encode()}
    files |= {D + name: content.encode() for name, content in included.items()}
    return resolve_all("svc", files.get)


def judged(before: str, after: str) -> Judgement:
    return judge_change(stacks(before), stacks(after))


def kinds(before: str, after: str) -> list[tuple[str, str]]:
    found = judged(before, after).findings
    return [(one.kind.name, one.pass_.value if one.pass_ else "") for one in found]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        pytest.param(DEBIAN, DEBIAN, [], id="the same"),
        pytest.param(DEBIAN, f"# a note\n\n{DEBIAN}", [], id="a comment"),
        pytest.param(
            DEBIAN, f"auth required pam_faillock.so preauth\n{DEBIAN}", [], id="a new check"
        ),
        pytest.param(
            DEBIAN,
            f"auth [success=2 default=ignore] pam_sss.so\n{DEBIAN}",
            [],
            id="another directory of users",
        ),
        pytest.param(
            DEBIAN.replace("success=1", "success=2").replace("default=ignore", "default=ignore", 1)
            .replace("pam_unix.so\n", "pam_unix.so\nauth [success=1 default=ignore] pam_krb5.so\n"),
            DEBIAN,
            [("LOCK_OUT", "authenticate")],
            id="a directory of users is gone",
        ),
        pytest.param(
            DEBIAN,
            DEBIAN.replace("auth requisite pam_deny.so", "auth [default=die] pam_faillock.so"
                           " authfail\nauth requisite pam_deny.so"),
            [("LOCK_OUT", "authenticate"), ("COUNTS_ALL", "authenticate")],
            id="a rule in a jump",
        ),
        pytest.param(
            DEBIAN,
            DEBIAN.replace("requisite", "optional"),
            [("LET_IN", "authenticate")],
            id="a denial that does not count",
        ),
        pytest.param(
            DEBIAN, f"auth sufficient pam_localuser.so\n{DEBIAN}", [("LET_IN", "authenticate")],
            id="a condition that everybody fulfils",
        ),
        pytest.param(
            DEBIAN, f"auth sufficient pam_rootok.so\n{DEBIAN}", [], id="root needs no password"
        ),
        pytest.param(
            DEBIAN, f"auth sufficient pam_unknown.so\n{DEBIAN}", [], id="a module in no table"
        ),
        pytest.param(
            TWO_FACTORS, TWO_FACTORS.splitlines()[0] + "\n", [("LET_IN", "authenticate")],
            id="the second factor is gone",
        ),
        pytest.param(
            TWO_FACTORS,
            TWO_FACTORS.replace("auth required pam_google", "auth optional pam_google"),
            [("LET_IN", "authenticate")],
            id="the second factor does not count",
        ),
        pytest.param(
            f"auth required pam_faillock.so preauth\n{DEBIAN}", DEBIAN,
            [("CHECK_GONE", "authenticate")], id="a check is gone",
        ),
        pytest.param(
            f"auth required pam_tally2.so\naccount required pam_tally2.so\n{DEBIAN}",
            f"auth required pam_faillock.so preauth\naccount required pam_faillock.so\n{DEBIAN}",
            [], id="a check has taken the place of another",
        ),
        pytest.param(
            "account required pam_unix.so\n",
            "account sufficient pam_permit.so\naccount required pam_unix.so\n",
            [("LET_IN", "acct_mgmt"), ("NO_LONGER_RUNS", "acct_mgmt")],
            id="expired accounts",
        ),
        pytest.param(
            "account required pam_unix.so\n",
            "account required pam_unix.so\naccount required pam_ldap.so\n",
            [("LOCK_OUT", "acct_mgmt")],
            id="a directory that does not know local users",
        ),
        pytest.param(
            CHANGING, CHANGING.split("\n", 1)[1],
            [("CHANGE_SUCCEEDS", "prelim"), ("CHANGE_FAILS", "update")],
            id="nobody asks for the new password",
        ),
        pytest.param(
            SESSION, "session sufficient pam_permit.so\n" + SESSION,
            [("NO_LONGER_RUNS", "open_session"), ("NO_LONGER_RUNS", "open_session")],
            id="dead rules",
        ),
        pytest.param(
            "session required pam_permit.so\n",
            "session required pam_permit.so\nsession requisite pam_deny.so\n",
            [("LOCK_OUT", "open_session")],
            id="no session",
        ),
        pytest.param(
            f"auth optional pam_mount.so\n{DEBIAN}",
            f"auth required pam_mount.so\n{DEBIAN}",
            [],
            id="a module that works is required now",
        ),
        pytest.param(DEBIAN, DEBIAN + "auth required\n", [("LOCK_OUT", "authenticate")],
                     id="a line that is no rule"),
        pytest.param(DEBIAN, DEBIAN + "@include nothing\n", [("UNLOADABLE", "")],
                     id="a file that does not exist"),
        pytest.param(DEBIAN + "@include nothing\n", DEBIAN, [], id="it can be loaded again"),
        pytest.param(
            DEBIAN + "auth optional pam_gnome_keyring.so\n",
            "auth optional pam_gnome_keyring.so\n" + DEBIAN,
            [("NO_PASSWORD", "authenticate")],
            id="a module before the password",
        ),
        pytest.param(
            DEBIAN.replace("[success=1 default=ignore] pam_unix.so\n", "sufficient pam_unix.so\n"),
            DEBIAN.replace("[success=1 default=ignore] pam_unix.so\n", "sufficient pam_unix.so\n")
            + "auth optional pam_gnome_keyring.so\n",
            [("DEAD_RULE", "authenticate")],
            id="an added rule that cannot run",
        ),
    ],
)  # fmt: skip
def test_what_is_found(before: str, after: str, found: list[tuple[str, str]]) -> None:
    assert kinds(before, after) == found


def test_the_counterexample_names_both_places_and_both_results() -> None:
    (found,) = judged(DEBIAN, f"auth sufficient pam_localuser.so\n{DEBIAN}").findings
    assert str(found).splitlines() == [
        "someone who was refused before is let in, in authenticate, when",
        "  pam_localuser.so returns success  (added: /etc/pam.d/svc:1)",
        "  pam_unix.so returns auth_err  (/etc/pam.d/svc:2, before: /etc/pam.d/svc:1; skipped now)",
        "  pam_deny.so returns auth_err  (/etc/pam.d/svc:3, before: /etc/pam.d/svc:2; skipped now)",
        "  the result was auth_err, and is success now",
    ]
    assert found.results == (ReturnValue.AUTH_ERR, ReturnValue.SUCCESS)


def test_nullok_lets_in_an_account_without_a_password() -> None:
    nullok = DEBIAN.replace("pam_unix.so", "pam_unix.so nullok")
    (found,) = judged(DEBIAN, nullok).findings
    assert (found.kind, found.detail) == (Kind.LET_IN, "an account with an empty password")
    assert found.steps[0].returned == "auth_err before and success after"
    back = judged(nullok, DEBIAN)
    assert not back.findings
    assert [note.topic for note in back.notes] == [Topic.ARGUMENTS]
    assert "an account with an empty password is refused now" in back.notes[0].text


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("uid >= 500", "uid >= 1000", []),
        ("uid >= 0", "uid >= 1000", [Kind.LOCK_OUT]),
        ("uid >= 1000", "uid >= 0", [Kind.LET_IN]),
        ("user = alice", "user = bob", [Kind.LOCK_OUT, Kind.LET_IN]),
    ],
)
def test_conditions_are_compared_for_ordinary_users_and_root(
    before: str, after: str, found: list[Kind]
) -> None:
    rule = "account required pam_succeed_if.so "
    seen = judged(f"{rule}{before}\n", f"{rule}{after}\n").findings
    assert [one.kind for one in seen] == found


def test_arguments_that_do_not_matter_are_noted() -> None:
    found = judged(DEBIAN, DEBIAN.replace("pam_unix.so", "pam_unix.so audit"))
    assert not found.findings
    assert [str(note) for note in found.notes] == [
        "arguments were changed: auth pam_unix.so with audit  (/etc/pam.d/svc:1)"
    ]


def test_an_argument_that_ignores_unknown_users_locks_nobody_out() -> None:
    before = "account required pam_unix.so\naccount sufficient pam_sss.so\n"
    after = "account required pam_unix.so\naccount required pam_sss.so{}\n"
    assert [one.kind for one in judged(before, after.format("")).findings] == [Kind.LOCK_OUT]
    assert not judged(before, after.format(" ignore_unknown_user")).findings


def judged_with(before: str, after: str, *exists: Exists) -> list[Kind]:
    was, now = (Machine("svc", one) for one in exists)
    return [one.kind for one in judge_change(stacks(before), stacks(after), (was, now)).findings]


def test_a_module_file_that_does_not_exist_is_missing_for_sure() -> None:
    def has_no_tally(path: str) -> bool:
        return path != "pam_tally2.so"

    before = f"{DEBIAN}account required pam_permit.so\n"
    after = f"auth required pam_tally2.so\naccount required pam_tally2.so\n{before}"
    found = judged_with(before, after, has_no_tally, has_no_tally)
    assert found == [Kind.LOCK_OUT, Kind.LOCK_OUT]
    assert judged_with(before, after, lambda _: True, lambda _: True) == []
    assert judged_with(after, after, lambda _: True, has_no_tally) == [Kind.LOCK_OUT] * 2


def test_includes_and_substacks_are_followed() -> None:
    text = "auth {} house\nauth optional pam_gnome_keyring.so\n"
    house = "auth sufficient pam_unix.so\nauth required pam_deny.so\n"
    before, after = (stacks(text.format(kind), house=house) for kind in ("substack", "include"))
    found = judge_change(before, after).findings
    assert [one.kind for one in found] == [Kind.NO_LONGER_RUNS]
    assert found[0].subject is not None
    assert found[0].subject.module_path == "pam_gnome_keyring.so"
    assert found[0].pass_ is Pass.AUTHENTICATE
    back = judge_change(after, before)
    assert not back.findings
    assert [note.topic for note in back.notes] == [Topic.RUNS_NEWLY]


def test_a_rule_that_moved_answers_the_same() -> None:
    before = "auth required pam_unix.so\nauth required pam_faillock.so preauth\n"
    after = "auth required pam_faillock.so preauth\nauth required pam_unix.so\n"
    assert not judged(before, after).findings
    assert not judged(before, after).notes


@pytest.mark.parametrize(
    ("rule", "condition"),
    [
        ("auth sufficient pam_exec.so /bin/true", "pam_exec.so /bin/true"),
        ("auth [success=done default=ignore] pam_exec.so quiet /x", "pam_exec.so quiet /x"),
        (
            "auth sufficient pam_succeed_if.so user ingroup web",
            "pam_succeed_if.so user ingroup web",
        ),
        ("auth sufficient pam_wheel.so trust use_uid", "pam_wheel.so trust use_uid"),
        (
            "auth sufficient pam_listfile.so item=user sense=allow file=/x",
            "pam_listfile.so item=user sense=allow file=/x",
        ),
        ("auth sufficient pam_rhosts.so", "pam_rhosts.so"),
        ("auth [success=2 default=ignore] pam_exec.so /x", "pam_exec.so /x"),
    ],
)
def test_a_rule_that_lets_in_without_a_secret_is_found_with_its_condition(
    rule: str, condition: str
) -> None:
    found = judged(DEBIAN, f"{rule}\n{DEBIAN}").findings
    assert [(one.kind, one.pass_) for one in found] == [(Kind.LET_IN_IF, Pass.AUTHENTICATE)]
    assert found[0].detail == condition
    assert judged(f"{rule}\n{DEBIAN}", f"{rule}\n{DEBIAN}").findings == ()


@pytest.mark.parametrize(
    "rule",
    [
        "auth sufficient pam_exec.so expose_authtok /usr/bin/check",  # it may check the password
        "auth required pam_exec.so /bin/true",
        "auth optional pam_exec.so /bin/true",
        "auth [success=1 default=ignore] pam_succeed_if.so user ingroup web",
        "auth sufficient pam_fprintd.so",
        "auth sufficient pam_rootok.so",
        "auth sufficient pam_script.so",  # in no table: a script can read the password
    ],
)
def test_a_rule_that_lets_nobody_in_by_a_condition_alone_is_not_found(rule: str) -> None:
    after = f"{rule}\nauth required pam_env.so\n{DEBIAN}"
    assert "LET_IN_IF" not in [kind for kind, _ in kinds(DEBIAN, after)]


def test_a_condition_that_takes_the_place_of_another_is_not_found() -> None:
    before, after = (f"auth sufficient pam_exec.so {name}\n{DEBIAN}" for name in ("/x", "/y"))
    assert kinds(before, after) == []


REFUSES = "; whoever it refuses is locked out"
ACCEPTS = "; whoever it accepts skips the rules below"


@pytest.mark.parametrize(
    ("rule", "end"),
    [
        ("auth required pam_exec.so /bin/x", REFUSES),
        ("auth requisite pam_access.so", REFUSES),
        ("auth [default=die] pam_faillock.so authfail", REFUSES),
        ("auth sufficient pam_exec.so /bin/x", ACCEPTS),
        ("auth sufficient pam_rootok.so", ACCEPTS),
        ("account [success=done default=bad] pam_access.so", REFUSES + ACCEPTS),
        ("auth optional pam_exec.so /bin/x", ""),
        ("auth required pam_env.so", ""),
    ],
)
def test_the_note_on_a_new_rule_says_what_its_control_does(rule: str, end: str) -> None:
    group = "" if rule.startswith("auth") else "account required pam_unix.so\n"
    found = judged(DEBIAN + group, f"{rule}\n{DEBIAN}{group}")
    (note,) = [str(note) for note in found.notes if note.topic is Topic.ADDED]
    assert note.partition(")")[2] == end


EXEMPT = "[success=1 default=ignore] pam_succeed_if.so quiet user ingroup exempt"
UNIX = "account required pam_unix.so\n"
ACCESS = "account required pam_access.so\n"
EXEC = "session optional pam_exec.so /x\n"
EXEMPT_EXEC = f"session {EXEMPT}\n{EXEC}"
SYSTEM_EXEC = f"session [success=1 default=ignore] pam_usertype.so issystem\n{EXEC}"
UMASK = "session optional pam_umask.so\nsession optional pam_env.so\n"
MORE = "a module runs at a login that skipped it before: "


def more(before: str, after: str) -> list[list[str]]:
    """Return the lines of each note on a module that runs at more logins than before."""
    notes = judged(before, after).notes
    return [str(note).splitlines() for note in notes if note.topic is Topic.RUNS_FOR_MORE]


def test_a_module_that_runs_at_a_login_that_skipped_it_is_noted_with_that_login() -> None:
    found = judged(f"account {EXEMPT}\n{ACCESS}{UNIX}", ACCESS + UNIX)
    (note,) = [note for note in found.notes if note.topic is Topic.RUNS_FOR_MORE]
    ran = "  pam_access.so returns success"
    assert str(note).splitlines() == [
        f"{MORE}account pam_access.so; whoever pam_access.so refuses is locked out, when",
        "  pam_succeed_if.so returns success  (removed: /etc/pam.d/svc:1)",
        f"{ran}  (/etc/pam.d/svc:1, before: /etc/pam.d/svc:2; skipped before)",
        "  pam_unix.so returns success  (/etc/pam.d/svc:2, before: /etc/pam.d/svc:3)",
    ]
    assert [step.returned_before for step in note.steps] == [ReturnValue.SUCCESS, None, 0]
    assert Kind.LOCK_OUT not in {one.kind for one in found.findings}


def test_the_login_that_a_note_shows_is_let_in_by_the_new_rules() -> None:
    """The usual value of the new rule would refuse the person of the scenario."""
    before = f"account [success=1 default=ignore] pam_usertype.so issystem\n{ACCESS}{UNIX}"
    after = f"account required pam_succeed_if.so user ingroup staff\n{ACCESS}{UNIX}"
    (note,) = more(before, after)
    assert note[0].startswith(f"{MORE}account pam_access.so; ")
    assert "  pam_succeed_if.so returns success  (added: /etc/pam.d/svc:1)" in note


@pytest.mark.parametrize("control", ["required", "requisite"])
def test_a_new_rule_that_refuses_people_does_not_hide_the_end_of_an_exemption(
    control: str,
) -> None:
    before = f"account {EXEMPT}\n{ACCESS}{UNIX}"
    after = f"account {control} pam_usertype.so isregular\n{ACCESS}{UNIX}"
    (note,) = more(before, after)
    assert note[0].startswith(f"{MORE}account pam_access.so; ")
    assert "  pam_usertype.so returns success  (added: /etc/pam.d/svc:1)" in note


@pytest.mark.parametrize(
    ("before", "after", "modules"),
    [
        pytest.param(
            f"session {EXEMPT.replace('=1', '=2')}\n{SESSION}session optional pam_umask.so\n",
            f"{SESSION}session optional pam_umask.so\n",
            "session pam_limits.so, pam_unix.so", id="one note for all rules of a scenario",
        ),
        pytest.param(
            f"account {EXEMPT.replace('=1', '=2')}\n{ACCESS}account required pam_time.so\n{UNIX}",
            f"account {EXEMPT}\n{ACCESS}account required pam_time.so\n{UNIX}",
            "account pam_time.so; whoever pam_time.so refuses is locked out", id="a shorter jump",
        ),
        pytest.param(
            f"session sufficient pam_succeed_if.so uid < 1000\n{SESSION}", SESSION,
            "session pam_limits.so, pam_unix.so", id="a sufficient condition is gone",
        ),
        pytest.param(
            f"session sufficient pam_succeed_if.so user = alice\n{SESSION}",
            f"session sufficient pam_succeed_if.so user = bob\n{SESSION}",
            "session pam_limits.so, pam_unix.so", id="another condition",
        ),
        pytest.param(
            f"account sufficient pam_localuser.so\n{ACCESS}{UNIX}",
            "account [success=1 default=ignore] pam_succeed_if.so user ingroup checked\n"
            f"account sufficient pam_localuser.so\n{ACCESS}{UNIX}",
            "account pam_access.so, pam_unix.so; whoever pam_access.so refuses is locked out"
            "; whoever pam_unix.so refuses is locked out",
            id="a new condition jumps over the rule that skipped it",
        ),
        pytest.param(
            f"session optional pam_umask.so\nsession {EXEMPT}\nsession optional pam_exec.so x\n",
            f"session optional pam_exec.so x\nsession optional pam_umask.so\nsession {EXEMPT}\n"
            "session optional pam_env.so\n",
            "session pam_exec.so", id="the rule has moved out of the jump",
        ),
    ],
)  # fmt: skip
def test_whoever_was_exempt_is_seen(before: str, after: str, modules: str) -> None:
    assert [lines[0] for lines in more(before, after)] == [f"{MORE}{modules}, when"]
    assert sum("skipped before)" in line for line in more(before, after)[0]) == (
        modules.partition(";")[0].count(".so")
    )
    assert more(after, after) == more(before, before) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            f"account sufficient pam_succeed_if.so uid < 1000 quiet\n{ACCESS}",
            f"account sufficient pam_usertype.so issystem\n{ACCESS}",
            id="a condition has taken the place of another",
        ),
        pytest.param(
            EXEMPT_EXEC, SYSTEM_EXEC,
            id="a session condition has taken the place of another",
        ),
        pytest.param(
            f"{UMASK}{EXEMPT_EXEC}", f"{SYSTEM_EXEC}{UMASK}",
            id="a rule has moved up with another condition",
        ),
        pytest.param(
            f"{SYSTEM_EXEC}{UMASK}", f"{UMASK}{EXEMPT_EXEC}",
            id="a rule has moved down with another condition",
        ),
        pytest.param(
            f"account {EXEMPT}\n{ACCESS}", f"account {EXEMPT}\naccount required pam_x.so\n{ACCESS}",
            id="a new rule in the jump",
        ),
        pytest.param(
            "auth sufficient pam_unix.so\nauth sufficient pam_sss.so\nauth required pam_deny.so\n",
            "auth sufficient pam_sss.so\nauth sufficient pam_unix.so\nauth required pam_deny.so\n",
            id="another order of two proofs",
        ),
        pytest.param(
            f"account {EXEMPT}\naccount required pam_permit.so\n{UNIX}",
            f"account required pam_permit.so\n{UNIX}",
            id="a module that does nothing",
        ),
        pytest.param(
            SESSION, f"session optional pam_env.so\n{SESSION}", id="a new rule that skips nothing"
        ),
        pytest.param(
            f"session sufficient pam_permit.so\n{SESSION}", SESSION,
            id="it could not run at all, which is another note",
        ),
    ],
)  # fmt: skip
def test_no_note_if_nobody_was_exempt(before: str, after: str) -> None:
    assert more(before, after) == []


def test_a_proof_that_became_necessary_is_a_finding() -> None:
    factor = "auth required pam_google_authenticator.so\n"
    before = f"auth requisite pam_unix.so\nauth {EXEMPT}\n{factor}auth required pam_permit.so\n"
    assert kinds(before, before.replace(f"auth {EXEMPT}\n", "")) == [("LOCK_OUT", "authenticate")]


@pytest.mark.parametrize(
    ("rule", "is_noted"),
    [
        ("optional pam_exec.so /x", True),
        ("sufficient pam_exec.so /x", True),
        ("optional pam_sss.so", True),
        ("sufficient pam_sss.so", False),
        ("[success=1 default=ignore] pam_sss.so", False),
        ("required pam_sss.so", False),
    ],
)
def test_a_proof_is_left_out_only_if_its_answer_decides(rule: str, *, is_noted: bool) -> None:
    end = f"auth {rule}\nauth required pam_unix.so\n"
    found = more(f"auth {EXEMPT}\n{end}", end)
    assert bool(found) is is_noted


def test_without_notes_the_findings_are_the_same() -> None:
    sides = stacks(DEBIAN), stacks(f"auth sufficient pam_localuser.so\n{DEBIAN}")
    with_notes, without = judge_change(*sides), judge_change(*sides, with_notes=False)
    assert with_notes.findings
    assert with_notes.notes
    assert without == with_notes._replace(notes=())


@pytest.mark.parametrize(
    ("before", "after", "is_noted"),
    [
        ("pam_succeed_if.so user ingroup a", "pam_succeed_if.so user ingroup b", False),
        ("pam_succeed_if.so uid < 1000", "pam_succeed_if.so uid < 500", False),
        ("pam_listfile.so item=user file=/a", "pam_listfile.so item=user file=/b", False),
        ("pam_succeed_if.so user = alice", "pam_succeed_if.so user = carol", True),
    ],
)
def test_a_changed_condition_is_noted_only_if_a_known_person_answers_differently(
    before: str, after: str, *, is_noted: bool
) -> None:
    """As docs/explanation/judge.md says; who is in a group or a file is not in the PAM files."""
    was, now = (
        f"account [success=1 default=ignore] {rule}\n{ACCESS}{UNIX}" for rule in (before, after)
    )
    topics = [note.topic for note in judged(was, now).notes]
    assert topics == [Topic.ARGUMENTS] + [Topic.RUNS_FOR_MORE] * is_noted
