from __future__ import annotations

import pytest

from creds_session.facts.login_log import Alarm, LoginLog, LogLine, explain_log, method_of

GKR = "gkr-pam: "


def login_log(*lines: tuple[float, int, str], user: str = "alice") -> LoginLog:
    return explain_log([LogLine(when, "sshd", pid, text) for when, pid, text in lines], user)


def accepted(method: str = "password", user: str = "alice") -> str:
    return f"Accepted {method} for {user} from ::1 port 5 ssh2"


def alarms(told: LoginLog) -> list[str]:
    return [event.line.text for event in told.alarms]


def test_a_first_login_by_password_has_no_alarm() -> None:
    told = login_log(
        (1, 9, f"{GKR}unable to locate daemon control file"),
        (2, 9, f"{GKR}stashed password to try later in open session"),
        (3, 9, accepted()),
        (4, 9, "pam_unix(sshd:session): session opened for user alice(uid=1000) by (uid=0)"),
        (5, 9, f"{GKR}gnome-keyring-daemon started properly and unlocked keyring"),
    )
    assert len(told.events) == 5
    assert alarms(told) == []
    assert told.events[0].alarm is Alarm.FALSE


def test_a_key_login_has_no_password_and_says_so() -> None:
    told = login_log(
        (1, 9, accepted("publickey")), (2, 9, f"{GKR}couldn't unlock the login keyring.")
    )
    assert alarms(told) == [f"{GKR}couldn't unlock the login keyring."]


def test_only_the_last_login_of_this_user_is_told() -> None:
    told = login_log(
        (1, 7, accepted()),
        (2, 7, f"{GKR}the password for the login keyring was invalid."),
        (50, 8, accepted(user="bob")),
        (51, 8, f"{GKR}the password for the login keyring was invalid."),
        (60, 9, accepted()),
        (61, 9, f"{GKR}unlocked login keyring"),
    )
    assert [event.line.pid for event in told.events] == [9, 9]
    assert alarms(told) == []


CHANGED = "pam_unix(chpasswd:chauthtok): password changed for {}"
NO_OLD = f"{GKR}couldn't change password for the login keyring: no old password was entered"


@pytest.mark.parametrize(("account", "counts"), [("alice", True), ("bob", False), (None, False)])
def test_a_password_that_root_changed_counts_for_its_account_alone(
    account: str | None,
    counts: bool,
) -> None:
    changed = [(61.0, 20, CHANGED.format(account))] if account else []
    told = login_log((50, 9, accepted()), (60, 20, NO_OLD), *changed)
    assert (alarms(told) == [NO_OLD]) is counts


@pytest.mark.parametrize(
    "of_bob",
    [
        "pam_sss(sshd:auth): authentication success; logname= uid=0 euid=0 tty=ssh user=bob",
        "pam_sss(sshd:auth): received for user bob: 7 (Authentication failure)",
        "pam_winbind(sshd:auth): user 'bob' granted access",
        "pam_krb5(login:auth): user bob authenticated as bob@EXAMPLE.ORG",
        "Successful su for bob by root",
        "(to bob) root on pts/0",
    ],
)
def test_whoever_judged_somebody_elses_password_the_line_is_not_ours(of_bob: str) -> None:
    refused = f"{GKR}the password for the login keyring was invalid."
    assert alarms(login_log((60, 30, refused), (61, 30, of_bob))) == []
    assert alarms(login_log((60, 30, refused), (61, 30, of_bob.replace("bob", "alice")))) == [
        refused
    ]


def test_a_line_without_an_account_and_without_a_login_is_nobodys() -> None:
    assert alarms(login_log((60, 20, NO_OLD))) == []
    assert alarms(login_log((60, 20, NO_OLD), (61, 20, CHANGED.format("alice")))) == [NO_OLD]


def test_a_refused_login_of_somebody_else_does_not_count() -> None:
    refused = f"{GKR}the password for the login keyring was invalid."
    told = login_log(
        (50, 9, accepted()),
        (60, 30, refused),
        (61, 30, "pam_unix(sshd:auth): authentication failure; logname= uid=0 user=bob"),
        (70, 31, refused),
        (71, 31, "pam_unix(su:session): session opened for user bob(uid=1001) by (uid=0)"),
    )
    assert alarms(told) == []


def test_what_a_child_of_sshds_wrote_counts_for_the_login_that_came_next() -> None:
    stashed = f"{GKR}stashed password to try later in open session"
    told = login_log(
        (1, 10, stashed),
        (2, 8, accepted("keyboard-interactive/pam", "bob")),
        (3, 9, accepted("publickey")),
    )
    assert not told.has("stashed password")


def test_only_the_login_of_this_connection_is_told() -> None:
    lines = [
        LogLine(1, "sshd", 7, "Accepted publickey for alice from ::1 port 5 ssh2"),
        LogLine(2, "sshd", 7, f"{GKR}couldn't unlock the login keyring."),
        LogLine(9, "sshd", 8, "Accepted password for alice from ::1 port 6 ssh2"),
        LogLine(10, "sshd", 8, f"{GKR}the password for the login keyring was invalid."),
    ]
    assert alarms(explain_log(lines, "alice", port="5")) == [lines[1].text]
    assert alarms(explain_log(lines, "alice", port="6")) == [lines[3].text]
    assert explain_log(lines, "alice", port="7") == LoginLog()


def test_a_login_at_a_console_is_not_the_later_one_by_ssh() -> None:
    opened = "pam_unix(login:session): session opened for user alice(uid=1000) by (uid=0)"
    lines = [
        LogLine(1, "login", 7, opened),
        LogLine(2, "login", 7, f"{GKR}unlocked login keyring"),
        LogLine(9, "sshd", 8, accepted("publickey")),
        LogLine(10, "sshd", 8, f"{GKR}couldn't unlock the login keyring."),
    ]
    told = explain_log(lines, "alice", service="login")
    assert told.has("unlocked login keyring")
    assert alarms(told) == []


def test_what_was_typed_into_a_child_of_sshds_belongs_to_the_login() -> None:
    told = login_log(
        (1, 10, f"{GKR}stashed password to try later in open session"),
        (2, 9, accepted("keyboard-interactive/pam")),
    )
    assert told.has("stashed password")


@pytest.mark.parametrize(("later", "alarm"), [(60, Alarm.FALSE), (200, Alarm.TRUE)])
def test_a_daemon_that_waits_refuses_every_password(later: float, alarm: Alarm) -> None:
    told = login_log(
        (1, 9, accepted()),
        (2, 9, f"{GKR}gnome-keyring-daemon started properly and unlocked keyring"),
        (2 + later, 9, f"{GKR}the password for the login keyring was invalid."),
    )
    assert told.events[-1].alarm is alarm


def test_a_password_given_at_the_start_makes_a_later_refusal_false() -> None:
    told = login_log(
        (1, 9, f"{GKR}gnome-keyring-daemon started properly and unlocked keyring"),
        (2, 9, accepted()),
        (3, 9, f"{GKR}couldn't unlock the login keyring."),
    )
    assert alarms(told) == []


def test_a_login_at_a_console_begins_with_its_session() -> None:
    line = "pam_unix(login:session): session opened for user alice(uid=1000) by (uid=0)"
    told = login_log((1, 9, line), (2, 9, f"{GKR}unlocked login keyring"))
    assert len(told.events) == 2
    manager = "pam_unix(systemd-user:session): session opened for user alice(uid=1000)"
    assert login_log((1, 9, manager)).events == ()


def test_without_a_login_the_lines_of_the_keyring_are_told() -> None:
    line = (1.0, 9, f"{GKR}unlocked login keyring")
    assert len(login_log(line, (2, 9, CHANGED.format("alice"))).events) == 1
    assert login_log().events == ()


def test_the_method_is_sshds_word_of_the_last_login() -> None:
    lines = [LogLine(1, "sshd", 9, accepted()), LogLine(2, "sshd", 9, accepted("publickey"))]
    assert method_of(lines, "alice") == "publickey"
    assert method_of(lines, "bob") is None


NOT_RUN = f"{GKR}couldn't run gnome-keyring-daemon: Permission denied"
NOT_STARTED = f"{GKR}gnome-keyring-daemon didn't start properly"
OPENED = "pam_unix(sshd:session): session opened for user alice(uid=1000) by alice(uid=0)"
# As Debian 13 logged it with SELinux enforcing: the line about the daemon is from gkr-pam's child.
REFUSED = (
    (602.79, 553, f"{GKR}unable to locate daemon control file"),
    (602.80, 553, f"{GKR}stashed password to try later in open session"),
    (602.90, 553, accepted()),
    (602.95, 553, OPENED),
    (607.40, 576, NOT_RUN),
    (607.48, 553, NOT_STARTED),
)


def test_what_a_child_of_gkr_pam_wrote_is_of_the_login_whose_process_waited_for_it() -> None:
    assert alarms(login_log(*REFUSED)) == [NOT_RUN, NOT_STARTED]


def test_a_child_of_another_login_at_the_same_time_does_not_count() -> None:
    told = login_log(
        (1, 9, accepted()),
        (2, 8, accepted(user="bob")),
        (3, 20, NOT_RUN),
        (4, 8, NOT_STARTED),
        (5, 9, f"{GKR}gnome-keyring-daemon started properly and unlocked keyring"),
    )
    assert alarms(told) == []


@pytest.mark.parametrize(("user", "count"), [("alice", 1), ("bob", 0)])
def test_a_child_is_of_the_account_of_the_process_that_waited(user: str, count: int) -> None:
    told = login_log((1, 9, accepted()), (2, 20, NOT_RUN), (3, 9, NOT_STARTED), user=user)
    assert [event.line.pid for event in told.events].count(20) == count


def test_a_person_who_cannot_see_what_root_logs_sees_the_own_line() -> None:
    lines = [LogLine(607.40, "sshd-session", 576, NOT_RUN)]
    assert alarms(explain_log(lines, "alice", port="5")) == [NOT_RUN]
    assert alarms(explain_log(lines, "alice", service="sshd")) == [NOT_RUN]
    other = LogLine(607.40, "sshd-session", 576, f"{GKR}unlocked login keyring")
    assert explain_log([other], "alice", port="5") == LoginLog()
