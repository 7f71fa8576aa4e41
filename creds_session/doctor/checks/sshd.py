"""Whether sshd's settings let a typed password through to the keyring at all."""

from __future__ import annotations

import re

from creds_session.doctor.checks.pam import verdicts
from creds_session.doctor.checks.registry import Check, of_logins
from creds_session.facts.snapshot import Facts
from creds_session.facts.sshd import (
    DIALOGUE_ALONE,
    DIALOGUE_FIRST,
    NO_KEYS,
    NO_PASSWORDS,
    NOT_STARTED,
    WITHOUT_PAM,
)
from creds_session.facts.sshd import hindrance as hindrance_by
from creds_session.findings import Found, NotJudged, Remediation, Severity
from creds_session.pam.syntax.terms import ManagementGroup

APPLY = Remediation(
    "let PAM start the keyring daemon while the password is there, or, where that is refused,"
    " set `PasswordAuthentication yes` and `KbdInteractiveAuthentication no`",
    (("sudo", "creds-setup-pam", "apply"),),
    is_safe=True,
)

REFUSAL = "sshd -T: "
UNREAD = "sshd's settings could not be read"
OF_A_SETTING = re.compile(r"(?i)\bline [1-9]\d*\b|\bbad configuration option")
"""How sshd names a line that it refuses (servconf.c:process_server_config_line)."""


def _without_pam(facts: Facts) -> Found | NotJudged | None:
    if not facts.sshd.judged:
        return NotJudged(facts.sshd.reason)
    if hindrance_by(facts.sshd) is not WITHOUT_PAM:
        return None
    return Found((f"{facts.sshd.asked}: usepam no",), WITHOUT_PAM.problem)


def _dialogue(facts: Facts) -> Found | NotJudged | None:
    if not facts.sshd.judged:
        return NotJudged(facts.sshd.reason)
    found = hindrance_by(facts.sshd)
    if found is DIALOGUE_ALONE and _starts_in_auth(facts):
        return None
    if found not in {DIALOGUE_ALONE, DIALOGUE_FIRST}:
        return None
    evidence = f"{facts.sshd.asked}: password methods: {', '.join(facts.sshd.password_methods)}"
    remedy = None if found is DIALOGUE_ALONE else Remediation(found.remedy)
    return Found((evidence,), found.problem, remedy=remedy)


def _no_password(facts: Facts) -> Found | NotJudged | None:
    if not facts.sshd.judged:
        return NotJudged(facts.sshd.reason)
    if hindrance_by(facts.sshd) is not NO_PASSWORDS:
        return None
    told = "passwordauthentication no, kbdinteractiveauthentication no"
    return Found((f"{facts.sshd.asked}: {told}",))


def _refused(facts: Facts) -> Found | None:
    reason = facts.sshd.reason
    is_refusal = reason.startswith(REFUSAL) and OF_A_SETTING.search(reason)
    return Found((reason,)) if is_refusal else None


def _unread(facts: Facts) -> Found | None:
    reason = facts.sshd.reason
    if not reason.startswith(REFUSAL) or OF_A_SETTING.search(reason):
        return None
    if _is_unready(reason):
        return Found((reason,))
    return Found((reason,), UNREAD, "sshd said so when it was asked; it names no wrong setting")


def _is_unready(reason: str) -> bool:
    """Tell whether sshd lacks what is made before its first start, and refuses no setting."""
    return NOT_STARTED in reason or NO_KEYS in reason


def _starts_in_auth(facts: Facts) -> bool:
    """Tell whether the auth rule starts a daemon, proved to be with no wrong password."""
    found = verdicts(facts.pam, early_start=True)
    return not isinstance(found, str) and all(
        verdict.reached and not verdict.problem
        for verdict in found
        if verdict.group is ManagementGroup.AUTH
    )


CHECKS = (
    Check(
        "sshd-without-pam",
        "sshd",
        of_logins,
        "sshd calls no rule of PAM, and no password typed there opens the keyring",
        _without_pam,
        cause="without PAM sshd looks into the shadow file itself, and no module sees the password",
        remedy=Remediation(WITHOUT_PAM.remedy),
        stops_password=True,
    ),
    Check(
        "sshd-keyboard-interactive",
        "sshd",
        of_logins,
        "a password typed into sshd's keyboard-interactive is gone when the session begins",
        _dialogue,
        cause="PAM's conversation for keyboard-interactive runs in a child of sshd; what"
        " pam_gnome_keyring keeps for the session ends with it",
        remedy=APPLY,
        about="See [what keyboard-interactive does](../../explanation/keyboard-interactive.md).",
        stops_password=True,
    ),
    Check(
        "sshd-takes-no-password",
        "sshd",
        Severity.NOTE,
        "sshd takes no password, so no login by ssh opens the keyring",
        _no_password,
        cause="PasswordAuthentication and KbdInteractiveAuthentication are off, as many advise, for"
        " everybody or by a Match block for this user or address",
        remedy=Remediation("unlock it once a login, as the hook offers", (("creds", "unlock"),)),
    ),
    Check(
        "sshd-refuses-settings",
        "sshd",
        Severity.WARNING,
        "sshd refuses its own settings: it will not start again",
        _refused,
        cause="a line of sshd_config, or of a file that it includes, is wrong",
        remedy=Remediation("correct that line, then test it", (("sudo", "sshd", "-t"),)),
    ),
    Check(
        "sshd-settings-unread",
        "sshd",
        Severity.NOTE,
        f"{UNREAD}, because sshd has not been started yet",
        _unread,
        cause="sshd needs the directory /run/sshd, which systemd makes when it starts ssh.service,"
        " and host keys; with ssh.socket, in a new image and in a container they are made later or"
        " never",
    ),
)
