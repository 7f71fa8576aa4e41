"""Check whether sshd's settings let a typed password reach the keyring."""

from __future__ import annotations

import re

from creds_session.doctor.checks.pam_verdicts import verdicts
from creds_session.doctor.checks.registry import Case, Check, of_logins
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
from creds_session.pam.syntax.kinds import ManagementGroup

APPLY = Remediation(
    "let PAM start the keyring daemon while the password is still known; if that is refused, set"
    " `PasswordAuthentication yes` and `KbdInteractiveAuthentication no` in sshd_config instead",
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
    settings = "passwordauthentication no, kbdinteractiveauthentication no"
    return Found((f"{facts.sshd.asked}: {settings}",))


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
    return Found((reason,), UNREAD, "sshd -T failed, and did not name a wrong setting")


def _is_unready(reason: str) -> bool:
    """Return whether sshd lacks something that is made before its first start."""
    return NOT_STARTED in reason or NO_KEYS in reason


def _starts_in_auth(facts: Facts) -> bool:
    """Return whether the auth rule starts a daemon, and never at a wrong password (by proof)."""
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
        "sshd does not use PAM, so a password typed at a login by ssh does not unlock the keyring",
        _without_pam,
        cause="without PAM sshd checks the password itself (shadow(5)), and pam_gnome_keyring does"
        " not receive it",
        remedy=Remediation(WITHOUT_PAM.remedy),
        stops_password=True,
    ),
    Check(
        "sshd-keyboard-interactive",
        "sshd",
        of_logins,
        "sshd asks for the password by keyboard-interactive, and it is lost before the session"
        " begins",
        _dialogue,
        cause="sshd runs PAM's conversation for keyboard-interactive in a child process; the"
        " password that pam_gnome_keyring keeps for the session is lost when this child ends",
        remedy=APPLY,
        about="See [what keyboard-interactive does](../../explanation/keyboard-interactive.md).",
        stops_password=True,
    ),
    Check(
        "sshd-takes-no-password",
        "sshd",
        Severity.NOTE,
        "sshd does not accept passwords, so a login by ssh does not unlock the keyring",
        _no_password,
        cause="PasswordAuthentication and KbdInteractiveAuthentication are off, as many guides"
        " advise, for all users or by a Match block for this user or address",
        remedy=Remediation(
            "unlock the keyring after each login; the login hook offers that",
            (("creds", "unlock"),),
        ),
    ),
    Check(
        "sshd-refuses-settings",
        "sshd",
        Severity.WARNING,
        "sshd cannot read its own settings, so it will not start again",
        _refused,
        cause="a line of sshd_config, or of a file that it includes, is wrong",
        remedy=Remediation("correct that line, then test it", (("sudo", "sshd", "-t"),)),
    ),
    Check(
        "sshd-settings-unread",
        "sshd",
        Severity.NOTE,
        f"{UNREAD}, because sshd was never started here",
        _unread,
        cause="sshd needs host keys, and the directory /run/sshd, which systemd makes when it"
        " starts ssh.service. With ssh.socket, in a new image and in a container they are made"
        " later, or never",
        cases=(
            Case("sshd is started at the first connection (ssh.socket)", "nothing has to be done"),
            Case("nobody logs in here by ssh (a container, an image)", "nothing has to be done"),
            Case("sshd should be running", "`sudo systemctl start ssh`, then `creds-doctor` again"),
        ),
    ),
)
