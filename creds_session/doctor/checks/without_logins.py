"""Report a fault of PAM on a system in which no init runs, so that nobody logs in there."""

from __future__ import annotations

from creds_session.facts.next_step import START
from creds_session.facts.snapshot import Facts
from creds_session.findings import Finding, Remediation, Severity, in_this_shell

SETUP = "creds-setup-pam"


def without_logins(finding: Finding, facts: Facts) -> Finding:
    """Return a note about PAM as it is in a container: it matters only after a boot.

    The title then says what was seen here, and the remedy is one that works here. Every other
    finding is returned as it is.
    """
    is_note = finding.severity is Severity.NOTE
    if facts.init.has_logins or not is_note or not _is_of_pam(finding):
        return finding
    title = (
        f"no init runs here (process 1 is {facts.init.init}), so nobody logs in; on a system with"
        f" logins: {finding.title}"
    )
    return finding._replace(title=title, remediation=_by_hand(facts))


def _is_of_pam(finding: Finding) -> bool:
    """Return whether the remedy of a finding changes what PAM does at a login."""
    commands = finding.remediation.commands if finding.remediation else ()
    return any(SETUP in argv for argv in commands)


def _by_hand(facts: Facts) -> Remediation:
    """Return how a secret can be stored here without PAM."""
    if facts.is_readable:
        return Remediation("nothing has to be done here: a secret can be read")
    verb = ("--create",) if facts.keyring.exists is False else ()
    unlock = ("creds", "unlock", *verb)
    what = "create a keyring" if verb else "unlock the keyring"
    if facts.bus.answers:
        return Remediation(f"PAM needs no change here: {what} by hand", (unlock,))
    text = f"PAM needs no change here: start a session bus, and {what} by hand"
    return Remediation(text, (in_this_shell(START), unlock))
