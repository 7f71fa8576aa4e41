"""List what else a person should know about a service and about sshd's settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from creds_session.errors import InvalidData
from creds_session.facts.sshd import (
    DIALOGUE_ALONE,
    NOT_ASKED,
    WITHOUT_PAM,
    Hindrance,
    SshdFacts,
    hindrance,
)
from creds_session.pam.keyring_rules.group_needs import LACKS_RULES
from creds_session.pam.keyring_rules.guards import unguarded
from creds_session.pam.keyring_rules.names import is_of_another_person
from creds_session.pam.keyring_rules.owners import manager_of
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.keyring_rules.plan import Plan
from creds_session.pam.keyring_rules.verdict import duplicate_password_rules
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.terms import ManagementGroup
from creds_session.system.files.root import Root


def notes_on_service(root: Root, planned: Plan, files: PamFiles) -> Iterator[str]:
    """Yield what a person should know about a service in addition to its verdicts."""
    duplicates = duplicate_password_rules(planned.service, files)
    if duplicates:
        yield duplicates
    obstacle = _why_not_written(root, planned) if planned.edits else ""
    if obstacle:
        yield obstacle
    manager = manager_of(planned.content)
    if manager and planned.edits:
        yield (
            f"{planned.path} is managed by {manager}: make the change there too, or its next run"
            " removes the change"
        )
    added = {verdict.group for verdict in planned.after if verdict.reached and verdict.applies}
    session = f"{LACKS_RULES} {ManagementGroup.SESSION.value}"
    lacks_session = not is_of_another_person(planned.service) and any(
        session in verdict.notes for verdict in planned.after
    )
    if planned.edits and ManagementGroup.AUTH in added and lacks_session:
        yield (
            "it has no session rules of its own, so its logins start no daemon; the auth rule"
            " unlocks the keyring of a daemon that is running already"
        )


def _why_not_written(root: Root, planned: Plan) -> str:
    """Return why ``apply`` would refuse to write the file of a plan, or ""."""
    if planned.replaced is None:
        return ""
    try:
        with root.entry(planned.target) as entry:
            if entry is not None:
                entry.refuse_unless_plain(planned.target)
    except InvalidData as error:
        return f"apply would refuse this change: {error.problem}; {error.hint}"
    return ""


def unguarded_rules(planned: Plan, files: PamFiles) -> Iterator[str]:
    """Yield which rules root's login does not skip, and why --skip-root leaves them.

    A refusal says itself why the rules of its group stay as they are.
    """
    after = files.overlaid(planned.target, planned.result)
    refused = {refusal.group for refusal in planned.refusals}
    rules = [rule for group in ManagementGroup for rule in unguarded(planned.service, group, after)]
    included = [rule for rule in rules if rule.origin.file != planned.target]
    if included:
        yield (
            f"root's login still runs {_places(included)}: --skip-root changes only"
            f" {planned.target}, and the rule is in an included file"
        )
    unwanted = [
        rule for rule in rules if rule.origin.file == planned.target and rule.group not in refused
    ]
    if unwanted:
        yield (
            f"root's login still runs {_places(unwanted)}: --skip-root changes only the groups in"
            " which this service should have a rule"
        )


def _places(rules: Sequence[Handler]) -> str:
    return " and ".join(dict.fromkeys(rule.place for rule in rules))


def notes_on_sshd(root: Root, sshd: SshdFacts, plans: Sequence[Plan]) -> tuple[str, ...]:
    """Return which of sshd's settings keep the password from PAM."""
    if _plan_of_sshd(sshd, plans) is None:
        return ()
    if not sshd.judged:
        note = f"sshd's settings could not be checked: {sshd.reason}"
        return (note,) if root.is_running_system else ()
    found = _obstacle(sshd, plans)
    return (f"{found.problem}; {found.remedy}",) if found else ()


def is_hindered(sshd: SshdFacts, plans: Sequence[Plan]) -> bool:
    """Return whether sshd's settings let no password through to PAM at all."""
    return _obstacle(sshd, plans) in {WITHOUT_PAM, DIALOGUE_ALONE}


def _plan_of_sshd(sshd: SshdFacts, plans: Sequence[Plan]) -> Plan | None:
    """Return the plan of the service that sshd uses, if sshd was asked and it is planned."""
    if sshd is NOT_ASKED:
        return None
    return next((plan for plan in plans if plan.service == sshd.pam_service_name), None)


def _obstacle(sshd: SshdFacts, plans: Sequence[Plan]) -> Hindrance | None:
    """Return what in sshd's settings keeps the password from PAM, or None."""
    planned = _plan_of_sshd(sshd, plans)
    if planned is None or not sshd.judged:
        return None
    found = hindrance(sshd)
    # An auth rule that starts the daemon works with keyboard-interactive alone.
    return None if found is DIALOGUE_ALONE and planned.early_start else found
