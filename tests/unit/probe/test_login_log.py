"""Which lines of the journal are taken for what a login logged, and which are not."""

from __future__ import annotations

import json

import pytest

from creds_session.probe import login_log
from creds_session.probe.login_log import probe_log
from creds_session.system.processes.commands import Completed
from creds_session.system.systemd.login_time import EVERY_LOGIN, LoginTime

# Debian 13 with SELinux enforcing: a child of gkr-pam's, which has become the user, writes it.
NOT_RUN = {
    "MESSAGE": "gkr-pam: couldn't run gnome-keyring-daemon: Permission denied",
    "SYSLOG_IDENTIFIER": "sshd-session",
    "SYSLOG_FACILITY": "10",
    "_PID": "576",
    "_UID": "1000",
    "__REALTIME_TIMESTAMP": "1795694607403021",
}
NOT_STARTED = {
    **NOT_RUN,
    "MESSAGE": "gkr-pam: gnome-keyring-daemon didn't start properly",
    "_PID": "553",
    "_UID": "0",
}
OF_THE_DAEMON = {
    **NOT_RUN,
    "MESSAGE": "couldn't allocate secure memory",
    "SYSLOG_IDENTIFIER": "gnome-keyring-daemon",
    "SYSLOG_FACILITY": "4",
}


def told(
    monkeypatch: pytest.MonkeyPatch,
    *entries: dict[str, str],
    login: LoginTime | None = EVERY_LOGIN,
) -> tuple[list[str], list[str]]:
    """Return the messages that are taken from a journal with these entries, and what was asked."""
    asked: list[str] = []

    def journalctl(argv: list[str], **_options: object) -> Completed:
        asked.extend(argv)
        return Completed(0, "\n".join(map(json.dumps, entries)), "")

    monkeypatch.setattr(login_log, "run", journalctl)
    monkeypatch.setattr(login_log, "LOG_FILES", ())
    return [line.text for line in probe_log(1000, login)], asked


def test_a_child_of_gkr_pam_logs_as_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    messages, asked = told(monkeypatch, NOT_RUN, NOT_STARTED, OF_THE_DAEMON)
    assert messages == [NOT_RUN["MESSAGE"], NOT_STARTED["MESSAGE"], OF_THE_DAEMON["MESSAGE"]]
    assert "_UID=1000" in asked
    assert not any(word.startswith("_SYSTEMD_SESSION") for word in asked)


WHEN = 1795694607.403021


@pytest.mark.parametrize(
    ("session", "begin", "end", "counts"),
    [
        ("3", WHEN + 9, WHEN + 9, True),  # journald knows the session: the time does not matter
        ("4", WHEN - 9, WHEN + 9, False),
        (None, WHEN - 9, WHEN + 9, True),  # the child had ended when journald looked it up
        (None, WHEN, WHEN, True),
        (None, WHEN + 0.1, WHEN + 9, False),  # an earlier login
        (None, WHEN - 9, WHEN - 0.1, False),  # a later login, or a program of the session
    ],
)
def test_a_line_of_a_child_belongs_to_the_login_of_its_session_or_its_time(
    monkeypatch: pytest.MonkeyPatch, session: str | None, begin: float, end: float, counts: bool
) -> None:
    entry = {**NOT_RUN, **({"_SYSTEMD_SESSION": session} if session else {})}
    messages, asked = told(monkeypatch, entry, login=LoginTime("3", begin, end))
    assert messages == [NOT_RUN["MESSAGE"]] * counts
    assert not any(word.startswith("_SYSTEMD_SESSION=") for word in asked)
    assert any("_SYSTEMD_SESSION" in word for word in asked)


def test_without_a_session_no_line_of_a_child_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    messages, asked = told(monkeypatch, NOT_RUN, NOT_STARTED, login=None)
    assert messages == [NOT_STARTED["MESSAGE"]]
    assert "PRIORITY=3" not in asked


@pytest.mark.parametrize(
    "message",
    [
        "Accepted password for alice from ::1 port 5 ssh2",
        "gkr-pam: the password for the login keyring was invalid.",
        "pam_unix(sshd:session): session opened for user alice(uid=1000) by (uid=0)",
        "x gkr-pam: couldn't run gnome-keyring-daemon: Permission denied",
    ],
)
def test_what_a_person_wrote_with_logger_counts_for_nothing_else(
    monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    assert told(monkeypatch, {**NOT_RUN, "MESSAGE": message})[0] == []
