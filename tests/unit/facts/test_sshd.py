from __future__ import annotations

import pytest

from creds_session.facts.sshd import (
    DIALOGUE_ALONE,
    DIALOGUE_FIRST,
    NO_PASSWORDS,
    NOT_ASKED,
    WITHOUT_PAM,
    Connection,
    Hindrance,
    connection_of,
    hindrance,
    parse,
)
from creds_session.pam.keyring_rules.plan import NoSafeEdit, Options
from tests.oracle.oracle_services import AUTH_OURS, JUMP, REST, changed, make

EARLY = Options(early_start=True)


def told(pam: str = "yes", typed: str = "yes", dialogue: str = "no", more: str = "") -> str:
    return (
        f"port 22\nusepam {pam}\npasswordauthentication {typed}\n"
        f"kbdinteractiveauthentication {dialogue}\n{more}"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (told(), None),
        (told(pam="no"), WITHOUT_PAM),
        (told(dialogue="yes"), DIALOGUE_FIRST),
        (told(typed="no", dialogue="yes"), DIALOGUE_ALONE),
        (told(typed="no"), NO_PASSWORDS),
        (told(dialogue="yes", more="challengeresponseauthentication no\n"), None),
        (
            told(dialogue="yes", more="authenticationmethods publickey,keyboard-interactive:pam\n"),
            DIALOGUE_ALONE,
        ),
        (told(dialogue="yes", more="authenticationmethods any\n"), DIALOGUE_FIRST),
    ],
)
def test_what_sshds_settings_spoil(text: str, expected: Hindrance | None) -> None:
    assert hindrance(parse(text)) is expected


def test_the_service_is_named_in_lower_case_and_nothing_is_no_answer() -> None:
    assert parse(told(more="pamservicename Door\n")).pam_service_name == "door"
    assert parse(told()).pam_service_name == "sshd"
    assert not parse("").judged
    assert hindrance(NOT_ASKED) is None


def test_match_blocks_are_told_who_comes_and_from_where() -> None:
    told = connection_of("alice", "192.0.2.7 50000 192.0.2.1 2222").words
    assert told == (
        "-C",
        "user=alice,host=192.0.2.7,addr=192.0.2.7,laddr=192.0.2.1,lport=2222,rdomain=",
    )
    assert connection_of("alice", "", "192.0.2.9").address == "192.0.2.9"
    assert connection_of("alice", "fe80::1%eth0 5 fe80::2%eth0 22").address == "fe80::1"
    for unknown in (
        "",
        "UNKNOWN 65535 UNKNOWN 65535",
        "192.0.2.7,user=root 50000 192.0.2.1 22",
        "192.0.2.7 50000 192.0.2.1,user=root 22",
        "192.0.2.7 50000 192.0.2.1 x",
    ):
        assert connection_of("alice", unknown) == Connection("alice")
    assert Connection("a,user=root").words == ()


@pytest.mark.parametrize("ours", ["", AUTH_OURS])
def test_the_auth_rule_starts_a_daemon_where_no_wrong_password_reaches_it(ours: str) -> None:
    (rule,) = changed(make(JUMP + ours + REST, EARLY))
    assert rule.endswith("pam_gnome_keyring.so auto_start")


@pytest.mark.parametrize(
    "auth",
    [
        "auth required pam_unix.so\n",
        "auth required pam_foo.so\n" + JUMP.replace("requisite pam_deny", "optional pam_deny"),
        "auth substack lib\n",
    ],
)
def test_a_start_that_a_wrong_password_reaches_is_refused(auth: str) -> None:
    lib = "auth sufficient pam_unix.so\nauth required pam_deny.so\n"
    with pytest.raises(NoSafeEdit, match="no module has accepted"):
        make(auth + REST, EARLY, lib=lib)
    assert changed(make(auth + REST, lib=lib))
