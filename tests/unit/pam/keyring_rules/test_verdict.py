from __future__ import annotations

import pytest

from creds_session.errors import InvalidData
from creds_session.pam.keyring_rules.counterexample import Breach
from creds_session.pam.keyring_rules.group_verdict import GroupVerdict
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.keyring_rules.verdict import verdicts_of_service
from creds_session.pam.syntax.terms import Dialect, ManagementGroup
from tests.oracle.oracle_services import AUTH_OURS, JUMP, SESSION, SSHD, files

DIALECT = Dialect.DEBIAN_1_7
GUARD = "auth [success=1 default=ignore] pam_succeed_if.so quiet uid = 0\n"
SESSION_OURS = "session optional pam_gnome_keyring.so auto_start\n"


def verdicts(sshd: str, **others: str) -> dict[str, GroupVerdict]:
    found = verdicts_of_service("sshd", PamFiles(files(sshd, **others).get, DIALECT))
    return {one.group.value: one for one in found}


def test_all_is_well() -> None:
    found = verdicts(JUMP + AUTH_OURS + SESSION)
    assert list(found) == ["auth", "password", "session"]
    assert found["auth"] == GroupVerdict(ManagementGroup.AUTH, present=True, reached=True)
    assert found["session"].reached
    assert not found["password"].applies


def test_a_missing_rule_is_named() -> None:
    found = verdicts(JUMP + SESSION)["auth"]
    assert (found.present, found.reached) == (False, False)
    assert found.problem


def test_present_is_not_reached() -> None:
    lib = "auth sufficient pam_unix.so\n" + AUTH_OURS + "auth required pam_deny.so\n"
    found = verdicts("auth include lib\n" + SESSION, lib=lib)["auth"]
    assert (found.present, found.reached) == (True, False)
    assert found.problem


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("auth optional pam_gnome_keyring.so only_if=login\n", "only_if=login"),
        ("auth optional pam_gnome_keyring.so only_if=gdm,login\n", "only_if=gdm,login"),
    ],
)
def test_only_if_that_excludes_the_service_is_named(rule: str, reason: str) -> None:
    found = verdicts(JUMP + rule + SESSION)["auth"]
    assert (found.present, found.reached) == (True, False)
    assert reason in found.problem
    assert f"{SSHD}:4" in found.problem


def test_a_session_rule_without_auto_start_is_named() -> None:
    text = JUMP + AUTH_OURS + SESSION.replace(" auto_start", "")
    found = verdicts(text)["session"]
    assert (found.present, found.reached) == (True, False)
    assert "auto_start" in found.problem


def test_every_group_that_is_unsafe_says_so() -> None:
    text = """\
auth required pam_unix.so
auth required pam_gnome_keyring.so
session required pam_unix.so
session required pam_gnome_keyring.so auto_start
"""
    found = verdicts(text)
    assert found["auth"].problem.startswith(Breach.LOCK_OUT.value)
    assert found["session"].problem.startswith(Breach.LOCK_OUT.value)


def test_a_group_that_other_answers_for_does_not_apply() -> None:
    found = verdicts("account required pam_unix.so\n")
    assert [one.applies for one in found.values()] == [False] * 3


def test_a_group_without_a_password_module_does_not_apply() -> None:
    found = verdicts("auth required pam_2fa.so\nsession required pam_permit.so\n")
    assert [one.applies for one in found.values()] == [False] * 3


def test_a_service_that_libpam_cannot_load_is_refused() -> None:
    with pytest.raises(InvalidData, match="cannot load the service sshd"):
        verdicts("@include nobody\n")


def test_a_rule_that_fails_whatever_happens_is_refused_in_any_file() -> None:
    with pytest.raises(InvalidData, match=r"/etc/pam.d/lib:2: libpam always fails here"):
        verdicts("auth include lib\n", lib=JUMP.splitlines()[0] + "\nauth nonsense a.so\n")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (JUMP + AUTH_OURS + SESSION, JUMP + "session required pam_permit.so\n"),
        ("auth required /lib/security/pam_gnome_keyring.so x\n", ""),
        ("# pam_gnome_keyring.so\nauth required a.so\n", None),
        ("auth required my_pam_gnome_keyring.so\n", None),
        (GUARD + AUTH_OURS, ""),
        (
            "auth required pam_succeed_if.so quiet uid = 0\n" + AUTH_OURS,
            "auth required pam_succeed_if.so quiet uid = 0\n",
        ),
        (GUARD + "@include common-auth\n" + AUTH_OURS, GUARD + "@include common-auth\n"),
        (GUARD + SESSION_OURS, GUARD),
        (GUARD + "session required a.so\n" + AUTH_OURS, "session required a.so\n"),
    ],
)
def test_without_our_rules_removes_our_rules_and_nothing_else(text: str, left: str | None) -> None:
    read = PamFiles(files(text).get, DIALECT).without_our_rules().read
    assert read(SSHD) == (text if left is None else left).encode()
    assert read("/etc/pam.d/nobody") is None
