r"""A change that is taken back in time unless someone who logged in anew confirms it.

    note it (durable) -> set the timer -> the change -> note when it was done
          \________________\__ on any failure: stop the timer, forget the note

The timer is systemd's: it outlives the session, and runs ``creds-setup-pam revert``. It runs the
release that made the change, so ``scripts/install`` keeps that one while the note is there. A timer
does not outlive the machine, so a unit does the same at the next boot while the note is there.
``confirm`` and that ``revert`` exclude each other by the lock that every change holds.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from creds_session.errors import (
    Busy,
    CredsSessionError,
    InvalidData,
    NotPermitted,
    Unavailable,
    UsageError,
)
from creds_session.system import checkpoints, logins, timers
from creds_session.system.directory import Directory
from creds_session.system.lock import exclusive
from creds_session.system.own_program import for_root_later
from creds_session.system.root import Root
from creds_session.system.state import LOCK, STATE, state_directory, state_directory_if_there

PROGRAM = "creds-setup-pam"
NOTE = "pending.json"
PENDING = f"{STATE}/{NOTE}"
LARGEST_NOTE = 1 << 16  # bytes
BOOT_UNIT = f"{PROGRAM}-revert"
DESCRIPTION = "Take back a change of PAM that nobody confirmed"
DURATION = re.compile(r"([1-9][0-9]{0,4})([smh])", re.ASCII)
UNITS = {"s": 1, "m": 60, "h": 3600}
LONGEST = 24 * 3600
BOOT_ID = "/proc/sys/kernel/random/boot_id"


class NothingPending(CredsSessionError):  # noqa: N818 - errors are nouns for the situation
    """No change waits to be confirmed."""


class Pending(NamedTuple):
    """A change that waits: ``since`` is when it was in place, in seconds since boot.

    ``since`` is None while the change is being made. ``login`` is the login session that made it.
    """

    unit: str
    deadline: float
    services: tuple[str, ...]
    user: str
    login: str
    boot: str
    since: float | None = None


def seconds(text: str) -> int:
    """Read a time as ``90s``, ``10m`` or ``1h``. Raises UsageError."""
    found = DURATION.fullmatch(text)
    value = int(found.group(1)) * UNITS[found.group(2)] if found else 0
    if not 0 < value <= LONGEST:
        raise UsageError("--confirm-within: not a time such as 90s, 10m or 1h, of at most 24h")
    return value


@contextmanager
def waiting(
    root: Root, limit: float | None, services: tuple[str, ...]
) -> Iterator[Callable[[], None]]:
    """Have the change that is made inside taken back unless it is confirmed within the limit.

    Gives a function that raises if the timer no longer waits: call it as the last thing before
    the change stands. Without a limit only refuses to make a change while another one waits.
    Raises Busy, Unavailable.
    """
    if limit is None:
        with state_directory_if_there(root) as state:
            _require_none(root, state)
        yield lambda: None
        return
    program = for_root_later(PROGRAM)
    pending = _arm(root, limit, services, program)
    try:
        yield lambda: _require_waiting(pending, program)
    except BaseException:  # an interrupt must undo it too
        timers.stop(pending.unit, program=True)
        _give_up(root, pending)
        raise
    with state_directory(root) as state:
        _note(state, pending._replace(since=_now()))


def pending(root: Root) -> Pending | None:
    """Return the change that waits. Raises InvalidData, and NotPermitted unless root asks.

    A state directory that is not trusted is not read: ``apply`` and ``revert`` refuse it.
    """
    with ExitStack() as stack:
        try:
            state = stack.enter_context(state_directory_if_there(root))
        except InvalidData:
            return None
        return None if state is None else _read(state)


def require_program() -> None:
    """Raise Unavailable if no timer of root's may run this program: ask before all else."""
    for_root_later(PROGRAM)


def confirm(root: Root) -> Pending:
    """Let the change stand, for someone whose login it has let in.

    Raises NothingPending, NotPermitted, and Unavailable where the timer cannot be stopped.
    """
    if os.geteuid() != 0:
        raise NotPermitted("only root may confirm", root_may=True)
    with state_directory(root) as state, exclusive(state, LOCK):
        pending = _read(state)
        if pending is None:
            raise NothingPending("no change waits to be confirmed")
        _require_new_login(pending)
        if not timers.stop(pending.unit, program=True):
            raise Unavailable(
                f"{pending.unit}: systemd did not stop it; the change is not confirmed"
            )
        _forget(root, state, pending)
    return pending


def is_pending(state: Directory, unit: str) -> bool:
    """Return whether the change of this timer still waits. A note that is damaged may be its own.

    A timer's program that was to be run again takes back no later change.
    """
    try:
        pending = _read(state)
    except InvalidData:
        return True
    return pending is not None and pending.unit == unit


def drop(root: Root, state: Directory, *, by_timer: bool = False) -> str:
    """Forget the waiting, after the change was taken back; return what to tell of it.

    ``state`` is the state directory, whose lock the caller holds. ``by_timer``: the program of the
    timer is the caller, so only the timer is stopped. Raises CannotWrite.
    """
    try:
        pending = _read(state)
    except InvalidData as error:
        state.remove(NOTE)
        timers.not_at_boot(root, BOOT_UNIT)
        return error.problem
    if pending is None:
        return ""
    if root.is_running_system:
        timers.stop(pending.unit, program=not by_timer)
    _forget(root, state, pending)
    # At a boot before the deadline it is the unit for that boot that calls, not a person.
    if not by_timer and time.time() < pending.deadline:
        return "the change no longer waits to be confirmed"
    return f"nobody confirmed the change of {pending.user} in time: it was taken back"


def _arm(root: Root, limit: float, services: tuple[str, ...], program: tuple[str, ...]) -> Pending:
    login = logins.own()
    pending = Pending(
        unit=f"{PROGRAM}-revert-{time.time_ns()}",
        deadline=time.time() + limit,
        services=services,
        user=os.environ.get("SUDO_USER") or "root",
        login=login.name if login else "",
        boot=_boot(),
    )
    revert = timers.Job((*program, "revert", "--if-pending", pending.unit), PROGRAM, DESCRIPTION)
    with state_directory(root) as state, exclusive(state, LOCK):
        _require_none(root, state)
        checkpoints.require_readable(state)
        _note(state, pending)
    try:
        timers.at_boot(root, BOOT_UNIT, revert, PENDING)
        timers.start(pending.unit, limit, revert)
    except BaseException:
        timers.stop(pending.unit, program=True)  # an answer may have come too late to be heard
        _give_up(root, pending)
        raise
    return pending


def revert_command(root: Root) -> str:
    """Return the command that reverts what ``apply`` did to this root."""
    where = () if root.is_running_system else ("--root", str(root.directory))
    return shlex.join((PROGRAM, *where, "revert"))


def _require_none(root: Root, state: Directory | None) -> None:
    pending = None if state is None else _read(state)
    if pending is not None:
        by_login = f"`{PROGRAM} confirm` after a new login, or " if root.is_running_system else ""
        raise Busy(
            f"a change of {pending.user} waits to be confirmed",
            hint=f"{by_login}`{revert_command(root)}` ends that",
        )


def _require_waiting(pending: Pending, program: tuple[str, ...]) -> None:
    """Raise Unavailable unless the timer waits, and finds the program that it is to run."""
    if not timers.is_waiting(pending.unit):
        raise Unavailable("the timer that would revert is over or gone; nothing was changed")
    for path in (word for word in program if word.startswith("/")):
        if not os.path.exists(path):  # noqa: PTH110 - an install may have removed this release
            raise Unavailable(f"{path} was removed meanwhile; nothing was changed")


def _require_new_login(pending: Pending) -> None:
    """Raise NotPermitted unless this login was let in after the change, by a changed service.

    Any login is new after a reboot, which has ended the timer as well.
    """
    login = logins.own()
    names = " or ".join(pending.services)
    hint = f"log in anew by {names}, in another terminal, and run it there"
    if login is None:
        raise NotPermitted("this belongs to no login session, so it shows nothing", hint=hint)
    if login.service not in pending.services:
        raise NotPermitted(f"this login came by {login.service}, not by {names}", hint=hint)
    if pending.boot == _boot() and (pending.since is None or login.began <= pending.since):
        raise NotPermitted("this login began before the change, so it shows nothing", hint=hint)


def _note(state: Directory, pending: Pending) -> None:
    state.replace(NOTE, json.dumps(pending._asdict()).encode(), checkpoints.PRIVATE)


def _read(state: Directory) -> Pending | None:
    content = state.read(NOTE, LARGEST_NOTE)
    if content is None:
        return None
    try:
        fields = json.loads(content)
        services = tuple(map(_text, fields["services"]))
        since = fields.get("since")
        return Pending(
            unit=_text(fields["unit"]),
            deadline=float(fields["deadline"]),
            services=services,
            user=_text(fields["user"]),
            login=_text(fields["login"]),
            boot=_text(fields["boot"]),
            since=None if since is None else float(since),
        )
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise InvalidData(f"{state.path / NOTE}: cannot be read: {error}") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a field is not text")
    return value


def _give_up(root: Root, pending: Pending) -> None:
    """Forget a change that was not made. What hinders that must not hide why it was not made."""
    with suppress(InvalidData), state_directory_if_there(root) as state:
        if state is not None:
            _forget(root, state, pending)


def _forget(root: Root, state: Directory, pending: Pending) -> None:
    """Remove the note if it still is of this change."""
    with suppress(InvalidData):
        if (now := _read(state)) is not None and now.unit == pending.unit:
            state.remove(NOTE)
            timers.not_at_boot(root, BOOT_UNIT)


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _boot() -> str:
    return Path(BOOT_ID).read_text().strip()
