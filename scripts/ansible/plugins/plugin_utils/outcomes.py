# MIT License (see LICENSE or https://opensource.org/license/mit)
"""The words for what a rollout did to a host."""

from __future__ import annotations

CONFIRMED = "confirmed"
NOTHING_TO_DO = "nothing to do"
WOULD_CHANGE = "would change"
REFUSED = "refused"
NOT_CHANGED = "not changed"
NO_LOGIN_BEFORE = "no login before"
REVERTED = "reverted"
UNKNOWN = "unknown"
IN_PROGRESS = "in progress"
UNTOUCHED = "untouched"

GOOD = (CONFIRMED, NOTHING_TO_DO)
OPEN = (IN_PROGRESS, UNTOUCHED)
MEANINGS = {
    CONFIRMED: "The change is made, and a new login confirmed it.",
    NOTHING_TO_DO: "The rules are in place; nothing was changed.",
    WOULD_CHANGE: "Check mode: the change would be made.",
    REFUSED: "No edit of the PAM files is safe; nothing was changed.",
    NOT_CHANGED: "The change could not be made; nothing was changed.",
    NO_LOGIN_BEFORE: "The login failed before anything was changed; nothing was changed.",
    REVERTED: "Nobody confirmed the change, and the PAM files are as they were before it.",
    UNKNOWN: (
        "It is not known whether the change is in place. If nobody confirmed it, the host's timer, or"
        " its next boot, reverts it."
    ),
    IN_PROGRESS: "The rollout ended while it worked on this host; run it again.",
    UNTOUCHED: "The rollout stopped or was ended before this host.",
}
