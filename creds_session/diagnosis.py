"""Look, judge: what ``creds-doctor`` does."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from creds_session.checks import CHECKS, Check, run
from creds_session.errors import CannotWrite, InvalidData, NoSuchFile
from creds_session.facts import Daemon, Facts
from creds_session.findings import CheckResult
from creds_session.probe.machine import probe, probe_user
from creds_session.report.checks import Entry
from creds_session.snapshot import anonymous, dumps, loads, redacted
from creds_session.system.root import Root


class Diagnosis(NamedTuple):
    """The facts of a session and what the checks say of them."""

    facts: Facts
    results: tuple[CheckResult, ...]

    @property
    def is_healthy(self) -> bool:
        """Tell whether a secret can be read now and no finding is an error."""
        return not any(result.has_error for result in self.results)

    @property
    def daemons(self) -> list[dict[str, object]]:
        """Every keyring daemon of the user, as values for JSON."""
        return [_values(daemon) for daemon in self.facts.daemons]


def look(environ: Mapping[str, str], user: str | None = None) -> Facts:
    """Look at this session, or at another user's; change nothing, start nothing.

    Raises NoSuchFile, NotPermitted or Unavailable for another user.
    """
    if user is None or pwd.getpwuid(os.getuid()).pw_name == user:
        return probe(environ, Root())
    return probe_user(user, Root())


def judge(facts: Facts, checks: Iterable[Check] = CHECKS) -> Diagnosis:
    """Say what the checks find in these facts."""
    return Diagnosis(facts, run(checks, facts))


def save(facts: Facts, path: Path, *, anonymously: bool) -> None:
    """Write facts for others to judge, without what looks like a password. Raises CannotWrite."""
    kept = redacted(facts)
    if anonymously:
        kept = anonymous(kept, socket.gethostname())
    try:
        path.write_text(dumps(kept))
    except OSError as error:
        raise CannotWrite(f"{path}: cannot be written: {error.strerror}") from error


def saved(path: Path) -> Facts:
    """Read facts that were saved. Raises NoSuchFile or InvalidData."""
    try:
        return loads(path.read_text())
    except FileNotFoundError:
        raise NoSuchFile(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidData(f"{path}: cannot be read: {error}") from error


def entries() -> tuple[Entry, ...]:
    """Return what the registry says of each check, without a machine at hand."""
    return tuple(_entry(check) for check in CHECKS)


def _entry(check: Check) -> Entry:
    level = None if callable(check.severity) else check.severity
    cure = None if callable(check.cure) else check.cure
    named = (check.title, check.cause, cure, check.needs, check.about)
    return Entry(check.id, check.group, level, *named)


def _values(daemon: Daemon) -> dict[str, object]:
    return {**daemon._asdict(), "role": daemon.role.value}
