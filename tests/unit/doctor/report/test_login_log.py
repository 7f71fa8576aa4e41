from __future__ import annotations

from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.html import page
from creds_session.doctor.report.login_log import ExplainedLine, log_lines
from creds_session.doctor.report.terminal import plain
from creds_session.facts.login_log import Alarm, LogLine
from tests.unit.examples import NOW, WELL

LOG = (
    LogLine(NOW, "sshd", 5, "Accepted publickey for alice from ::1 port 22 ssh2"),
    LogLine(NOW + 1, "sshd", 5, "gkr-pam: unable to locate daemon control file"),
    LogLine(NOW + 2, "sshd", 5, "gkr-pam: no password is available for user\x1b[2J"),
)
LOGGED = WELL._replace(log=LOG)


def test_story_tells_lines_and_what_they_are_worth() -> None:
    assert log_lines(WELL) == []
    first, second, third = log_lines(LOGGED)
    assert first == ExplainedLine(
        "sshd[5]: Accepted publickey for alice from ::1 port 22 ssh2",
        "the login came by an SSH key: there is no password",
        Alarm.NONE,
    )
    assert second.meaning.startswith("false alarm: no daemon yet")
    assert third.line == "sshd[5]: gkr-pam: no password is available for user\\x1b[2J"
    assert third.meaning == "alarm: nobody typed a password that PAM could hand over"


def test_terminal_tells_it_with_the_checks() -> None:
    told = plain(Diagnosis(LOGGED, ()), titles={}).split("\n")
    begin = told.index("What the log says about the last login:")
    assert told[begin + 1 : begin + 3] == [
        "  sshd[5]: Accepted publickey for alice from ::1 port 22 ssh2",
        "         the login came by an SSH key: there is no password",
    ]
    assert "What the log says" not in plain(Diagnosis(LOGGED, ())) + plain(
        Diagnosis(WELL, ()), titles={}
    )


def test_page_tells_it_where_there_is_a_log() -> None:
    told = page(Diagnosis(LOGGED, ()))
    assert "The log of the last login, 3 lines" in told
    assert '<li class="bad"><code>sshd[5]: gkr-pam: no password' in told
    assert "What happened at the login" not in page(Diagnosis(WELL, ()))
