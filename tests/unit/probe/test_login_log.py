"""Which lines of the journal are taken for what a login logged, and which are not."""

from __future__ import annotations

import json

import pytest

from creds_session.probe import login_log
from creds_session.probe.login_log import probe_log
from creds_session.system.processes.commands import Completed

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
    monkeypatch: pytest.MonkeyPatch, *entries: dict[str, str], session: str | None = None
) -> tuple[list[str], list[str]]:
    """Return the messages that are taken from a journal with these entries, and what was asked."""
    asked: list[str] = []

    def journalctl(argv: list[str], **_options: object) -> Completed:
        asked.extend(argv)
        return Completed(0, "\n".join(map(json.dumps, entries)), "")

    monkeypatch.setattr(login_log, "run", journalctl)
    monkeypatch.setattr(login_log, "LOG_FILES", ())
    return [line.text for line in probe_log(1000, session)], asked


def test_a_child_of_gkr_pam_logs_as_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    messages, asked = told(monkeypatch, NOT_RUN, NOT_STARTED, OF_THE_DAEMON)
    assert messages == [NOT_RUN["MESSAGE"], NOT_STARTED["MESSAGE"], OF_THE_DAEMON["MESSAGE"]]
    assert "_UID=1000" in asked
    assert not any(word.startswith("_SYSTEMD_SESSION") for word in asked)


def test_an_own_session_is_told_by_its_own_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "_SYSTEMD_SESSION=3" in told(monkeypatch, NOT_RUN, session="3")[1]


def test_without_a_session_no_line_of_a_child_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = told(monkeypatch, NOT_STARTED, session="")[1]
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
