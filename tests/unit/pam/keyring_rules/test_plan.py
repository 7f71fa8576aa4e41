from __future__ import annotations

import pytest

from creds_session.errors import InvalidData
from creds_session.pam.keyring_rules.counterexample import Breach
from creds_session.pam.keyring_rules.plan import NoSafeEdit, Options, Plan, apply_edits, plan
from creds_session.pam.syntax.terms import Dialect, ManagementGroup
from tests.oracle.oracle_services import AUTH_OURS, JUMP, REST, SESSION, SSHD, changed, files, make

ENDS = "auth sufficient pam_unix.so\nauth required pam_deny.so\n"
PASSWORD_ENDS = "password sufficient pam_unix.so\npassword required pam_deny.so\n"


def verdict(made: Plan, group: ManagementGroup) -> tuple[bool, bool, str]:
    found = next(one for one in made.after if one.group is group)
    return found.present, found.reached, found.problem


def refused(sshd: str, breach: Breach, options: Options | None = None, **others: str) -> None:
    with pytest.raises(NoSafeEdit, match=breach.value):
        make(sshd, options, **others)


# facts that were measured with the real libpam


def test_lone_sufficient_never_gets_an_optional_rule_that_would_let_everyone_in() -> None:
    refused("auth sufficient pam_unix.so\n" + REST, Breach.NOT_REACHED)
    refused("auth sufficient pam_unix.so\n" + AUTH_OURS + REST, Breach.LET_IN)


def test_a_stack_that_nothing_decides_gets_a_rule_that_never_counts() -> None:
    made = make("auth [success=ok default=ignore] pam_unix.so\n" + REST)
    assert changed(made) == ["auth       [default=ignore] pam_gnome_keyring.so"]


def test_the_field_s_own_word_where_it_is_proved() -> None:
    assert changed(make(JUMP + REST)) == ["auth       optional     pam_gnome_keyring.so"]


def test_a_jump_range_is_never_entered() -> None:
    made = make(JUMP + REST)
    (edit,) = made.edits
    assert made.content[: edit.offset].decode() == JUMP


def test_a_jump_out_of_an_include_is_not_entered_either() -> None:
    leap = "auth [success=1 default=ignore] pam_unix.so\n"
    made = make(
        "@include lib\nauth requisite pam_deny.so\nauth required pam_permit.so\n" + REST, lib=leap
    )
    assert made.result.decode().splitlines()[3] == "auth       optional     pam_gnome_keyring.so"


def test_a_rule_of_ours_inside_a_jump_range_is_refused() -> None:
    first, *rest = JUMP.splitlines(keepends=True)
    with pytest.raises(NoSafeEdit, match="no safe place for the auth rule"):
        make(first + AUTH_OURS + "".join(rest) + REST)


def test_a_group_without_rules_never_gets_its_first() -> None:
    made = make("account required pam_unix.so\nsession required pam_permit.so\n")
    assert made.edits == ()


def test_a_daemon_that_nobody_gives_a_password_is_not_started() -> None:
    made = make("auth required pam_2fa.so\nsession required pam_permit.so\n")
    assert made.edits == ()
    assert not any(one.applies for one in made.after)


def test_a_service_whose_only_rules_come_from_other_gets_none() -> None:
    made = make("account required pam_unix.so\n")
    assert made.edits == ()


@pytest.mark.parametrize("word", ["required", "requisite", "[success=ok default=bad]"])
def test_a_rule_of_ours_that_can_decide_the_login_changes_its_control(word: str) -> None:
    made = make(JUMP + f"auth {word} pam_gnome_keyring.so # mine\n" + REST)
    assert changed(made) == ["auth optional pam_gnome_keyring.so # mine"]
    assert [edit.old.decode() for edit in made.edits] == [word]


def test_sufficient_counts_only_where_something_follows() -> None:
    word = "auth sufficient pam_gnome_keyring.so\n"
    assert make(JUMP + word + REST).edits == ()
    made = make(JUMP + word + "auth required pam_2fa.so\n" + REST)
    assert changed(made) == ["auth optional pam_gnome_keyring.so"]


def test_rules_of_ours_are_corrected_in_every_group_at_once() -> None:
    text = """\
auth required pam_unix.so
auth required pam_gnome_keyring.so
account required pam_unix.so
password required pam_unix.so
password required pam_gnome_keyring.so use_authtok
session required pam_unix.so
session required pam_gnome_keyring.so auto_start
"""
    made = make(text)
    assert [(edit.old, edit.new) for edit in made.edits] == [(b"required", b"[default=ignore]")] * 3
    assert not any(one.problem for one in made.after)
    assert all(one.problem for one in made.before)


def test_the_second_group_is_planned_though_the_first_must_be_corrected() -> None:
    made = make(
        "auth required pam_unix.so\nauth required pam_gnome_keyring.so\nsession required a.so\n"
    )
    assert changed(made) == [
        "auth [default=ignore] pam_gnome_keyring.so",
        "session    [default=ignore] pam_gnome_keyring.so auto_start",
    ]


def test_only_add_leaves_the_words_and_says_what_is_wrong() -> None:
    text = JUMP + "auth required pam_gnome_keyring.so\n" + SESSION
    made = make(text, Options(only_add=True))
    assert made.result == text.encode()
    present, reached, problem = verdict(made, ManagementGroup.AUTH)
    assert (present, reached) == (True, True)
    assert problem.startswith(Breach.LOCK_OUT.value)


def test_session_rule_before_pam_systemd_is_refused() -> None:
    text = JUMP + AUTH_OURS + SESSION + "session optional pam_systemd.so\n"
    refused(text, Breach.NOT_REACHED)


@pytest.mark.parametrize("module", ["pam_systemd.so", "pam_selinux.so", "pam_elogind.so"])
def test_session_rule_goes_behind_what_makes_the_session(module: str) -> None:
    text = JUMP + AUTH_OURS + f"session required pam_permit.so\nsession optional {module}\n"
    lines = make(text).result.decode().splitlines()
    assert "pam_gnome_keyring.so auto_start" in lines[-1]


def test_missing_auto_start_is_added() -> None:
    text = (
        JUMP + AUTH_OURS + "session required pam_permit.so\nsession optional pam_gnome_keyring.so\n"
    )
    made = make(text)
    assert changed(made) == ["session optional pam_gnome_keyring.so auto_start"]
    assert [edit.new for edit in made.edits] == [b" auto_start"]


@pytest.mark.parametrize(
    "module", ["pam_mkhomedir.so", "pam_mount.so", "pam_ecryptfs.so", "pam_limits.so", "pam_env.so"]
)
def test_session_rule_goes_behind_what_makes_the_home_or_the_limits(module: str) -> None:
    """Before them the daemon would have other limits, and files below the mounted home."""
    rest = "session required pam_unix.so\nsession optional pam_systemd.so\n"
    made = make(
        JUMP + AUTH_OURS + "account required pam_unix.so\n" + rest + f"session optional {module}\n"
    )
    assert made.result.decode().endswith(
        f"session optional {module}\nsession    [default=ignore] pam_gnome_keyring.so auto_start\n"
    )


def test_session_rule_stands_before_what_makes_the_home_if_only_that_is_proved() -> None:
    """Behind a jump over the rest of the stack nothing of ours would be reached."""
    rest = "session required pam_unix.so\nsession optional pam_systemd.so\n"
    leap = "session [success=done default=ignore] pam_mount.so\n"
    made = make(JUMP + AUTH_OURS + "account required pam_unix.so\n" + rest + leap)
    assert made.result.decode().endswith(
        f"pam_systemd.so\nsession    [default=ignore] pam_gnome_keyring.so auto_start\n{leap}"
    )


def test_session_rule_that_spends_the_password_is_not_joined_by_a_second() -> None:
    """open_session destroys the stashed password: the second rule would start a locked daemon."""
    lib = "session required pam_permit.so\nsession optional pam_gnome_keyring.so\n"
    with pytest.raises(NoSafeEdit, match="session"):
        make(JUMP + AUTH_OURS + "session include lib\n", lib=lib)


def test_session_rule_that_is_excluded_by_only_if_gets_a_second_rule_beside_it() -> None:
    text = JUMP + AUTH_OURS + "session required pam_permit.so\n"
    text += "session optional pam_gnome_keyring.so only_if=login auto_start\n"
    assert changed(make(text)) == ["session    optional     pam_gnome_keyring.so auto_start"]


def test_an_unsafe_rule_is_corrected_and_a_second_put_in_at_once() -> None:
    text = "auth required pam_unix.so\nauth optional pam_gnome_keyring.so only_if=login\n"
    made = make(text + "session required pam_unix.so\n")
    assert changed(made)[0] == "auth       [default=ignore] pam_gnome_keyring.so"
    never_ignores = text.replace("pam_unix.so", "pam_sss.so use_first_pass")
    assert changed(make(never_ignores + "session required pam_unix.so\n"))[0] == changed(made)[0]
    may_ignore = text.replace("pam_unix.so", "pam_sss.so ignore_unknown_user")
    assert changed(make(may_ignore + "session required pam_unix.so\n"))[:2] == [
        "auth       [default=ignore] pam_gnome_keyring.so",
        "auth [default=ignore] pam_gnome_keyring.so only_if=login",
    ]


def test_only_if_that_does_not_list_the_service_needs_a_second_rule() -> None:
    text = JUMP + "auth optional pam_gnome_keyring.so only_if=login,gdm\n" + SESSION
    assert changed(make(text)) == ["auth       optional     pam_gnome_keyring.so"]
    assert make(text.replace("gdm", "sshd")).edits == ()


def test_second_rules_in_auth_do_no_harm_and_nothing_is_done() -> None:
    assert make(JUMP + AUTH_OURS * 2 + SESSION).edits == ()


@pytest.mark.parametrize(
    "head",
    [
        "# here are the per-package modules, managed by pam-auth-update(8)\n",
        "# Generated by authselect on Mon\n",
        "# This file is auto-generated. User changes will be destroyed by authconfig\n",
    ],
)
def test_a_file_that_a_tool_rewrites_is_refused(head: str) -> None:
    with pytest.raises(InvalidData, match=r"written by .*, whose next run would undo"):
        make(head + JUMP + SESSION)
    assert make(head + JUMP + AUTH_OURS + SESSION).edits == ()


# include and substack


def test_include_becomes_substack_where_its_success_would_end_the_stack() -> None:
    made = make("auth include lib\n" + SESSION, lib=ENDS)
    assert changed(made) == ["auth substack lib", "auth       optional     pam_gnome_keyring.so"]
    assert [(edit.old, edit.new) for edit in made.edits if edit.old] == [(b"include", b"substack")]


def test_the_password_rule_of_red_hat_s_layout_is_reached_by_a_substack() -> None:
    text = "auth required pam_permit.so\npassword   include      lib\n" + SESSION
    made = make(text, lib=PASSWORD_ENDS)
    assert changed(made) == [
        "password   substack      lib",
        "password   optional     pam_gnome_keyring.so use_authtok",
    ]


def test_include_stays_where_a_second_factor_would_start_to_count() -> None:
    refused(
        "auth include lib\nauth required pam_2fa.so\n" + SESSION, Breach.RUNS_OTHERWISE, lib=ENDS
    )


def test_only_add_keeps_include_and_says_what_is_missing() -> None:
    made = make("auth include lib\n" + SESSION, Options(only_add=True), lib=ENDS)
    assert made.edits == ()
    assert verdict(made, ManagementGroup.AUTH)[:2] == (False, False)


def test_only_add_says_which_word_would_help() -> None:
    text = f"{JUMP}{SESSION}password   include      lib\n"
    made = make(text, Options(only_add=True), lib=PASSWORD_ENDS)
    (refusal,) = made.refusals
    line = text.count("\n")
    assert refusal.hint == (
        "without --only-add, apply can add the rule:"
        f" it then changes line {line}: include to substack"
    )
    without_any = JUMP + SESSION + PASSWORD_ENDS
    (refusal,) = make(without_any, Options(only_add=True)).refusals
    assert "without --only-add" not in refusal.hint


def test_at_include_needs_no_word() -> None:
    made = make("@include lib\n" + SESSION, lib=JUMP)
    assert changed(made) == ["auth       optional     pam_gnome_keyring.so"]


def test_a_rule_for_the_password_that_an_include_brings_is_not_doubled() -> None:
    lib = """\
password [success=1 default=ignore] pam_unix.so
password requisite pam_deny.so
password required pam_permit.so
password optional pam_gnome_keyring.so
"""
    assert make(JUMP + AUTH_OURS + "@include lib\n" + SESSION, lib=lib).edits == ()


# options


def test_skip_root_puts_a_guard_before_each_rule_of_a_login() -> None:
    text = JUMP + "password required pam_unix.so\nsession required pam_permit.so\n"
    assert changed(make(text, Options(skip_root=True))) == [
        "auth       [success=1 default=ignore] pam_succeed_if.so quiet uid = 0",
        "auth       optional     pam_gnome_keyring.so",
        "password   [default=ignore] pam_gnome_keyring.so use_authtok",
        "session    [success=1 default=ignore] pam_succeed_if.so quiet uid = 0",
        "session    optional     pam_gnome_keyring.so auto_start",
    ]


def test_skip_root_guards_rules_that_are_there_and_only_once() -> None:
    text = JUMP + AUTH_OURS + SESSION
    made = make(text, Options(skip_root=True))
    assert made.result.decode().count("quiet uid = 0") == 2
    assert all(not edit.old for edit in made.edits)
    assert make(made.result.decode(), Options(skip_root=True)).edits == ()
    assert make(made.result.decode()).edits == ()


@pytest.mark.parametrize("early", ["required", "optional", "[default=ignore]"])
def test_skip_root_guards_a_rule_that_runs_too_early_and_only_once(early: str) -> None:
    """Each further apply added another rule: no plan put a guard before a rule of the file too."""
    text = f"auth {early} pam_gnome_keyring.so\n" + JUMP + SESSION
    made = make(text, Options(skip_root=True))
    assert made.result.decode().count("quiet uid = 0") == 3
    assert make(made.result.decode(), Options(skip_root=True)).edits == ()
    later = make(make(text).result.decode(), Options(skip_root=True))
    assert later.result == made.result


def test_skip_root_guards_no_rule_a_second_time() -> None:
    guarded = make(JUMP + SESSION, Options(skip_root=True)).result.decode()
    made = make(AUTH_OURS + guarded, Options(skip_root=True))
    assert [edit.line for edit in made.edits] == [1]
    assert make(made.result.decode(), Options(skip_root=True)).edits == ()


@pytest.mark.parametrize("control", ["required", "[success=1 default=ignore]"])
def test_a_rule_of_the_admin_s_that_looks_like_the_guard_is_left_alone(control: str) -> None:
    own = f"auth {control} pam_succeed_if.so quiet uid = 0\nauth required pam_2fa.so\n"
    text = own + JUMP + SESSION
    made = make(text)
    assert made.result.decode().startswith(own)
    assert make(made.result.decode()).edits == ()


def test_strict_never_writes_a_control_that_can_count() -> None:
    made = make(JUMP + REST, Options(strict=True))
    assert changed(made) == [
        "auth       [default=ignore] pam_gnome_keyring.so",
        "session [default=ignore] pam_gnome_keyring.so auto_start",
    ]


# what must not be touched


def test_a_last_line_without_a_newline_gets_none() -> None:
    text = JUMP + AUTH_OURS + "session required pam_permit.so"
    result = make(text).result.decode()
    assert result == text + "\nsession    optional     pam_gnome_keyring.so auto_start"


def test_a_continued_rule_is_not_split() -> None:
    text = "auth required \\\n pam_unix.so \\\n nullok\n" + SESSION
    lines = make(text).result.decode().splitlines()
    assert lines[3] == "auth       [default=ignore] pam_gnome_keyring.so"


@pytest.mark.parametrize(
    "line",
    [
        "auht required pam_unix.so\n",
        "auth requierd pam_unix.so\n",
        "auth required\n",
        "auth required pam_unix.so\r\n",
        "auth [success=ok default=bad pam_unix.so\n",
    ],
)
def test_a_file_that_libpam_fails_on_is_refused_with_its_place(line: str) -> None:
    with pytest.raises(InvalidData, match=r"/etc/pam.d/sshd:4:\d+: "):
        make(JUMP + line + SESSION)


def test_a_broken_include_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidData, match=r"/etc/pam.d/lib:1: libpam always fails here"):
        make("auth include lib\n" + JUMP + SESSION, lib="auth requierd pam_unix.so\n")
    with pytest.raises(InvalidData, match=r"unable to open /etc/pam\.d/nobody"):
        make("@include nobody\n" + JUMP + SESSION)


@pytest.mark.parametrize(
    ("lib", "line", "cause", "way_out"),
    [
        ("\ufeff" + JUMP, 1, "byte order mark", "remove the three bytes"),
        (JUMP.replace("\n", "\r\n"), 1, "carriage return", "Unix line ends"),
        ("# " + "x" * 1100 + "\n" + JUMP, 1, "longer than 1,023 bytes", "1,023 bytes or shorter"),
        ("auth requierd pam_unix.so\n", 1, "did you mean required?", "correct that line"),
        (JUMP + "auth include nobody\n", 4, "unable to open", "restore that file"),
    ],
)
@pytest.mark.parametrize("start", ["@include lib\n", "auth include lib\n", "auth substack lib\n"])
def test_a_broken_line_of_an_included_file_is_explained(
    start: str, lib: str, line: int, cause: str, way_out: str
) -> None:
    with pytest.raises(InvalidData, match=rf"/etc/pam\.d/lib:{line}: ") as raised:
        plan("sshd", SSHD, files(start + SESSION, lib=lib).get, Dialect.DEBIAN_1_5)
    assert cause in raised.value.problem
    assert way_out in raised.value.hint


def test_a_broken_file_of_a_tool_names_the_tool() -> None:
    lib = "# Generated by authselect\nauth requierd pam_unix.so\n"
    with pytest.raises(InvalidData) as raised:
        make("auth include lib\n" + JUMP + SESSION, lib=lib)
    assert "let authselect write that file again" in raised.value.hint


def test_a_service_that_other_breaks_names_the_line_of_other() -> None:
    with pytest.raises(InvalidData, match=r"/etc/pam\.d/other:2: unable to open") as raised:
        make(JUMP + SESSION, other="auth required pam_deny.so\n@include nobody\n")
    assert "for every service" in raised.value.hint


@pytest.mark.parametrize(
    ("head", "way_out"),
    [
        ("# Generated by authselect\n", "authselect disable-feature with-pam-gnome-keyring"),
        ("# This file is autogenerated by pam-config.\n", "pam-config --delete --gnome_keyring"),
        ("", "remove /etc/pam.d/lib:1"),
    ],
)
@pytest.mark.parametrize("service", ["crond", "sudo", "su"])
def test_a_session_rule_of_another_person_is_removed_by_its_tool(
    service: str, head: str, way_out: str
) -> None:
    rule = "session optional pam_gnome_keyring.so auto_start\n"
    read = {
        f"/etc/pam.d/{service}": b"auth include lib\nsession include lib\n",
        "/etc/pam.d/lib": f"{head}{rule}{JUMP}".encode(),
    }
    made = plan(service, f"/etc/pam.d/{service}", read.get, Dialect.UPSTREAM_1_7)
    (refusal,) = [one for one in made.refusals if one.group is ManagementGroup.SESSION]
    assert way_out in refusal.hint
    assert "nothing replaces it" in refusal.hint
    assert "other services that read /etc/pam.d/lib lose the rule too" in refusal.hint


def test_a_session_rule_of_the_file_of_su_itself_is_of_no_other_service() -> None:
    text = f"{JUMP}session optional pam_gnome_keyring.so auto_start\n".encode()
    made = plan("su", "/etc/pam.d/su", {"/etc/pam.d/su": text}.get, Dialect.UPSTREAM_1_7)
    (refusal,) = [one for one in made.refusals if one.group is ManagementGroup.SESSION]
    assert refusal.hint.startswith("remove /etc/pam.d/su:4; then try again; nothing replaces it")
    assert "other services" not in refusal.hint


def test_a_session_rule_that_runs_too_early_is_reported() -> None:
    rule = "session optional pam_gnome_keyring.so auto_start\n"
    text = f"{JUMP}{AUTH_OURS}{rule}session optional pam_systemd.so\nsession required pam_unix.so\n"
    with pytest.raises(NoSafeEdit, match="ran before the session was set up, or not at all"):
        make(text)


def test_a_rule_of_ours_in_account_that_could_lock_out_is_refused() -> None:
    with pytest.raises(InvalidData, match="account"):
        make(JUMP + "account required pam_gnome_keyring.so\n" + SESSION)


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(InvalidData, match="does not exist"):
        plan("sshd", SSHD, files("").__class__().get, Dialect.DEBIAN_1_7)


def test_passwd_needs_the_password_rule_alone() -> None:
    made = make("password required pam_unix.so\n", service="passwd")
    assert changed(made) == ["password   [default=ignore] pam_gnome_keyring.so use_authtok"]
    assert [one.group for one in made.after] == [ManagementGroup.PASSWORD]


def test_a_vendor_s_file_is_planned_for_etc() -> None:
    path = "/usr/lib/pam.d/sshd"
    known = {path: (JUMP + SESSION).encode()}
    made = plan("sshd", path, known.get, Dialect.UPSTREAM_1_7)
    assert (made.path, made.target) == (path, SSHD)
    assert made.edits


def test_edits_apply_to_offsets_of_the_content_as_it_was() -> None:
    made = make(JUMP + "session required pam_permit.so\n")
    assert len(made.edits) == 2
    assert apply_edits(made.content, made.edits) == apply_edits(made.content, made.edits[::-1])
    assert len(made.result) == len(made.content) + sum(len(edit.new) for edit in made.edits)
