"""List what else a person should know about a group: assumptions and side effects."""

from __future__ import annotations

from collections.abc import Iterator

from creds_session.pam.keyring_rules.group_needs import anchors_of
from creds_session.pam.keyring_rules.policy import (
    is_handing_over,
    is_keyring,
    may_judge,
    starts_daemon,
)
from creds_session.pam.keyring_rules.proof import refute_start, refute_unknown
from creds_session.pam.modules.returns import is_known
from creds_session.pam.stack.handlers import Handler, Stacks
from creds_session.pam.syntax.terms import ManagementGroup


def notes_on_group(without: Stacks, now: Stacks, group: ManagementGroup) -> tuple[str, ...]:
    """Return what the verdict on a group assumes, and which side effects its rules have.

    ``without`` is the service without our rules, ``now`` the service as it is.
    """
    notes = [
        f"{rule.module} {_why_it_may_judge(rule)}, so it is assumed to ask for the password"
        for rule in anchors_of(without, group)
        if not is_known(rule) or is_handing_over(rule)
    ]
    if group is ManagementGroup.AUTH:
        notes += early_starts(without, now)
        notes += _passing_logins(without, now)
    return tuple(dict.fromkeys(notes))


def _passing_logins(without: Stacks, now: Stacks) -> Iterator[str]:
    """Name a little-known module that lets people in before our rule could run."""
    is_there = any(map(is_keyring, now.auth.handlers))
    passed = refute_unknown(without, now) if is_there else None
    judging = [now.auth.handlers[index] for index in may_judge(now.auth.handlers)]
    steps = reversed(passed.steps if passed else ())
    for handler in (step.handler for step in steps if step.handler in judging):
        yield (
            f"{handler.place}: {handler.module} {_why_it_may_judge(handler)}; if it alone lets"
            " somebody in, the keyring's rule does not run and the keyring stays locked"
        )
        return


def _why_it_may_judge(rule: Handler) -> str:
    """Return why a module may check the password."""
    if is_handing_over(rule):
        return "passes the password to a program"
    return "is not known to this program"


def early_starts(without: Stacks, now: Stacks) -> Iterator[str]:
    """Yield a note for each auth rule that starts a daemon although the password was wrong."""
    if refute_start(without, now) is None:
        return
    for rule in now.auth.handlers:
        if starts_daemon(rule, now.auth.service):
            yield (
                f"{rule.place}: because of auto_start, each wrong password starts a daemon as this"
                " user, for two minutes"
            )
