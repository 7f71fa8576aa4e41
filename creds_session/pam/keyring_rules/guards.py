"""Find the rules of pam_gnome_keyring that root's login runs although it shall skip them."""

from __future__ import annotations

from collections.abc import Iterator

from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.keyring_rules.policy import (
    GUARDED,
    excluded_by_only_if,
    is_keyring,
    own_rule_indexes,
)
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.terms import ManagementGroup


def unguarded(service: str, group: ManagementGroup, files: PamFiles) -> Iterator[Handler]:
    """Yield the rules of one group that have no guard right before them.

    Only the groups of a login are guarded. A rule whose only_if excludes the service needs none.
    """
    if group not in GUARDED:
        return
    handlers = files.stack(service, group).handlers
    ours = own_rule_indexes(handlers)
    for place in sorted(ours):
        rule = handlers[place]
        if is_keyring(rule) and place - 1 not in ours and not excluded_by_only_if(rule, service):
            yield rule


def unguarded_in(path: str, service: str, group: ManagementGroup, files: PamFiles) -> list[Handler]:
    """Return those of these rules that are in one file of the service."""
    return [rule for rule in unguarded(service, group, files) if rule.origin.file == path]
