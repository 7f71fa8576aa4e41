"""Find the log lines of one login, and explain each line of gkr-pam, sshd and the daemon.

Sources: gnome-keyring, pam/gkr-pam-module.c, daemon/gkd-main.c, daemon/login/gkd-login.c,
daemon/dbus/gkd-secret-service.c; OpenSSH, auth.c:auth_log. Several of these lines sound like
faults, but are not; they are marked as false alarms.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Sequence

from creds_session.records import NamedTuple

BEFORE = 30.0  # seconds that a password may take to be typed and judged before sshd says accepted
LOGIN_TIMEOUT = 120.0  # seconds a --login daemon refuses any password, gkd-main.c


class LogLine(NamedTuple):
    """A line of the journal, or of auth.log; ``when`` is in seconds since 1970, 0 if not known."""

    when: float
    program: str
    pid: int
    text: str


class Alarm(enum.Enum):
    """Whether a line reports a fault."""

    NONE = "none"
    FALSE = "false alarm"
    TRUE = "alarm"


class Event(NamedTuple):
    """A line of the log and what it means."""

    line: LogLine
    meaning: str
    alarm: Alarm = Alarm.NONE


class LoginLog(NamedTuple):
    """The lines of one login, in order, each with its meaning."""

    events: tuple[Event, ...] = ()

    def has(self, text: str) -> bool:
        """Return whether a line contains this text."""
        return any(text in event.line.text for event in self.events)

    @property
    def alarms(self) -> tuple[Event, ...]:
        """The lines that report a fault."""
        return tuple(event for event in self.events if event.alarm is Alarm.TRUE)


ACCEPTED = re.compile(r"^Accepted (\S+) for (\S+) from (?P<address>\S+) port (?P<port>\d+)")
OPENED = re.compile(r"^pam_unix\((\S+):session\): session opened for user ([^\s(]+)")
ACCOUNT = (
    re.compile(r"password changed for ([^\s(]+)"),
    re.compile(r"session opened for user ([^\s(]+)"),
    re.compile(r"authentication (?:failure|success);.* user=(\S+)"),
    re.compile(r"^Successful su for (\S+) by"),
    re.compile(r"^\(to (\S+)\) \S+ on "),
    re.compile(r"^pam_\w+\([\w-]+:\w+\): (?:user|User) '?([^\s']+)'? (?:granted|authenticated)"),
    re.compile(r"^pam_sss\([\w-]+:\w+\): received for user ([^\s:]+):"),
    re.compile(r"^Accepted \S+ for (\S+) from"),
    re.compile(r"^Failed \S+ for (?:invalid user )?(\S+) from"),
)
"""How a line of a process names the account that it is about (pam_unix, auth.c:auth_log)."""
OF_PAM, SSHD = "gkr-pam: ", "sshd"
NOT_A_LOGIN = frozenset({"systemd-user", "sudo", "sudo-i", "cron", "runuser", "runuser-l"})

INVALID = "the password for the login keyring was invalid"
STASHED = "stashed password to try later in open session"
STARTED = "gnome-keyring-daemon started properly"
UNLOCKED = "unlocked login keyring"
NO_PASSWORD = "no password is available for user"  # noqa: S105 - a line of a log
NOT_UNLOCKED = "couldn't unlock the login keyring"
FAILED_AT_START = "failed to unlock login keyring on startup"
NOT_RUN = "couldn't run gnome-keyring-daemon"
NOT_STARTED = "gnome-keyring-daemon didn't start properly"
NO_PROMPT = "couldn't create system prompt"
FIXED = "fixed login keyring password to match login password"

MEANINGS = (
    ("Accepted publickey", "the login came by an SSH key: there is no password", Alarm.NONE),
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
    (NOT_STARTED, "the daemon ended at its start", Alarm.TRUE),
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
    ("discover_other_daemon", "the daemon found another one and asked it to start", Alarm.FALSE),
    ("couldn't access control socket", "no daemon yet at the control socket", Alarm.FALSE),
    ("but it's already registered", "gnome-keyring's own noise", Alarm.FALSE),
)


def explain_log(
    lines: Iterable[LogLine], user: str, *, port: str = "", service: str = ""
) -> LoginLog:
    """Return the lines of one login of this user, each with its meaning; others are left out.

    ``port`` is the client's port for a login by ssh, and ``service`` is PAM's service for any other
    login: they identify the login. Without them it is the last one. A person who may not see what
    programs of root logged sees only the lines of their own session, and these are returned.
    """
    ordered = sorted(lines, key=lambda line: line.when)
    start = _last_login(ordered, user, port, service)
    if start is None:
        known = [line for line in ordered if _is_of_keyring(line)]
        if port or service:
            sees_logins = any(map(_begins, ordered))
            known = [] if sees_logins else [line for line in known if is_of_child(line.text)]
        return LoginLog(_events([line for line in known if _may_be_of(line, user, ordered)]))
    leader = ordered[start]
    part = [line for line in ordered if _belongs(line, leader, user, ordered)]
    return LoginLog(_events(part))


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
    ours = [match for match in found if match and match.group(2) == user]
    return next((match for match in reversed(ours) if port in {"", match.group("port")}), None)


def _last_login(
    lines: Sequence[LogLine], user: str, port: str = "", service: str = ""
) -> int | None:
    """Return the index of the last line that says that a login of this user began, or None."""
    is_ssh = bool(port) or service in {"", SSHD}
    for place in range(len(lines) - 1, -1, -1):
        accepted = ACCEPTED.match(lines[place].text)
        if is_ssh and accepted and accepted.group(2) == user:
            if port in {"", accepted.group("port")}:
                return place
            continue
        if port:
            continue
        opened = OPENED.match(lines[place].text)
        is_login = opened and opened.group(1) not in NOT_A_LOGIN
        is_wanted = opened and opened.group(1) != SSHD and service in {"", opened.group(1)}
        if opened and is_login and is_wanted and opened.group(2) == user:
            return place
    return None


def _begins(line: LogLine) -> bool:
    return bool(ACCEPTED.match(line.text) or OPENED.match(line.text))


def _belongs(line: LogLine, leader: LogLine, user: str, lines: Sequence[LogLine]) -> bool:
    """Return whether a line belongs to the login that this leader began, or to its account.

    A conversation by keyboard-interactive logs from a child of sshd's, before the login began: it
    is of the login that comes next. What root's programs write afterwards, as chpasswd(8) does, is
    of the account that the same process names. A child of gkr-pam's is of the login whose process
    waits for it.
    """
    if line.when < leader.when - BEFORE:
        return False
    pid = _process_of(line, lines)
    if pid == leader.pid:
        return _is_of_keyring(line) or _begins(line)
    if not _is_of_keyring(line) or any(other.pid == pid and _begins(other) for other in lines):
        return False
    if not line.text.startswith(OF_PAM):
        return line.when >= leader.when
    accounts = _accounts(pid, lines)
    if line.when >= leader.when:
        return user in accounts
    following = next(
        (other for other in lines if other.when >= line.when and ACCEPTED.match(other.text)), leader
    )
    return following.pid == leader.pid and accounts <= {user}


def is_of_child(text: str) -> bool:
    """Return whether a child of gkr-pam's wrote this, which had become the user already.

    Such a child has a process number of its own, and the journal has the user's id for it
    (gkr-pam-module.c:setup_child).
    """
    return text.startswith(f"{OF_PAM}{NOT_RUN}")


def _process_of(line: LogLine, lines: Sequence[LogLine]) -> int:
    """Return the process that wrote a line, or the one that waited for the child that wrote it.

    That process says next how the child ended (gkr-pam-module.c:start_daemon).
    """
    if not is_of_child(line.text):
        return line.pid
    after = (other for other in lines if other.when >= line.when and NOT_STARTED in other.text)
    return next((other.pid for other in after), line.pid)


def _may_be_of(line: LogLine, user: str, lines: Sequence[LogLine]) -> bool:
    """Return whether a line may be of a login of this account.

    It is of the daemon, of a process that names this account alone, or of a child of gkr-pam, which
    writes as the user: that user may not see the lines of the process that named the account.
    """
    if not line.text.startswith(OF_PAM):
        return True
    accounts = _accounts(_process_of(line, lines), lines)
    return accounts == {user} or (is_of_child(line.text) and not accounts)


def _accounts(pid: int, lines: Sequence[LogLine]) -> set[str]:
    """Return the accounts that the lines of one process name."""
    texts = [line.text for line in lines if line.pid == pid]
    return {
        found.group(1)
        for text in texts
        for pattern in ACCOUNT
        if (found := pattern.search(text)) is not None
    }


def _is_of_keyring(line: LogLine) -> bool:
    return line.text.startswith(OF_PAM) or line.program.startswith("gnome-keyring")


def _events(lines: Sequence[LogLine]) -> tuple[Event, ...]:
    return tuple(_event(line, lines[:place]) for place, line in enumerate(lines))


def _event(line: LogLine, before: Sequence[LogLine]) -> Event:
    for text, meaning, alarm in MEANINGS:
        if text in line.text:
            return _in_context(Event(line, meaning, alarm), before)
    return Event(line, "")


def _in_context(event: Event, before: Sequence[LogLine]) -> Event:
    """Mark an alarm as false if an earlier line shows that it is."""
    started = [other for other in before if STARTED in other.text]
    if not started:
        return event
    given = "and unlocked" in started[-1].text
    if INVALID in event.line.text and event.line.when - started[-1].when < LOGIN_TIMEOUT:
        meaning = "the daemon of the login refuses every password until it is initialised"
        return Event(event.line, meaning, Alarm.FALSE)
    if NOT_UNLOCKED in event.line.text and given:
        return Event(event.line, "it was given the password before this line", Alarm.FALSE)
    return event
