"""The log of one login, read: what each line of gkr-pam, sshd and the daemon means.

Sources: gnome-keyring, pam/gkr-pam-module.c, daemon/gkd-main.c, daemon/login/gkd-login.c,
daemon/dbus/gkd-secret-service.c; OpenSSH, auth.c:auth_log. Several of these lines sound like
faults and are none; they are named as such.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

BEFORE = 30.0  # seconds that a password may take to be typed and judged before sshd says accepted
LOGIN_TIMEOUT = 120.0  # seconds a --login daemon refuses any password, gkd-main.c


class LogLine(NamedTuple):
    """A line of the journal, or of auth.log; ``when`` is in seconds since 1970, 0 if not known."""

    when: float
    program: str
    pid: int
    text: str


class Alarm(enum.Enum):
    """What a line is worth."""

    NONE = "none"
    FALSE = "false alarm"
    TRUE = "alarm"


class Event(NamedTuple):
    """A line of the log and what it means."""

    line: LogLine
    meaning: str
    alarm: Alarm = Alarm.NONE


class Story(NamedTuple):
    """The last login, line by line, in order."""

    events: tuple[Event, ...] = ()

    def has(self, text: str) -> bool:
        """Tell whether a line of it has this text."""
        return any(text in event.line.text for event in self.events)

    @property
    def alarms(self) -> tuple[Event, ...]:
        """The lines that tell of a fault."""
        return tuple(event for event in self.events if event.alarm is Alarm.TRUE)


ACCEPTED = re.compile(r"^Accepted (\S+) for (\S+) from (?P<address>\S+) port (?P<port>\d+)")
OPENED = re.compile(r"^pam_unix\((\S+):session\): session opened for user ([^\s(]+)")
NOT_A_LOGIN = frozenset({"systemd-user", "sudo", "sudo-i", "cron", "runuser", "runuser-l"})

INVALID = "the password for the login keyring was invalid"
STASHED = "stashed password to try later in open session"
STARTED = "gnome-keyring-daemon started properly"
UNLOCKED = "unlocked login keyring"
NO_PASSWORD = "no password is available for user"  # noqa: S105 - a line of a log
NOT_UNLOCKED = "couldn't unlock the login keyring"
FAILED_AT_START = "failed to unlock login keyring on startup"
NOT_RUN = "couldn't run gnome-keyring-daemon"
NO_PROMPT = "couldn't create system prompt"
FIXED = "fixed login keyring password to match login password"

MEANINGS = (
    ("Accepted publickey", "the login came by a key: there is no password", Alarm.NONE),
    ("Accepted password", "sshd took a password", Alarm.NONE),
    ("Accepted keyboard-interactive", "the password was typed into a child of sshd", Alarm.NONE),
    ("Accepted ", "sshd let the person in", Alarm.NONE),
    ("session opened for user", "the session began", Alarm.NONE),
    (
        "unable to locate daemon control file",
        "no daemon yet: so it is at every first login, before the session begins",
        Alarm.FALSE,
    ),
    (STASHED, "the password is kept for the session that is about to begin", Alarm.NONE),
    (UNLOCKED, "the daemon that ran took the password", Alarm.NONE),
    (
        f"{STARTED} and unlocked keyring",
        "a daemon was started and given the password; that it fits is not said by this line",
        Alarm.NONE,
    ),
    (STARTED, "a daemon was started without a password: it stays locked", Alarm.TRUE),
    (NO_PASSWORD, "nobody typed a password that PAM could hand over", Alarm.TRUE),
    (INVALID, "the keyring refused the password that was typed", Alarm.TRUE),
    (NOT_UNLOCKED, "there was no password to unlock it with", Alarm.TRUE),
    (NOT_RUN, "the daemon could not be started", Alarm.TRUE),
    ("gnome-keyring-daemon didn't start properly", "the daemon ended at its start", Alarm.TRUE),
    ("changed password for login keyring", "the keyring has the new password", Alarm.NONE),
    (
        "couldn't change password for the login keyring",
        "the keyring kept its old password",
        Alarm.TRUE,
    ),
    (
        "no old password was entered",
        "root set the password: the keyring kept its old one",
        Alarm.TRUE,
    ),
    ("invalid option", "a rule has an option that the module does not know", Alarm.TRUE),
    (FAILED_AT_START, "the keyring refused the password given at the daemon's start", Alarm.TRUE),
    (FIXED, "a prompt was answered, and the keyring was given the login's password", Alarm.NONE),
    (NO_PROMPT, "a program asked for a prompt, and nobody could be shown one", Alarm.TRUE),
    ("another secret service is running", "a second daemon found the name taken", Alarm.TRUE),
    ("no process capabilities", "memory may be swapped; nothing fails", Alarm.FALSE),
    ("insufficient process capabilities", "memory may be swapped; nothing fails", Alarm.FALSE),
    ("couldn't allocate secure memory", "memory may be swapped; nothing fails", Alarm.FALSE),
    ("discover_other_daemon", "the daemon found another one and told it to start", Alarm.FALSE),
    ("couldn't access control socket", "no daemon yet at the control socket", Alarm.FALSE),
    ("but it's already registered", "gnome-keyring's own noise", Alarm.FALSE),
)


def tell(lines: Iterable[LogLine], user: str) -> Story:
    """Return the last login of a user as a story; what is no part of it is left out."""
    ordered = sorted(lines, key=lambda line: line.when)
    start = _last_login(ordered, user)
    if start is None:
        return Story(_events([line for line in ordered if _is_of_keyring(line)]))
    leader, began = ordered[start].pid, ordered[start].when
    others = {line.pid for line in ordered if _begins(line)} - {leader}
    part = [line for line in ordered if _belongs(line, leader, began, others)]
    return Story(_events(part))


def method_of(lines: Iterable[LogLine], user: str, port: str = "") -> str | None:
    """Return sshd's word for how this user's last login was accepted, from this port; or None."""
    accepted = _accepted(lines, user, port)
    return accepted.group(1) if accepted else None


def address_of(lines: Iterable[LogLine], user: str) -> str:
    """Return where this user's last login came from, or nothing."""
    accepted = _accepted(lines, user)
    return accepted.group("address") if accepted else ""


def _accepted(lines: Iterable[LogLine], user: str, port: str = "") -> re.Match[str] | None:
    found = [ACCEPTED.match(line.text) for line in lines]
    ours = [one for one in found if one and one.group(2) == user]
    return next((one for one in reversed(ours) if port in {"", one.group("port")}), None)


def _last_login(lines: Sequence[LogLine], user: str) -> int | None:
    """Return the place of the line that says that this user's last login began."""
    for place in range(len(lines) - 1, -1, -1):
        accepted = ACCEPTED.match(lines[place].text)
        if accepted and accepted.group(2) == user:
            return place
        opened = OPENED.match(lines[place].text)
        is_login = opened and opened.group(1) not in NOT_A_LOGIN
        if opened and is_login and opened.group(2) == user and opened.group(1) != "sshd":
            return place
    return None


def _begins(line: LogLine) -> bool:
    return bool(ACCEPTED.match(line.text) or OPENED.match(line.text))


def _belongs(line: LogLine, leader: int, began: float, others: Collection[int]) -> bool:
    """Tell whether a line is of the login that this leader began, and of none of the others.

    A conversation by keyboard-interactive logs from a child of sshd's, before the login began.
    """
    if line.when < began - BEFORE or line.pid in others:
        return False
    if line.pid == leader:
        return _is_of_keyring(line) or _begins(line)
    return _is_of_keyring(line) and (line.when >= began or line.text.startswith("gkr-pam"))


def _is_of_keyring(line: LogLine) -> bool:
    return line.text.startswith("gkr-pam: ") or line.program.startswith("gnome-keyring")


def _events(lines: Sequence[LogLine]) -> tuple[Event, ...]:
    return tuple(_event(line, lines[:place]) for place, line in enumerate(lines))


def _event(line: LogLine, before: Sequence[LogLine]) -> Event:
    for text, meaning, alarm in MEANINGS:
        if text in line.text:
            return _in_context(Event(line, meaning, alarm), before)
    return Event(line, "")


def _in_context(event: Event, before: Sequence[LogLine]) -> Event:
    """Name an alarm as false where what came before makes it so."""
    started = [one for one in before if STARTED in one.text]
    if not started:
        return event
    given = "and unlocked" in started[-1].text
    if INVALID in event.line.text and event.line.when - started[-1].when < LOGIN_TIMEOUT:
        meaning = "the daemon of the login refuses every password until it is initialised"
        return Event(event.line, meaning, Alarm.FALSE)
    if NOT_UNLOCKED in event.line.text and given:
        return Event(event.line, "it was given the password before this line", Alarm.FALSE)
    return event
