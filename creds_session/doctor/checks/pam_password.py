"""Check what PAM does with the keyring if a password is changed, or if it is wrong."""

from __future__ import annotations

from creds_session.doctor.checks.pam_answers import answers_of
from creds_session.doctor.checks.pam_verdicts import (
    APPLY,
    MISSING,
    has_service,
    keyring_rules,
    place_of,
    problems,
    rules_of,
    verdicts,
)
from creds_session.doctor.checks.registry import Check, of_logins
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, NotJudged, Remediation, Severity
from creds_session.pam.keyring_rules.names import MODULE
from creds_session.pam.syntax.kinds import ManagementGroup


def _changed_password(facts: Facts) -> Found | None:
    """Find that a password which is changed at the login is not passed to the keyring."""
    found = [item for item in problems(facts.pam) if item.group is ManagementGroup.PASSWORD]
    return Found(tuple(f"password: {verdict.problem}" for verdict in found)) if found else None


def _guesses(facts: Facts) -> Found | None:
    """Find a rule that starts a daemon at a wrong password."""
    found = verdicts(facts.pam) if has_service(facts.pam) else ()
    if isinstance(found, str):
        return None
    evidence = tuple(note for verdict in found for note in verdict.early_starts)
    if not evidence:
        return None
    from creds_session.pam.keyring_rules.owners import AUTHSELECT, owner_of  # seldom found
    from creds_session.pam.keyring_rules.remedies import REMOVAL

    texts = facts.pam.files.items()
    has_feature = any(MODULE.encode() in text and owner_of(text) is AUTHSELECT for _, text in texts)
    return Found(evidence, remedy=Remediation(REMOVAL[AUTHSELECT]) if has_feature else None)


def _twice(facts: Facts) -> Found | NotJudged | None:
    if not has_service(facts.pam):
        return NotJudged("no service file")
    evidence = answers_of(facts.pam).repeated(facts.pam.service)
    return Found((evidence,)) if evidence else None


def _asks_itself(facts: Facts) -> Found | None:
    rules = [rule for rule in keyring_rules(facts.pam) if rule.group is ManagementGroup.PASSWORD]
    evidence = tuple(
        f"{place_of(rule)}: no use_authtok" for rule in rules if "use_authtok" not in rule.arguments
    )
    # Debian's own profile has no use_authtok either, but stands behind modules that have asked.
    is_first = rules and rules_of(facts.pam)[ManagementGroup.PASSWORD].index(rules[0]) == 0
    return Found(evidence) if evidence and is_first else None


def _passwd(facts: Facts) -> Found | NotJudged | None:
    pam = facts.pam._replace(service="passwd")
    if not has_service(pam):
        return NotJudged("no service passwd")
    evidence = tuple(f"passwd: {verdict.problem}" for verdict in problems(pam))
    return Found(evidence) if evidence else None


CHECKS = (
    Check(
        "pam-password-left-behind",
        "pam",
        of_logins,
        "a password that is changed during a login is not passed to the keyring",
        _changed_password,
        cause="the password rule of pam_gnome_keyring is not reached: if an expired password is"
        " changed at the login, the keyring keeps the old one. Other logins are not affected",
        remedy=APPLY,
        needs=(*MISSING, "pam-rule-ineffective"),
    ),
    Check(
        "pam-starts-at-wrong-password",
        "pam",
        Severity.WARNING,
        "a wrong password starts a keyring daemon",
        _guesses,
        cause="an auth rule with auto_start runs before the password was found to be right, so"
        " everybody who guesses a password starts a daemon as this user for two minutes. The"
        " feature with-pam-gnome-keyring of authselect does so in the profile sssd",
        remedy=Remediation(
            "remove auto_start from that auth rule; the session rule starts the daemon"
        ),
        needs=MISSING,
    ),
    Check(
        "pam-rule-repeated",
        "pam",
        Severity.NOTE,
        "pam_gnome_keyring changes the password of the keyring more than once",
        _twice,
        cause="a profile of the distribution already has the rule, and somebody added another one",
        remedy=Remediation("remove all of these rules except one"),
        needs=("pam-file-malformed",),
    ),
    Check(
        "pam-password-asks",
        "pam",
        Severity.WARNING,
        "the password rule of pam_gnome_keyring asks for a password itself",
        _asks_itself,
        cause="the rule is the first one and has no use_authtok, so it prints its own prompt,"
        " `Password: `",
        remedy=APPLY,
        needs=("pam-file-malformed",),
    ),
    Check(
        "passwd-leaves-keyring",
        "pam",
        of_logins,
        "passwd changes the login password, but not the password of the keyring",
        _passwd,
        cause="the service passwd has no password rule of pam_gnome_keyring that is reached",
        remedy=APPLY,
        needs=("pam-module-not-installed", "pam-rule-missing"),
    ),
)
