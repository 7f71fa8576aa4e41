"""Undo what an earlier run left behind that was ended before it was done, or say that it waits."""

from __future__ import annotations

import argparse

from creds_session.cli.output import complain
from creds_session.cli.setup_pam.arguments import PROGRAM
from creds_session.errors import Busy, CredsSessionError
from creds_session.setup_pam.confirmation import command_for
from creds_session.setup_pam.recovery import Recovered, is_left_behind
from creds_session.setup_pam.recovery import recover as recover_it
from creds_session.system.files.root import Root

CHANGING = frozenset({"apply", "confirm", "rebase", "revert"})
"""Commands that change files. All others only look."""

DIED = "an earlier run was ended before it was done; what it had begun is undone now"
UNFINISHED = (
    "an earlier run has not finished its change: it is still working, or was ended before it was"
    " done. What follows is about the files as they are now"
)
LATER = (
    "if it was ended, `{}` undoes what it had begun and then makes the change, and `{}` undoes that"
    " and every earlier change"
)
LOOKS = ("dry_run", "check_only", "after_update")
"""Options with which a command changes no file."""


def recover(root: Root, arguments: argparse.Namespace) -> None:
    """Undo what an earlier run had begun, and say so.

    A command that only looks says how to undo it, and changes nothing. ``confirm`` and ``revert``
    go on if it cannot be undone: ``revert`` undoes the same. The program of a timer cares for its
    own change only.
    """
    if vars(arguments).get("if_pending") or not is_unfinished(root):
        return
    given = vars(arguments)
    if arguments.command not in CHANGING or any(map(given.get, LOOKS)):
        commands = (command_for(root, name) for name in ("apply", "revert"))
        complain(PROGRAM, UNFINISHED, LATER.format(*commands))
        return
    try:
        done = recover_it(root)
    except CredsSessionError as error:
        if arguments.command in {"apply", "rebase"}:
            raise
        # It may still run; `revert` says it itself.
        if not isinstance(error, Busy) and arguments.command != "revert":
            complain(PROGRAM, f"what an earlier run began cannot be undone: {error.problem}")
        return
    if done is not None:
        _say(done)


def is_unfinished(root: Root) -> bool:
    """Return whether there is something to undo. A command that changes files reports errors.

    Only root can see it, so the result is False for everybody else.
    """
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
