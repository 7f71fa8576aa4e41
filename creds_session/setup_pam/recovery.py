"""Recover from a run of ``creds-setup-pam`` that was killed before it was done.

A change that is not finalized is reverted, and its note is removed. A note whose change had not
begun is removed, too. Nothing waits to be confirmed then, and the timer is stopped. A note that
says when its change was done stays, because that change is complete.
"""

from __future__ import annotations

from typing import NamedTuple

from creds_session.setup_pam import confirmation, transaction
from creds_session.setup_pam.pending_note import NOTE, read_note_if_whole
from creds_session.system.files.checkpoints import Checkpoint
from creds_session.system.files.directory import Directory
from creds_session.system.files.root import Root
from creds_session.system.files.state import state_directory_if_there
from creds_session.system.systemd import timers


class Recovered(NamedTuple):
    """What was recovered: the files that were restored, and whether a timer was set."""

    touched: tuple[str, ...]
    had_waited: bool


def is_left_behind(root: Root) -> bool:
    """Return whether there is something to recover, without writing anything.

    The run may still be working: only the holder of the lock knows. Raises InvalidData,
    NotPermitted.
    """
    with state_directory_if_there(root) as state:
        return state is not None and _is_left_behind(root, state)


def recover(root: Root) -> Recovered | None:
    """Revert what a killed run had begun, and end its timer; return None if there was nothing.

    Raises Busy while another run holds the lock, CannotWrite, InvalidData.
    """
    ended: list[str] = []

    def end(state: Directory, reverted: Checkpoint | None) -> None:
        pending = read_note_if_whole(state)
        if pending is None:
            if not state.is_file(NOTE):
                timers.not_at_boot(root, confirmation.BOOT_UNIT)
        elif pending.since is None or (
            reverted is not None and reverted.manifest.timer == pending.unit
        ):
            confirmation.stop(pending)
            confirmation.forget(root, state, pending)
            ended.append(pending.unit)

    touched = transaction.recover(root, end)
    return Recovered(touched, bool(ended)) if touched or ended else None


def _is_left_behind(root: Root, state: Directory) -> bool:
    if transaction.is_unfinished(state):
        return True
    pending = read_note_if_whole(state)
    if pending is None:
        return not state.is_file(NOTE) and timers.is_at_boot(root, confirmation.BOOT_UNIT)
    return pending.since is None
