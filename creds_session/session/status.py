"""Say what ``creds status`` prints: one word for the session's keyring, and one line about it."""

from __future__ import annotations

from creds_session.facts.collection_state import CollectionState
from creds_session.facts.session import BusFacts, KeyringFacts
from creds_session.facts.session_state import SessionState, Verdict, judge
from creds_session.records import NamedTuple

LOCKED, UNAVAILABLE = 77, 69  # as errors.CollectionLocked and errors.Unavailable
State = SessionState
WANTED = frozenset({State.LOCKED, State.PASSWORD_KEPT, State.NO_KEYRING})


class Status(NamedTuple):
    """Hold the state, a line that explains it, and the state of another provider's keyring.

    ``keyring`` is the name of the keyring that programs read, or empty.
    """

    state: SessionState
    line: str
    default: CollectionState | None = None
    keyring: str = ""

    @property
    def exit_code(self) -> int:
        """Return 0 if a secret can be read, 77 if a password is needed, and 69 otherwise.

        If another provider serves secrets, then the state of its collection decides. KeePassXC may
        still ask for each entry.
        """
        if self.state.is_readable or self.default is CollectionState.UNLOCKED:
            return 0
        is_wanted = self.state in WANTED or self.default is CollectionState.LOCKED
        return LOCKED if is_wanted else UNAVAILABLE


def session_status(bus: BusFacts, keyring: KeyringFacts) -> Status:
    """Return the status of a session with these facts."""
    return status_of(judge(bus, keyring))


def status_of(verdict: Verdict) -> Status:
    """Return the status that reports this verdict."""
    return Status(verdict.state, verdict.line, verdict.default, verdict.keyring)


def as_json(bus: BusFacts, keyring: KeyringFacts) -> dict[str, object]:
    """Return the status for a program; docs/reference/json.md describes the keys."""
    status = session_status(bus, keyring)
    return {
        "state": status.state.value,
        "message": status.line,
        "bus": bus.address,
        "owner": bus.owner.name if bus.owner else None,
        "pid": bus.owner.pid if bus.owner else None,
        "login": bus.login.value if bus.login else None,
        "default": bus.default.value if bus.default else None,
        "default_collection": bus.default_path if bus.default_path not in {"", "/"} else None,
        "default_keyring": status.keyring or None,
        "keyring": keyring.path,
        "keyring_exists": keyring.exists,
    }
