from __future__ import annotations

from creds_session.pam.keyring_rules.candidates import (
    Edit,
    Request,
    apply_edits,
    candidates,
    rule_text,
)
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.keyring_rules.policy import WANTED
from creds_session.pam.syntax.terms import ManagementGroup
from tests.oracle.oracle_services import AUTH_OURS, JUMP, SSHD, files

AUTH, PASSWORD, SESSION = WANTED
FLAT = "auth required pam_unix.so\n"


def results(sshd: str, *, guarded: bool = False, **others: str) -> list[str]:
    read = files(sshd, **others).get
    request = Request("sshd", SSHD, PamFiles(read), guarded)
    return [apply_edits(sshd.encode(), edits).decode() for edits in candidates(AUTH, request)]


def test_the_smallest_comes_first() -> None:
    ours = "auth       {} pam_gnome_keyring.so\n"
    assert results(FLAT) == [
        FLAT + ours.format("optional    "),
        FLAT + ours.format("[default=ignore]"),
    ]


def test_behind_what_brings_the_password_then_behind_all() -> None:
    text = "auth required pam_unix.so\nauth required pam_2fa.so\n"
    places = [one.splitlines().index("auth       optional     pam_gnome_keyring.so")
              for one in results(text) if "optional" in one]  # fmt: skip
    assert places == [1, 2]


def test_an_include_is_tried_as_it_stands_and_then_as_a_substack() -> None:
    tried = results("auth include lib\n", lib=JUMP)
    assert [one.split()[1] for one in tried] == ["include"] * 2 + ["substack"] * 2


def test_nothing_stands_behind_a_rule_of_another_file() -> None:
    assert results("account required a.so\n", other="auth required pam_unix.so\n") == []


def test_rules_of_ours_are_corrected_before_new_ones_are_tried() -> None:
    tried = results(FLAT + "auth required pam_gnome_keyring.so\n")
    counts = [one.count("gnome") for one in tried]
    assert counts == sorted(counts)
    assert tried[0] == FLAT + AUTH_OURS
    assert tried[1] == FLAT + "auth [default=ignore] pam_gnome_keyring.so\n"


def test_every_candidate_keeps_all_other_bytes() -> None:
    for one in results("# a\n\tauth  include\tlib # b\n\n", lib=JUMP):
        kept = [line for line in one.splitlines() if "gnome" not in line]
        assert "\n".join(kept).replace("substack", "include") == "# a\n\tauth  include\tlib # b\n"


def test_a_guard_goes_before_the_rule() -> None:
    first = results(FLAT, guarded=True)[0].splitlines()
    assert first[-2] == "auth       [success=1 default=ignore] pam_succeed_if.so quiet uid = 0"
    assert first[-1] == "auth       optional     pam_gnome_keyring.so"


def test_rules_are_written_in_columns() -> None:
    text = rule_text(ManagementGroup.SESSION, "optional", "a.so", "b")
    assert text == "session    optional     a.so b"


def test_edits_are_carried_out_from_the_end() -> None:
    edits = (Edit(0, b"ab", b"x", 1, ""), Edit(3, b"", b"yy", 1, ""), Edit(4, b"", b"z", 1, ""))
    assert apply_edits(b"ab cd", edits) == b"x yyczd"
