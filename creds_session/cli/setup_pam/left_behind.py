"""Undo first what an earlier run left behind that was ended before it was done."""

from __future__ import annotations

import argparse

from creds_session.cli.output import complain
from creds_session.cli.setup_pam.arguments import PROGRAM
from creds_session.errors import Busy, CredsSessionError
from creds_session.setup_pam.recovery import Recovered, is_left_behind
from creds_session.setup_pam.recovery import recover as recover_it
from creds_session.system.files.root import Root

DIED = "an earlier run was ended before it was done; what it had begun is undone now"
NOT_UNDONE = (
    "an earlier run has not finished its change: it is still working, or was ended before it was"
    " done. {} changes nothing, so what follows is about the files as they are now"
)
LATER = "apply without --dry-run, and check, first undo what a run that was ended had begun"


def recover(root: Root, arguments: argparse.Namespace) -> None:
    """Undo what an earlier run had begun, and say so.

    A command that only looks goes on if that fails, and so does ``revert``, which undoes the same.
    The program of a timer cares for its own change only. A dry run and ``judge`` undo nothing.
    """
    if vars(arguments).get("if_pending") or not _is_there(root):
        return
    is_dry = bool(vars(arguments).get("dry_run"))
    if is_dry or arguments.command == "judge":
        complain(PROGRAM, NOT_UNDONE.format("--dry-run" if is_dry else "judge"), LATER)
        return
    try:
        done = recover_it(root)
    except CredsSessionError as error:
        if arguments.command == "apply":
            raise
        # It may still run; `revert` says it itself.
        if not isinstance(error, Busy) and arguments.command != "revert":
            complain(PROGRAM, f"what an earlier run began cannot be undone: {error.problem}")
        return
    if done is not None:
        _say(done)


def _is_there(root: Root) -> bool:
    """Return whether there is something to undo. A command that changes files reports errors."""
    try:
        return is_left_behind(root)
    except CredsSessionError:
        return False


def _say(done: Recovered) -> None:
    complain(PROGRAM, DIED)
    for path in done.touched:
        complain(PROGRAM, f"reverted {path}")
    if done.had_waited:
        complain(PROGRAM, "no change waits for confirmation any more")
