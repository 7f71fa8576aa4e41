"""Report what is only about logins on a system in which no init runs, so that nobody logs in."""

from __future__ import annotations

from creds_session.facts.next_step import START
from creds_session.facts.snapshot import Facts
from creds_session.findings import Finding, Remediation, Severity, in_this_shell

SETUP = "creds-setup-pam"
GROUPS = frozenset({"pam", "sshd"})
ABOUT_LOGINS = frozenset({"hook-absent", "hook-off"})
"""Checks of other areas that are about what happens at a login."""


def without_logins(finding: Finding, facts: Facts, group: str) -> Finding:
    """Return a note about logins as it is in a container: it matters only after a boot.

    ``group`` is the area of the check. If the remedy would change PAM, the title says what was seen
    here, and the remedy is one that works here. Every other finding is returned as it is.
    """
    if facts.init.has_logins or finding.severity is not Severity.NOTE:
        return finding
    if _is_of_pam(finding):
        title = (
            f"no init runs here (process 1 is {facts.init.init}), so nobody logs in; on a system"
            f" with logins: {finding.title}"
        )
        finding = finding._replace(title=title, remediation=_by_hand(facts))
    return finding._replace(is_moot=group in GROUPS or finding.id in ABOUT_LOGINS)


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
