"""Choose the remedies for a locked keyring: for this session, and for later logins.

The first remedy is one that this person can carry out here, without root, PAM or a new login.
"""

from __future__ import annotations

from creds_session.doctor.checks.pam_verdicts import has_service, problems
from creds_session.doctor.checks.registry import is_other_provider
from creds_session.facts.distribution import install_step
from creds_session.facts.snapshot import Facts, Reader
from creds_session.findings import Remediation
from creds_session.pam.keyring_rules.names import MODULE

UNLOCK = Remediation("unlock the keyring with its password", (("creds", "unlock"),), is_safe=True)
CREATE = Remediation(
    "create a keyring, and choose its password", (("creds", "unlock", "--create"),)
)
REKEY = Remediation(
    "give the keyring your login password; you are asked for the old password first",
    (("creds", "rekey"),),
    is_safe=True,
)
START = Remediation("start the daemon and unlock the keyring", (("creds", "unlock"),), is_safe=True)
LATER = "as root, make every later login with a password unlock the keyring"


def open_now(facts: Facts) -> Remediation:
    """Return how to unlock the login keyring in this session, or to create it."""
    return CREATE if facts.keyring.exists is False else UNLOCK


def for_this_reader(facts: Facts, now: Remediation, *others: Remediation) -> Remediation:
    """Return the parts of a remedy in the order in which this reader can carry them out.

    Root can repair the logins of another user, but cannot type that user's password.
    """
    later = of_later_logins(facts)
    if facts.reader is Reader.ROOT:
        now = now._replace(text=f"{facts.session.user} has to do this: {now.text}")
    if later is None:
        return now._replace(alternatives=others)
    if facts.reader is Reader.ROOT:
        return later._replace(alternatives=(now, *others))
    return now._replace(alternatives=(*others, later))


def of_later_logins(facts: Facts) -> Remediation | None:
    """Return what root does so that each later login with a password unlocks the keyring.

    Return None if nothing has to be done, or if nobody logs in here by PAM.
    """
    if is_other_provider(facts) or not facts.init.has_logins or not has_service(facts.pam):
        return None
    missing = not facts.installation.pam_module
    if not missing and not problems(facts.pam):
        return None
    commands: list[tuple[str, ...]] = []
    if missing:
        step = install_step(MODULE, facts.installation.os_release)
        if not step.command:
            return Remediation(f"{LATER}: {step.text}")
        commands.append(("sudo", *step.command))
    commands.append(("sudo", "creds-setup-pam", "apply"))
    return Remediation(LATER, tuple(commands))
