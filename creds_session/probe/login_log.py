"""Read the log lines about logins from the journal, or from auth.log without a journal."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from creds_session.facts.login_log import LogLine, is_of_child
from creds_session.system.processes.commands import run
from creds_session.system.systemd.login_time import EVERY_LOGIN, LoginTime

TIMEOUT = 1.0  # seconds
LINES = 400
TAIL = 1 << 18  # bytes of a log file
LOG_FILES = ("/var/log/auth.log", "/var/log/secure")
PLAIN = re.compile(r"^(\S+) (?:\S+ )?([\w\-./()]+)\[(\d+)\]: (.*)$")
OLD = re.compile(r"^\w{3} [ \d]\d [\d:]{8} \S+ ([\w\-./()]+)\[(\d+)\]: (.*)$")
FIELDS = (
    *("MESSAGE", "SYSLOG_IDENTIFIER", "SYSLOG_FACILITY", "_PID", "_UID"),
    "_SYSTEMD_SESSION",
)
FACILITIES = ("4", "10")  # LOG_AUTH and LOG_AUTHPRIV, syslog(3)
OF_CHILD = ("SYSLOG_FACILITY=10", "PRIORITY=3")  # GKR_LOG_ERR, gkr-pam.h


def probe_log(uid: int, login: LoginTime | None = EVERY_LOGIN) -> tuple[LogLine, ...]:
    """Return the last lines that root's programs and this user's daemon wrote about logins.

    Only lines of uid 0 are taken from the journal, because logger(1) can use any name. One line is
    an exception: a child of pam_gnome_keyring has already become the user when it reports that the
    daemon could not be run. Such lines are taken from this login only; None takes none of them.
    Root can see to which login they belong, and takes them all.
    """
    matches: list[str] = []
    for facility in FACILITIES:
        matches += [f"SYSLOG_FACILITY={facility}", "_UID=0", "+"]
    matches += ["SYSLOG_IDENTIFIER=gnome-keyring-daemon", f"_UID={uid}", "+"]
    matches += ["SYSLOG_IDENTIFIER=gnome-keyring-d", f"_UID={uid}", "+", "_AUDIT_TYPE_NAME=AVC"]
    if login is not None:
        matches += ["+", *OF_CHILD, f"_UID={uid}"]
    shape = ["--output=json", f"--output-fields={','.join(FIELDS)}"]
    argv = ["journalctl", "--quiet", "--boot", f"--lines={LINES}", *shape, *matches]
    found = tuple(from_journal(run(argv, timeout=TIMEOUT).output, login))
    return found or tuple(_from_files())


def from_journal(text: str, login: LoginTime | None = EVERY_LOGIN) -> Iterator[LogLine]:
    """Parse the output of ``journalctl --output=json``; leave out messages that are not text.

    Lines of a child of pam_gnome_keyring are left out unless they are of this login.
    """
    for line in text.splitlines():
        with suppress(ValueError, TypeError, AttributeError):
            entry = json.loads(line)
            message = entry["MESSAGE"] if isinstance(entry.get("MESSAGE"), str) else ""
            when = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
            if message and _may_count(entry, message, when, login):
                program = str(entry.get("SYSLOG_IDENTIFIER", ""))
                yield LogLine(when, program, int(entry.get("_PID", 0)), message)


def _may_count(entry: dict[str, str], message: str, when: float, login: LoginTime | None) -> bool:
    """Return whether root, a keyring daemon or pam_gnome_keyring's child wrote an entry."""
    if entry.get("_UID", "0") != "0" and is_of_child(message):
        return login is not None and _is_of(entry, when, login)
    is_roots = entry.get("_UID", "0") == "0" or entry.get("SYSLOG_FACILITY") not in FACILITIES
    return is_roots or str(entry.get("SYSLOG_IDENTIFIER", "")).startswith("gnome-keyring")


def _is_of(entry: dict[str, str], when: float, login: LoginTime) -> bool:
    """Return whether a user's own entry belongs to this login.

    journald looks the session up in /proc when it reads an entry. The child that wrote it may have
    ended by then, and the entry has no session: its time has to do.
    """
    session = entry.get("_SYSTEMD_SESSION", "")
    if session and login.session:
        return session == login.session
    return login.begin <= when <= login.end


def _from_files() -> Iterator[LogLine]:
    for path in LOG_FILES:
        try:
            with Path(path).open("rb") as file:
                file.seek(max(os.fstat(file.fileno()).st_size - TAIL, 0))
                text = file.read(TAIL).decode(errors="replace")
        except OSError:
            continue
        yield from list(from_text(text))[-LINES:]
        return


def from_text(text: str) -> Iterator[LogLine]:
    """Parse a log file of rsyslog: the new format has dates of RFC 3339, the old format has none.

    Without a date, the number of the line is used in place of the time, so that the order is kept.
    """
    from datetime import datetime  # only for these files

    for number, line in enumerate(text.splitlines()):
        old = OLD.match(line)
        if old:
            yield LogLine(float(number), old.group(1), int(old.group(2)), old.group(3))
            continue
        plain = PLAIN.match(line)
        if plain:
            with suppress(ValueError):
                when = datetime.fromisoformat(plain.group(1)).timestamp()
                yield LogLine(when, plain.group(2), int(plain.group(3)), plain.group(4))
