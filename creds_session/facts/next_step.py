"""Say what to type next if a shell reaches no keyring: one table for every state.

The commands and the doctor use this table, so that one situation has one remedy everywhere. Nothing
here looks at the machine: the caller says what was seen.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from creds_session.records import NamedTuple

JOIN = 'eval "$(creds env)"'
START = 'eval "$(creds env --start)"'
START_UNIT = "systemctl --user start dbus.socket"
UNLOCK, CREATE = "creds unlock", "creds unlock --create"
DIAGNOSE = "creds-doctor"
FORGET = "unset GNOME_KEYRING_CONTROL"  # which names the daemon of another bus
NO_BUS = "there is no session bus (DBUS_SESSION_BUS_ADDRESS is not set)"


class BusState(enum.Enum):
    """What a shell reaches if it looks for the session bus of its user."""

    UNDER_SUDO = "root under sudo, who has no session"
    ELSEWHERE = "another session bus of this user answers"
    NONE = "no session bus of this user answers"
    UNIT = "no session bus answers, and the user manager has not started the unit of one"
    NO_ACCOUNT = "no session bus answers, and none can be started for a user id without an account"
    HUNG = "the session bus answers, but the program that serves secrets does not"


class Step(NamedTuple):
    """What to do, as a clause, and the lines to paste into a shell, in this order."""

    text: str
    lines: tuple[str, ...] = ()

    @property
    def hint(self) -> str:
        """Return the step as the hint of an error."""
        return f"{self.text}: {'; '.join(self.lines)}" if self.lines else self.text


STEPS = {
    BusState.UNDER_SUDO: Step(
        "under sudo you are root, and root has no keyring: run the command again without sudo"
    ),
    BusState.ELSEWHERE: Step("connect this shell to your session bus, which answers", (JOIN,)),
    BusState.NONE: Step("start a session bus, which your later shells find too", (START,)),
    BusState.UNIT: Step(
        "start the session bus of your user manager, and connect this shell to it",
        (START_UNIT, JOIN),
    ),
    BusState.NO_ACCOUNT: Step(
        "your user id has no entry in the passwd database, and dbus-daemon runs for no such user:"
        " add a line to /etc/passwd where the container is made, or use nss_wrapper (package"
        " libnss-wrapper)"
    ),
    BusState.HUNG: Step("this shows which process hangs, and how to end it", (DIAGNOSE,)),
}


def is_under_sudo(uid: int, environ: Mapping[str, str]) -> bool:
    """Return whether this process is root because another user called sudo(8)."""
    return uid == 0 and environ.get("SUDO_USER", "root") not in {"", "root"}


def bus_state(
    *,
    under_sudo: bool,
    is_elsewhere: bool,
    is_hung: bool = False,
    has_account: bool = True,
    has_unit: bool = False,
) -> BusState:
    """Return the state of a shell that got no answer.

    ``is_elsewhere``: another bus than the named one answers. ``is_hung``: the named one answers,
    and the program that serves secrets does not. ``has_account``: the user id has an entry in the
    passwd database. ``has_unit``: the user manager can start a session bus, and this shell reaches
    the user manager.
    """
    if is_hung:
        return BusState.HUNG
    if under_sudo:
        return BusState.UNDER_SUDO
    if is_elsewhere:
        return BusState.ELSEWHERE
    if has_unit:
        return BusState.UNIT
    return BusState.NONE if has_account else BusState.NO_ACCOUNT


def next_step(state: BusState, *, unlock: bool = False, has_keyring: bool | None = None) -> Step:
    """Return what to type in this state.

    With ``unlock`` the step goes on until a secret can be read; ``has_keyring`` False makes the
    login keyring first.
    """
    step = STEPS[state]
    if not unlock or state not in {BusState.ELSEWHERE, BusState.NONE, BusState.UNIT}:
        return step
    verb, last = ("create", CREATE) if has_keyring is False else ("unlock", UNLOCK)
    return Step(f"{step.text}; then {verb} the keyring", (*step.lines, last))
