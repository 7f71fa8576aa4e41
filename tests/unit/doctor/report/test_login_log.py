from __future__ import annotations

from creds_session.doctor.report.html import page
from creds_session.doctor.report.login_log import Told, story
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
    assert story(WELL) == []
    first, second, third = story(LOGGED)
    assert first == Told(
        "sshd[5]: Accepted publickey for alice from ::1 port 22 ssh2",
        "the login came by a key: there is no password",
        Alarm.NONE,
    )
    assert second.meaning.startswith("false alarm: no daemon yet")
    assert third.line == "sshd[5]: gkr-pam: no password is available for user\\x1b[2J"
    assert third.meaning == "alarm: nobody typed a password that PAM could hand over"


def test_terminal_tells_it_with_the_checks() -> None:
    told = plain(LOGGED, [], titles={}).split("\n")
    begin = told.index("What the log says of the last login:")
    assert told[begin + 1 : begin + 3] == [
        "  sshd[5]: Accepted publickey for alice from ::1 port 22 ssh2",
        "         the login came by a key: there is no password",
    ]
    assert "What the log says" not in plain(LOGGED, []) + plain(WELL, [], titles={})


def test_page_tells_it_where_there_is_a_log() -> None:
    told = page(LOGGED, [])
    assert "The log of the last login, 3 lines" in told
    assert '<li class="bad"><code>sshd[5]: gkr-pam: no password' in told
    assert "What happened at the login" not in page(WELL, [])
