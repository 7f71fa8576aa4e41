"""Say what the proof finds in a PAM service, and name the rules of pam_gnome_keyring in it."""

from __future__ import annotations

from creds_session.doctor.checks.pam_answers import SeenRule, answers_of
from creds_session.facts.snapshot import Facts, PamFacts
from creds_session.findings import Found, Remediation
from creds_session.pam.keyring_rules.group_verdict import GroupVerdict
from creds_session.pam.syntax.kinds import ManagementGroup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from creds_session.doctor.checks.pam_answers import Rules, Verdicts

APPLY = Remediation(
    "let PAM pass your login password to the keyring, then log in again with your password",
    (("sudo", "creds-setup-pam", "apply"),),
    is_safe=True,
)
MISSING = ("pam-module-not-installed", "pam-file-malformed", "pam-rule-missing")


def verdicts(pam: PamFacts, *, early_start: bool = False) -> Verdicts:
    """Return what the proof says about each group of the service, or why libpam refuses it."""
    return answers_of(pam).verdicts(pam.service, early_start=early_start)


def has_service(pam: PamFacts) -> bool:
    """Return whether there is a file for the service."""
    return pam.service in {path.rpartition("/")[2] for path in pam.files}


def problems(pam: PamFacts) -> tuple[GroupVerdict, ...]:
    """Return the groups of the service that have a problem; none if libpam refuses the service."""
    found = verdicts(pam) if has_service(pam) else ()
    if isinstance(found, str):
        return ()
    return tuple(verdict for verdict in found if verdict.applies and verdict.problem)


def rules_of(pam: PamFacts) -> Rules:
    """Return what libpam would run in each group; nothing if libpam refuses the service."""
    return answers_of(pam).rules(pam.service)


def keyring_rules(pam: PamFacts) -> list[SeenRule]:
    """Return the rules of pam_gnome_keyring in the service."""
    return [rule for rules in rules_of(pam).values() for rule in rules if rule.is_ours]


def place_of(rule: SeenRule) -> str:
    """Return the file, line and group of a rule, as evidence."""
    return f"{rule.place}: {rule.group.value}"


def has_no_problem(pam: PamFacts, group: ManagementGroup) -> bool:
    """Return whether a group has no problem, so that an oddity in it does no harm."""
    return all(verdict.group is not group for verdict in problems(pam))


def passes_no_password(facts: Facts) -> bool:
    """Return whether PAM, as it is configured now, gives the keyring no password at a login.

    The module is missing, or no rule calls it in auth. Nothing is said of a machine without logins,
    or of files that were not all read.
    """
    if not _is_known(facts):
        return False
    groups = [verdict.group for verdict in problems(facts.pam) if not verdict.present]
    return not facts.installation.pam_module or ManagementGroup.AUTH in groups


def may_pass_no_password(facts: Facts) -> bool:
    """Return whether a password reaches the keyring at some logins only, or at none.

    An auth or session rule is missing, or is not reached in each way in which a login succeeds.
    """
    of_a_login = (ManagementGroup.AUTH, ManagementGroup.SESSION)
    lacking = (one for one in problems(facts.pam) if not (one.present and one.reached))
    is_lacking = any(verdict.group in of_a_login for verdict in lacking)
    return passes_no_password(facts) or (_is_known(facts) and is_lacking)


def _is_known(facts: Facts) -> bool:
    return facts.init.has_logins and has_service(facts.pam) and not facts.pam.reason


def unread(pam: PamFacts) -> tuple[str, ...]:
    """Return, as evidence, that some files could not be read."""
    return (f"not read: {pam.reason}",) if pam.reason else ()


def does_not_unlock(pam: PamFacts, found: tuple[GroupVerdict, ...]) -> Found:
    """Return the finding that a password typed at this service does not unlock the keyring."""
    groups = ", ".join(verdict.group.value for verdict in found)
    evidence = tuple(f"{verdict.group.value}: {verdict.problem}" for verdict in found)
    title = f"a password typed at {pam.service} does not unlock the keyring: {groups}"
    return Found((*evidence, *unread(pam)), title)
