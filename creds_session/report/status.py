"""What ``creds status`` says: one word for the session's keyring, and one line about it."""

from __future__ import annotations

import enum
from typing import NamedTuple

from creds_session.collection import CollectionState, collection_name
from creds_session.session_facts import DAEMON_NAME, BusFacts, KeyringFacts

LOCKED, UNAVAILABLE = 77, 69  # as errors.CollectionLocked and errors.Unavailable


class State(enum.Enum):
    """What a command that wants a secret would meet; the exit code tells it roughly."""

    UNLOCKED = "unlocked"
    LOCKED = "locked"
    NO_KEYRING = "no-keyring"
    NO_DAEMON = "no-daemon"
    WAITING = "waiting"
    """A daemon listens at the control socket, and serves nothing on this bus yet."""
    GHOST = "ghost"
    """The daemon does not serve the login keyring that there is."""
    OTHER_PROVIDER = "other-provider"
    NO_BUS = "no-bus"


class Status(NamedTuple):
    """The state, the line that tells it to a person, and what the collection there says."""

    state: State
    line: str
    default: CollectionState | None = None

    @property
    def exit_code(self) -> int:
        """Return 0 where a secret can be read, 77 where a password is wanted, 69 otherwise.

        Of another provider it is said by its collection: KeePassXC may ask for each entry still.
        """
        if self.state is State.UNLOCKED or self.default is CollectionState.UNLOCKED:
            return 0
        wanted = self.state in {State.LOCKED, State.NO_KEYRING}
        return LOCKED if wanted or self.default is CollectionState.LOCKED else UNAVAILABLE


def judge(bus: BusFacts, keyring: KeyringFacts) -> Status:
    """Return what the facts of a session come to."""
    if not bus.answers:
        return Status(State.NO_BUS, bus.reason or "this session has no bus")
    if bus.owner is None:
        return _without_owner(keyring)
    by = f"{bus.owner.name}, pid {bus.owner.pid}"
    if not bus.owner.is_gnome_keyring:
        return _of_another(bus, f"another program serves secrets here ({by})")
    return _with_owner(bus, keyring, f"{DAEMON_NAME}, pid {bus.owner.pid}")


def _of_another(bus: BusFacts, who: str) -> Status:
    if bus.default not in {CollectionState.UNLOCKED, CollectionState.LOCKED}:
        return Status(State.OTHER_PROVIDER, f"{who}, and no default keyring of its")
    name = collection_name(bus.default_path)
    line = f"{who}; its keyring {name} is {bus.default.value}"
    return Status(State.OTHER_PROVIDER, line, bus.default)


def _with_owner(bus: BusFacts, keyring: KeyringFacts, by: str) -> Status:
    name, state = _collection(bus)
    if state is CollectionState.UNLOCKED:
        return Status(State.UNLOCKED, f"the {name} keyring is unlocked ({by})")
    if state is CollectionState.LOCKED:
        return Status(State.LOCKED, f"the {name} keyring is locked ({by})")
    if state is CollectionState.GHOST or keyring.exists:
        return Status(State.GHOST, f"the daemon does not serve the {name} keyring that is ({by})")
    return Status(State.NO_KEYRING, f"there is no login keyring yet ({by})")


def as_json(bus: BusFacts, keyring: KeyringFacts) -> dict[str, object]:
    """Return the same for a script; docs/reference/json.md describes the keys."""
    status = judge(bus, keyring)
    return {
        "state": status.state.value,
        "message": status.line,
        "bus": bus.address,
        "owner": bus.owner.name if bus.owner else None,
        "pid": bus.owner.pid if bus.owner else None,
        "login": bus.login.value if bus.login else None,
        "default": bus.default.value if bus.default else None,
        "default_collection": bus.default_path if bus.default_path not in {"", "/"} else None,
        "keyring": keyring.path,
        "keyring_exists": keyring.exists,
    }


def _without_owner(keyring: KeyringFacts) -> Status:
    if keyring.control_listens:
        return Status(
            State.WAITING, f"a keyring daemon listens at {keyring.control} and serves nothing yet"
        )
    if keyring.exists is False:
        return Status(State.NO_KEYRING, "no keyring daemon runs, and there is no login keyring yet")
    return Status(State.NO_DAEMON, "no keyring daemon runs")


def _collection(bus: BusFacts) -> tuple[str, CollectionState | None]:
    """Return the collection in which credentials are kept: the default one, else the login one."""
    if bus.default in {None, CollectionState.ABSENT}:
        return "login", bus.login
    return collection_name(bus.default_path), bus.default
