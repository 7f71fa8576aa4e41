"""Which rules of pam_gnome_keyring root's login still waits for, though root shall skip them."""

from __future__ import annotations

from collections.abc import Iterator

from creds_session.pam.keyring_rules.policy import GUARDED, is_keyring, kept_out, our_places
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.stack.resolve import Read, resolve
from creds_session.pam.syntax.terms import Dialect, ManagementGroup


def unguarded(
    service: str, group: ManagementGroup, read: Read, dialect: Dialect
) -> Iterator[Handler]:
    """Yield the rules of one group that have no guard right before them.

    Only a login's groups are guarded. A rule whose only_if keeps the service out does not wait.
    """
    if group not in GUARDED:
        return
    handlers = resolve(service, group, read, dialect=dialect).handlers
    ours = our_places(handlers)
    for place in sorted(ours):
        rule = handlers[place]
        if is_keyring(rule) and place - 1 not in ours and not kept_out(rule, service):
            yield rule
