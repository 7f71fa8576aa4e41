"""Whether a management group of a service needs a rule of pam_gnome_keyring, and if not, why."""

from __future__ import annotations

from typing import Final

from creds_session.pam.keyring_rules.policy import anchors
from creds_session.pam.stack.handlers import Handler, Stacks
from creds_session.pam.syntax.terms import ManagementGroup

LACKS_RULES: Final = "the service has no rules of its own in"
NO_PASSWORD: Final = "no module here asks for a password"  # noqa: S105 - a reason


def needs_rule(without: Stacks, group: ManagementGroup) -> bool:
    """Return whether a group has rules, and some of them handle a password.

    ``without`` is the service without our rules. A group without rules is left alone: its first
    rule would replace the rules of the service ``other``.
    """
    stack = without.of(group)
    if stack.is_other or not stack.handlers:
        return False
    if group is ManagementGroup.SESSION:  # a daemon that gets no password stays locked
        return needs_rule(without, ManagementGroup.AUTH)
    return bool(anchors(stack.handlers, group))


def why_not_needed(without: Stacks, group: ManagementGroup) -> str:
    """Return why a group needs no rule of pam_gnome_keyring."""
    stack = without.of(group)
    if stack.is_other or not stack.handlers:
        return f"{LACKS_RULES} {group.value}"
    return NO_PASSWORD


def anchors_of(stacks: Stacks, group: ManagementGroup) -> list[Handler]:
    """Return the handlers that the rule of a group must run after, in order."""
    handlers = stacks.of(group).handlers
    return [handlers[index] for index in sorted(anchors(handlers, group))]
