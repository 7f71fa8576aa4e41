"""What has a secret readable now, and what has every later login do it: the remedies of a keyring.

The first is what this very person can carry out here: no root, no PAM and no new login is needed.
"""

from __future__ import annotations

from creds_session.doctor.checks.pam import has_service, problems
from creds_session.doctor.checks.registry import is_other_provider
from creds_session.facts.distribution import install_step
from creds_session.facts.snapshot import Facts, Reader
from creds_session.findings import Remediation
from creds_session.pam.keyring_rules.policy import MODULE

UNLOCK = Remediation("unlock it with the keyring's password", (("creds", "unlock"),), is_safe=True)
CREATE = Remediation("create one, and choose its password", (("creds", "unlock", "--create"),))
REKEY = Remediation(
    "give it the login's password; the old one is asked for", (("creds", "rekey"),), is_safe=True
)


def open_now(facts: Facts) -> Remediation:
    """Return what opens the login keyring in this session, or makes one."""
    return CREATE if facts.keyring.exists is False else UNLOCK


def for_this_reader(facts: Facts, now: Remediation, *others: Remediation) -> Remediation:
    """Return a remedy in the order in which this reader can carry the parts out.

    Root can mend the logins of another user, and cannot type that user's password.
    """
    later = of_later_logins(facts)
    if later is None:
        return now._replace(alternatives=others)
    if facts.reader is Reader.ROOT:
        by_user = f"{facts.session.user} themselves: {now.text}"
        return later._replace(alternatives=(now._replace(text=by_user), *others))
    return now._replace(alternatives=(*others, later))


def of_later_logins(facts: Facts) -> Remediation | None:
    """Return what root does so that each later login by password opens the keyring.

    None if nothing is to be done, or if nobody logs in here by PAM.
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
            return Remediation(
                f"so that every later login by password opens it: {step.text} (root)"
            )
        commands.append(("sudo", *step.command))
    commands.append(("sudo", "creds-setup-pam", "apply"))
    text = "so that every later login by password opens it, root runs this"
    return Remediation(text, tuple(commands))
