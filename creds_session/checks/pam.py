"""Whether PAM hands the typed password to the keyring, as libpam will run the files."""

from __future__ import annotations

import functools
from typing import Union

from creds_session.checks.registry import Check, hindrance
from creds_session.errors import CredsSessionError
from creds_session.facts import Facts, PamFacts
from creds_session.findings import Found, NotJudged, Remediation, Severity
from creds_session.pam.judge import GroupVerdict, judge
from creds_session.pam.terms import Dialect

APPLY = Remediation(
    "let PAM hand the password over, then log in again by password",
    (("sudo", "creds-setup-pam", "apply"),),
    is_safe=True,
)
Verdicts = Union[tuple[GroupVerdict, ...], str]


def verdicts(pam: PamFacts, *, early_start: bool = False) -> Verdicts:
    """Return what the proof says of each group of the service, or why libpam refuses it."""
    files = tuple(sorted(pam.files.items()))
    return _verdicts(pam.service, files, pam.dialect, early_start)


@functools.lru_cache(maxsize=16)
def _verdicts(
    service: str,
    files: tuple[tuple[str, bytes], ...],
    dialect: Dialect,
    early_start: bool,  # noqa: FBT001 - lru_cache takes it by place
) -> Verdicts:
    try:
        return judge(service, dict(files).get, dialect, early_start=early_start)
    except CredsSessionError as error:
        return error.problem


def has_service(pam: PamFacts) -> bool:
    """Tell whether there is a file for the service."""
    return pam.service in {path.rpartition("/")[2] for path in pam.files}


def _problems(pam: PamFacts) -> tuple[GroupVerdict, ...]:
    found = verdicts(pam) if has_service(pam) else ()
    if isinstance(found, str):
        return ()
    return tuple(verdict for verdict in found if verdict.applies and verdict.problem)


def _unread(pam: PamFacts) -> tuple[str, ...]:
    return (f"not read: {pam.reason}",) if pam.reason else ()


def _service_absent(facts: Facts) -> Found | None:
    if has_service(facts.pam):
        return None
    title = f"there is no PAM service {facts.pam.service!r} on this machine"
    return Found(_unread(facts.pam), title)


def _malformed(facts: Facts) -> Found | NotJudged | None:
    if not has_service(facts.pam):
        return NotJudged("no service file")
    found = verdicts(facts.pam)
    return Found(_unread(facts.pam), found) if isinstance(found, str) else None


def _missing(facts: Facts) -> Found | None:
    problems = _problems(facts.pam)
    if not problems or any(verdict.present for verdict in problems):
        return None
    return _found(facts.pam, problems)


def _ineffective(facts: Facts) -> Found | None:
    problems = _problems(facts.pam)
    if not any(verdict.present for verdict in problems):
        return None
    return _found(facts.pam, problems)


def _found(pam: PamFacts, problems: tuple[GroupVerdict, ...]) -> Found:
    groups = ", ".join(verdict.group.value for verdict in problems)
    told = tuple(f"{verdict.group.value}: {verdict.problem}" for verdict in problems)
    title = f"a password typed at {pam.service} does not open the keyring: {groups}"
    return Found((*told, *_unread(pam)), title)


def _first_login(facts: Facts) -> Found | None:
    first = facts.first_login
    return Found((str(first.socket_unit),)) if first.breaks_first_login else None


CHECKS = (
    Check(
        "pam-service-absent",
        "pam",
        Severity.NOTE,
        "there is no PAM service of that name",
        _service_absent,
        cause="the program that logs people in is not installed, or has another service",
    ),
    Check(
        "pam-file-malformed",
        "pam",
        Severity.ERROR,
        "libpam refuses the service's file, and with it every login",
        _malformed,
        cause="a line of the service, or of a file that it includes, is no rule of PAM",
        cure=Remediation("mend that line before you log out"),
    ),
    Check(
        "pam-rule-missing",
        "pam",
        hindrance,
        "a password typed at the login does not open the keyring: there is no rule",
        _missing,
        cause="pam_gnome_keyring.so is not called where the password passes",
        cure=APPLY,
        needs=("pam-file-malformed",),
    ),
    Check(
        "pam-rule-ineffective",
        "pam",
        hindrance,
        "a password typed at the login does not open the keyring: a rule has no effect",
        _ineffective,
        cause="pam_gnome_keyring.so is not called where the password passes",
        cure=APPLY,
        needs=("pam-file-malformed",),
    ),
    Check(
        "first-login-fails",
        "pam",
        Severity.WARNING,
        "the first login of a new user will not be able to store a secret",
        _first_login,
        cause="systemd starts the keyring daemon for its socket before the keyring exists; a"
        " keyring created through that socket is not served until the daemon restarts",
        cure=APPLY,
    ),
)
