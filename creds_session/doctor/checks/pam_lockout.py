"""Check whether PAM turns everybody away, or lets people in with a wrong password.

These checks are the first of all, because other remedies say to log in again.
"""

from __future__ import annotations

from creds_session.doctor.checks.installation import install, install_cases
from creds_session.doctor.checks.pam_answers import answers_of
from creds_session.doctor.checks.pam_verdicts import (
    APPLY,
    has_service,
    problems,
    unread,
    verdicts,
)
from creds_session.doctor.checks.registry import Check, of_logins
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, NotJudged, Remediation, Severity
from creds_session.pam.keyring_rules.names import MODULE

LOOKED_AT = ("sshd", "login", "su", "sudo", "gdm-password", "lightdm", "sddm", "xrdp-sesman")
"""Services that must refuse a wrong password, whatever happens to the keyring."""


def _malformed(facts: Facts) -> Found | NotJudged | None:
    if not has_service(facts.pam):
        return NotJudged("no service file")
    found = verdicts(facts.pam)
    if isinstance(found, str) and facts.pam.reason:
        return NotJudged(f"files that it includes could not be read: {facts.pam.reason}")
    return Found((), found) if isinstance(found, str) else None


def _module(facts: Facts) -> Found | None:
    if facts.installation.pam_module:
        return None
    return Found((f"no {MODULE} in libpam's directories",))


def _module_level(facts: Facts) -> Severity:
    """Return an error if a rule must succeed that cannot without the module: nobody gets in."""
    is_lockout = any(verdict.is_unsafe for verdict in problems(facts.pam))
    is_of_logins = has_service(facts.pam) or facts.pam.reason
    return Severity.ERROR if is_lockout else of_logins(facts) if is_of_logins else Severity.NOTE


def _wrong_password(facts: Facts) -> Found | None:
    """Find services that let a wrong password in, whatever the reason is."""
    evidence: list[str] = []
    names: list[str] = []
    remedies: list[str] = []
    for name in dict.fromkeys((facts.pam.service, *LOOKED_AT)):
        pam = facts.pam._replace(service=name)
        alarm = answers_of(pam).wrong_password(name) if has_service(pam) else None
        if alarm is None:
            continue
        evidence.append(f"{name}: {alarm[0]}")
        names.append(name)
        remedies.append(alarm[1])
    title = f"people can log in with a wrong password by: {', '.join(names)}"
    remedy = Remediation(f"while you are logged in, {'; '.join(dict.fromkeys(remedies))}")
    return Found((*evidence, *unread(facts.pam)), title, remedy=remedy) if evidence else None


def _unsafe(facts: Facts) -> Found | None:
    """Find by the proof that a rule decides who may log in."""
    evidence = tuple(
        f"{verdict.group.value}: {verdict.problem}"
        for verdict in problems(facts.pam)
        if verdict.is_unsafe and verdict.reached
    )
    return Found(evidence) if evidence else None


CHECKS = (
    Check(
        "pam-file-malformed",
        "pam",
        Severity.ERROR,
        "libpam cannot read the PAM file of the login service, and therefore refuses every login",
        _malformed,
        cause="a line of the service, or of a file that it includes, is not a valid PAM rule",
        remedy=Remediation("correct that line before you log out"),
        stops_password=True,
    ),
    Check(
        "pam-module-not-installed",
        "pam",
        _module_level,
        "the PAM module pam_gnome_keyring.so is not installed",
        _module,
        cause="distributions put it into its own package; a rule that begins with `-` does not"
        " report that its module is missing",
        remedy=lambda facts: install(MODULE, facts.installation.os_release),
        stops_password=True,
        cases=install_cases(MODULE),
    ),
    Check(
        "pam-wrong-password-let-in",
        "pam",
        Severity.ERROR,
        "people can log in with a wrong password",
        _wrong_password,
        cause="a rule before the password is checked succeeds for everybody and ends the stack, or"
        " no rule denies the login after the modules that check the password, or a rule of"
        " pam_gnome_keyring, which checks no password, lets people in",
        remedy=Remediation(
            "while you are logged in, change the rule that lets people in: in the example that the"
            " evidence shows, the last line that returns success, or a line that leads to it"
        ),
        needs=("pam-file-malformed",),
        about="creds-doctor looks at the service of this login, `login`, `su`, `sudo` and display"
        " managers. A service that does not ask for a password lets people in on purpose, and is"
        " not reported, unless it is a rule of pam_gnome_keyring that lets them in.",
    ),
    Check(
        "pam-rule-unsafe",
        "pam",
        Severity.WARNING,
        "a rule of pam_gnome_keyring decides whether people may log in",
        _unsafe,
        cause="the rule has the control required, requisite or the like, so the login is refused if"
        " the keyring cannot be unlocked",
        remedy=APPLY,
        needs=("pam-file-malformed", "pam-module-not-installed"),
    ),
)
