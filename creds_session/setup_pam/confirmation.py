r"""Revert a change after some time, unless someone confirms it from a new login.

    note it (durable) -> set the timer -> the change -> note when it was done -> finalize the change
          \________________\__ on any failure: undo the change, stop the timer, remove the note

All of this happens while one lock is held, which every change, ``confirm`` and ``revert`` hold too.
If nobody holds the lock, a note without the time of the change, or a change that is not finalized,
was left by a run that was killed: ``recover`` ends both.

The timer is systemd's. It continues after the session, and runs ``creds-setup-pam revert``, which
reverts this change and no other. It runs the release that made the change, so ``scripts/install``
keeps that release while the note exists. A timer is lost at a reboot, so a unit does the same at
the next boot while the note exists.
"""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from creds_session.errors import (
    Busy,
    CannotWrite,
    CredsSessionError,
    InvalidData,
    NotPermitted,
    Unavailable,
    UsageError,
)
from creds_session.setup_pam.new_login import boot_id, require_new_login
from creds_session.setup_pam.pending_note import (
    NOTE,
    PENDING,
    Pending,
    read_note,
    read_note_if_whole,
    write_note,
)
from creds_session.setup_pam.transaction import Waiting
from creds_session.system.files import checkpoints
from creds_session.system.files.directory import Directory
from creds_session.system.files.lock import exclusive
from creds_session.system.files.root import Root
from creds_session.system.files.state import LOCK, state_directory
from creds_session.system.processes.deferred_signals import deferred_signals
from creds_session.system.processes.own_program import for_root_later
from creds_session.system.systemd import logind, timers

PROGRAM = "creds-setup-pam"
BOOT_UNIT = f"{PROGRAM}-revert"
DESCRIPTION = "Revert a change of PAM that nobody confirmed"
DURATION = re.compile(r"([1-9][0-9]{0,4})([smh])", re.ASCII)
UNITS = {"s": 1, "m": 60, "h": 3600}
LONGEST = 24 * 3600


class NothingPending(CredsSessionError):
    """No change waits to be confirmed."""


class Confirmed(NamedTuple):
    """A confirmed change.

    ``methods`` is how sshd let the login in, as far as its log says so. ``is_tested`` is whether
    that login ran all rules of its service that were changed.
    """

    pending: Pending
    methods: tuple[str, ...]
    is_tested: bool


def seconds(text: str) -> int:
    """Parse a time such as ``90s``, ``10m`` or ``1h``; return seconds. Raises UsageError."""
    found = DURATION.fullmatch(text)
    value = int(found.group(1)) * UNITS[found.group(2)] if found else 0
    if not 0 < value <= LONGEST:
        raise UsageError("--confirm-within: not a time such as 90s, 10m or 1h, of at most 24h")
    return value


@contextmanager
def waiting(
    root: Root,
    state: Directory,
    limit: float | None,
    services: tuple[str, ...],
    *,
    needs_password: bool = True,
) -> Iterator[Waiting]:
    """Make the change inside wait for a confirmation; revert it after the limit (seconds).

    ``state`` is the state directory; the caller holds its lock. Without a limit, this only refuses
    a change while another one waits.

    Raises:
        Busy: Another change waits.
        Unavailable: The timer could not be set.
        CannotWrite: The note could not be written.
    """
    _require_none(root, state)
    if limit is None:
        yield Waiting()
        return
    program = for_root_later(PROGRAM)
    pending = _pending(limit, services, needs_password=needs_password)
    try:
        _arm(root, state, pending, limit, program)
        yield Waiting(pending.unit, lambda: _settle(state, pending, program))
    except BaseException:
        _give_up(root, state, pending)
        raise


def require_program() -> None:
    """Raise Unavailable if a timer of root must not run this program; call this first."""
    for_root_later(PROGRAM)


def confirm(root: Root, *, untested: bool = False) -> Confirmed:
    """Keep the change, for someone who has logged in since.

    ``untested``: accept a login that did not run every changed rule, such as a login by SSH key.

    Raises:
        NothingPending: No change waits.
        NotPermitted: The login shows too little, or the caller is not root.
        Unavailable: The timer could not be stopped.
    """
    if os.geteuid() != 0:
        raise NotPermitted("confirming a change requires root", root_may=True)
    with deferred_signals(), state_directory(root) as state, exclusive(state, LOCK):
        pending = read_note(state)
        if pending is None:
            raise NothingPending("no change waits to be confirmed")
        methods, is_tested = require_new_login(pending, untested=untested)
        state.remove(NOTE)  # if this fails, the timer still waits
        if not timers.stop(pending.unit, program=True):
            write_note(state, pending)
            raise Unavailable(
                f"{pending.unit}: systemd did not stop this timer; the change is not confirmed"
            )
        with suppress(CannotWrite):  # without the note the unit does nothing
            timers.not_at_boot(root, BOOT_UNIT)
    return Confirmed(pending, methods, is_tested)


def is_pending(state: Directory, unit: str) -> bool:
    """Return whether the change of this timer still waits; a damaged note counts as its own.

    A timer's program that runs again must not revert a later change.
    """
    try:
        pending = read_note(state)
    except InvalidData:
        return True
    return pending is not None and pending.unit == unit


def drop(root: Root, state: Directory, *, by_timer: bool = False) -> str:
    """Remove the note and the timer after a change was reverted; return what to print.

    ``state`` is the state directory; the caller holds its lock. ``by_timer``: the caller is the
    program of the timer, so only the timer is stopped. Raises CannotWrite.
    """
    try:
        pending = read_note(state)
    except InvalidData as error:
        if root.is_running_system:  # a damaged note does not name its timer
            timers.stop(f"{PROGRAM}-revert-*", program=not by_timer)
        timers.not_at_boot(root, BOOT_UNIT)
        state.remove(NOTE)
        return error.problem
    if pending is None:
        return ""
    if root.is_running_system:
        timers.stop(pending.unit, program=not by_timer)
    forget(root, state, pending)
    # The clock does not show who calls, because it may have been set since.
    if not by_timer:
        return "the change does not wait for a confirmation any more"
    return f"nobody confirmed the change by {pending.user} in time: it was reverted"


def _pending(limit: float, services: tuple[str, ...], *, needs_password: bool) -> Pending:
    login = logind.own()
    return Pending(
        unit=f"{PROGRAM}-revert-{time.time_ns()}",
        deadline=time.time() + limit,
        services=services,
        user=os.environ.get("SUDO_USER") or "root",
        login=login.name if login else "",
        boot=boot_id(),
        needs_password=needs_password,
    )


def _arm(
    root: Root, state: Directory, pending: Pending, limit: float, program: tuple[str, ...]
) -> None:
    """Write the note of a change that is about to be made, and set its timer and boot unit."""
    revert = timers.Job((*program, "revert", "--if-pending", pending.unit), PROGRAM, DESCRIPTION)
    checkpoints.require_readable(state)
    write_note(state, pending)
    timers.at_boot(root, BOOT_UNIT, revert, PENDING)
    timers.start(pending.unit, limit, revert)


def revert_command(root: Root) -> str:
    """Return the command that reverts what ``apply`` did to this root."""
    return command_for(root, "revert")


def command_for(root: Root, command: str) -> str:
    """Return the words with which a person types a command for this root."""
    where = () if root.is_running_system else ("--root", str(root.directory))
    return shlex.join((PROGRAM, *where, command))


def _require_none(root: Root, state: Directory | None) -> None:
    pending = None if state is None else read_note(state)
    if pending is not None:
        by_login = f"`{PROGRAM} confirm` after a new login, or " if root.is_running_system else ""
        raise Busy(
            f"a change by {pending.user} waits to be confirmed",
            hint=f"{by_login}`{revert_command(root)}` reverts it",
        )


def _settle(state: Directory, pending: Pending, program: tuple[str, ...]) -> None:
    """Note when the change was done.

    Raises Unavailable if the timer is not waiting, or if the program that it runs is missing.
    """
    if not timers.is_waiting(pending.unit):
        raise Unavailable("the timer of the change is not waiting any more; nothing was changed")
    for path in (word for word in program if word.startswith("/")):
        if not os.path.exists(path):  # an install may have removed this release
            raise Unavailable(f"{path} was removed in the meantime; nothing was changed")
    write_note(state, pending._replace(since=_now()))


def _give_up(root: Root, state: Directory, pending: Pending) -> None:
    """Remove note and timer of a change that was not made; an error here is not raised.

    It would hide why the change was not made. If a part of the change could not be undone, note and
    timer stay, so that the timer tries again.
    """
    try:
        if checkpoints.has_timer(state, pending.unit):
            return
    except CredsSessionError:
        return
    stop(pending)
    with suppress(CredsSessionError):
        forget(root, state, pending)


def stop(pending: Pending) -> None:
    """Stop the timer. If systemd does not stop it, its program finds no note and does nothing."""
    timers.stop(pending.unit, program=True)


def forget(root: Root, state: Directory, pending: Pending) -> None:
    """Remove the note if it is the note of this change, and then the unit for the next boot."""
    now = read_note_if_whole(state)
    if now is not None and now.unit == pending.unit:
        state.remove(NOTE)
        timers.not_at_boot(root, BOOT_UNIT)


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
