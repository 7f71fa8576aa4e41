"""Whether sshd's settings let a typed password through to the keyring at all."""

from __future__ import annotations

from creds_session.errors import CredsSessionError
from creds_session.facts import CollectionState, Facts
from creds_session.findings import Finding, Remediation, Seen, Severity
from creds_session.pam.judge import judge
from creds_session.pam.terms import ManagementGroup
from creds_session.sshd import DIALOGUE_ALONE, WITHOUT_PAM, Hindrance, hindrance

CAUSE = (
    "PAM's conversation for keyboard-interactive runs in a child of sshd; what pam_gnome_keyring"
    " keeps for the session ends with it"
)
APPLY = Remediation(
    "let PAM start the keyring daemon while the password is there, or, where that is refused,"
    " set `PasswordAuthentication yes` and `KbdInteractiveAuthentication no`",
    (("sudo", "creds-setup-pam", "apply"),),
)


def sshd_lets_the_password_through(facts: Facts) -> Seen:
    """Sshd asks PAM, in the process that opens the session, or the daemon starts before that."""
    sshd = facts.sshd
    if not sshd.judged:
        return Seen(f"not judged: {sshd.reason}")
    methods = " or ".join(sshd.password_methods) or "no password"
    summary = f"sshd takes {methods}; PAM service {sshd.pam_service_name}"
    found = hindrance(sshd)
    if found is WITHOUT_PAM:
        return Seen(summary, (_without_pam(facts, found),))
    if found is None or not sshd.kbd_interactive_authentication or not sshd.password_methods:
        return Seen(summary)
    if found is DIALOGUE_ALONE and _starts_in_auth(facts):
        return Seen(f"{summary}; the keyring daemon starts while the password is there")
    return Seen(summary, (_dialogue(facts, found),))


def _starts_in_auth(facts: Facts) -> bool:
    """Tell whether the auth rule starts a daemon, proved to be with no wrong password."""
    pam = facts.pam
    try:
        verdicts = judge(pam.service, pam.files.get, pam.dialect, early_start=True)
    except CredsSessionError:
        return False  # the check of PAM says more
    return all(
        verdict.reached and not verdict.problem
        for verdict in verdicts
        if verdict.group is ManagementGroup.AUTH
    )


def _without_pam(facts: Facts, found: Hindrance) -> Finding:
    return Finding(
        "sshd-without-pam",
        _severity(facts),
        found.problem,
        cause="without PAM sshd looks into the shadow file itself, and no module sees the password",
        evidence=("sshd -T: usepam no",),
        remediation=Remediation(found.cure),
    )


def _dialogue(facts: Facts, found: Hindrance) -> Finding:
    is_alone = found is DIALOGUE_ALONE
    return Finding(
        "sshd-keyboard-interactive",
        _severity(facts) if is_alone else Severity.WARNING,
        found.problem,
        cause=CAUSE,
        evidence=(f"sshd -T: password methods: {', '.join(facts.sshd.password_methods)}",),
        remediation=APPLY if is_alone else Remediation(found.cure),
    )


def _severity(facts: Facts) -> Severity:
    """A keyring that is open now does not need sshd now."""
    is_open = facts.bus.login is CollectionState.UNLOCKED
    return Severity.WARNING if is_open else Severity.ERROR
