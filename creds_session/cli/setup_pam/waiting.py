"""What check, diff and apply say of a change that waits for confirmation."""

from __future__ import annotations

import time
from typing import NamedTuple

from creds_session.cli.setup_pam.arguments import PROGRAM
from creds_session.errors import InvalidData, NotPermitted
from creds_session.setup_pam import confirmation, pending_note
from creds_session.system.files.root import Root
from creds_session.system.systemd import timers


class Waiting(NamedTuple):
    """What can be seen of a change that waits: ``deadline`` is in seconds since 1970.

    Only root can read the note, so for everybody else ``deadline`` and ``user`` are None. If the
    note cannot be read for another reason, ``problem`` says why.
    """

    deadline: float | None = None
    user: str | None = None
    problem: str = ""


def waiting(root: Root) -> Waiting | None:
    """Return the change that waits to be confirmed, or None."""
    try:
        pending = pending_note.pending(root)
    except NotPermitted:
        return Waiting() if timers.is_at_boot(root, confirmation.BOOT_UNIT) else None
    except InvalidData as error:
        return Waiting(problem=error.problem)
    return None if pending is None else Waiting(pending.deadline, pending.user)


def waiting_line(root: Root) -> str:
    """Return the message about the change that waits, or an empty string."""
    found = waiting(root)
    if found is None:
        return ""
    if found.problem:
        return f"cannot be judged: {found.problem}"
    revert = confirmation.revert_command(root)
    how = f"{PROGRAM} confirm, from a new login" if root.is_running_system else revert
    if found.deadline is None:
        return f"waits for confirmation ({how}); only root can see until when"
    until = time.strftime("%H:%M:%S", time.localtime(found.deadline))
    if found.deadline <= time.time():
        return f"is still in place, and nobody confirmed it by {until} (run: {revert})"
    return f"waits for confirmation until {until} ({how})"


def waiting_values(root: Root) -> dict[str, object] | None:
    """Return what JSON says of the change that waits, or None. The time is UTC (RFC 3339)."""
    found = waiting(root)
    if found is None:
        return None
    until = None
    if found.deadline is not None:
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found.deadline))
    return {"until": until, "changed_by": found.user, "problem": found.problem or None}
