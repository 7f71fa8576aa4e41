"""Check whether PAM passes the typed password to the keyring, as libpam will run the files.

The service that is judged is that of sshd, or the one by which the session was begun;
``other_services`` judges the others, and ``pam_password`` what happens when a password changes.
"""

from __future__ import annotations

import shlex

from creds_session.doctor.checks import pam_password
from creds_session.doctor.checks.pam_verdicts import (
    APPLY,
    MISSING,
    does_not_unlock,
    has_no_problem,
    has_service,
    keyring_rules,
    place_of,
    problems,
    rules_of,
    unread,
)
from creds_session.doctor.checks.registry import Case, Check, of_logins
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Remediation, Severity
from creds_session.pam.syntax.kinds import ManagementGroup

OPTIONS = frozenset({"auto_start", "use_authtok"})
NOT_CALLED = "pam_gnome_keyring.so is not called at a place where the password is known"


def _service_absent(facts: Facts) -> Found | None:
    if has_service(facts.pam):
        return None
    title = f"there is no PAM service {facts.pam.service!r} on this machine"
    return Found(unread(facts.pam), title)


def _missing(facts: Facts) -> Found | None:
    found = problems(facts.pam)
    if not found or any(verdict.present for verdict in found):
        return None
    return does_not_unlock(facts.pam, found)


def _only_if(facts: Facts) -> Found | None:
    pam = facts.pam
    evidence = tuple(
        f"{place_of(rule)}: {rule.excluded}"
        for rule in keyring_rules(pam)
        if rule.excluded and not has_no_problem(pam, rule.group)
    )
    return Found(evidence) if evidence else None


def _misspelt(facts: Facts) -> Found | None:
    evidence = tuple(
        f"{place_of(rule)}: {word}"
        for rule in keyring_rules(facts.pam)
        for word in rule.arguments
        if word not in OPTIONS and not word.startswith("only_if=")
    )
    return Found(evidence) if evidence else None


def _misspelt_level(facts: Facts) -> Severity:
    groups = {rule.group for rule in keyring_rules(facts.pam) if set(rule.arguments) - OPTIONS}
    does_harm = any(not has_no_problem(facts.pam, group) for group in groups)
    return of_logins(facts) if does_harm else Severity.WARNING


def _no_auto_start(facts: Facts) -> Found | None:
    pam = facts.pam
    if has_no_problem(pam, ManagementGroup.SESSION):
        return None
    rules = [rule for rule in keyring_rules(pam) if rule.group is ManagementGroup.SESSION]
    if not rules or any("auto_start" in rule.arguments for rule in rules):
        return None
    return Found(tuple(f"{place_of(rule)}: no auto_start" for rule in rules))


def _too_early(facts: Facts) -> Found | None:
    """Find a rule of pam_gnome_keyring before the module that it must come after."""
    pam, evidence = facts.pam, []
    for group, rules in rules_of(pam).items():
        if has_no_problem(pam, group):
            continue
        anchors = [place for place, rule in enumerate(rules) if rule.is_anchor]
        ours = [place for place, rule in enumerate(rules) if rule.is_ours]
        if ours and anchors and max(ours) < min(anchors):
            evidence += [f"{place_of(rules[ours[0]])}, before {rules[anchors[0]].module}"]
    return Found(tuple(evidence)) if evidence else None


def _ineffective(facts: Facts) -> Found | None:
    found = tuple(
        verdict for verdict in problems(facts.pam) if not (verdict.present and verdict.reached)
    )
    opening = any(verdict.group is not ManagementGroup.PASSWORD for verdict in found)
    if not opening or not any(verdict.present for verdict in found):
        return None
    return does_not_unlock(facts.pam, found)


def _unreadable(facts: Facts) -> Found | None:
    if not facts.pam.reason:
        return None
    command = ("sudo", "creds-doctor", "--user", facts.session.user)
    remedy = Remediation(f"look as root: {shlex.join(command)}", (command,))
    return Found((facts.pam.reason,), remedy=remedy)


def _first_login(facts: Facts) -> Found | None:
    first = facts.first_login
    return Found((str(first.socket_unit),)) if first.breaks_first_login else None


CHECKS = (
    Check(
        "pam-service-absent",
        "pam",
        Severity.NOTE,
        "there is no PAM service of that name on this machine",
        _service_absent,
        cause="the program that logs people in is not installed, or uses another service",
        cases=(
            Case("nobody logs in here by ssh", "nothing has to be done"),
            Case(
                "sshd should be installed", "install it (Debian: `sudo apt install openssh-server`)"
            ),
            Case(
                "sshd has another service (PAMServiceName in sshd_config)",
                "`sudo creds-doctor --user USER`: root can read the settings of sshd",
            ),
        ),
    ),
    Check(
        "pam-rule-missing",
        "pam",
        of_logins,
        "a password typed at the login does not unlock the keyring: PAM has no rule for it",
        _missing,
        cause=NOT_CALLED,
        remedy=APPLY,
        needs=("pam-module-not-installed", "pam-file-malformed"),
        stops_password=True,
    ),
    Check(
        "pam-only-if",
        "pam",
        of_logins,
        "pam_gnome_keyring has the option only_if=, which excludes this login's service",
        _only_if,
        cause="only_if= names the services for which the module acts; for other services it returns"
        " success, and does not report that",
        remedy=APPLY,
        needs=MISSING,
        stops_password=True,
    ),
    Check(
        "pam-option-misspelt",
        "pam",
        _misspelt_level,
        "a rule of pam_gnome_keyring has an option that the module does not know",
        _misspelt,
        cause="the module knows auto_start, only_if= and use_authtok; for other options it only"
        " logs `invalid option`",
        remedy=APPLY,
        needs=MISSING,
        stops_password=True,
    ),
    Check(
        "pam-no-auto-start",
        "pam",
        of_logins,
        "the session rule of pam_gnome_keyring does not start the keyring daemon",
        _no_auto_start,
        cause="the rule has no auto_start, so the password is thrown away if no daemon is running",
        remedy=APPLY,
        needs=(*MISSING, "pam-option-misspelt", "pam-only-if"),
        stops_password=True,
    ),
    Check(
        "pam-rule-too-early",
        "pam",
        of_logins,
        "a rule of pam_gnome_keyring stands before the module that it depends on",
        _too_early,
        cause="at that place the password is not known yet (auth), or XDG_RUNTIME_DIR is not set"
        " yet (session)",
        remedy=APPLY,
        needs=MISSING,
        stops_password=True,
    ),
    Check(
        "pam-rule-ineffective",
        "pam",
        of_logins,
        "a password typed at the login does not unlock the keyring: a rule has no effect",
        _ineffective,
        cause=NOT_CALLED,
        remedy=APPLY,
        needs=(
            *MISSING,
            *(
                "pam-wrong-password-let-in",
                "pam-only-if",
                "pam-option-misspelt",
                "pam-no-auto-start",
                "pam-rule-too-early",
            ),
        ),
        stops_password=True,
    ),
    *pam_password.CHECKS,
    Check(
        "pam-files-unread",
        "pam",
        Severity.NOTE,
        "some PAM files could not be read, so what is said about PAM may be wrong",
        _unreadable,
        cause="only root may read these files",
        remedy=Remediation("look as root: sudo creds-doctor --user NAME"),
    ),
    Check(
        "first-login-fails",
        "pam",
        of_logins,
        "after the first login of a new user, no secret can be stored",
        _first_login,
        cause="systemd starts the keyring daemon for its socket before the keyring exists; a"
        " keyring that is created through that socket is not served until the daemon restarts",
        remedy=APPLY,
        about="See [why a first login fails](../../explanation/first-login.md).",
    ),
)
