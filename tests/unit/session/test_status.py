from __future__ import annotations

import pytest

from creds_session.facts.collection_state import CollectionState
from creds_session.facts.session import BusFacts, KeyringFacts
from creds_session.session.status import State, as_json, session_status
from tests.unit import examples

UNLOCKED, LOCKED = CollectionState.UNLOCKED, CollectionState.LOCKED
ABSENT, GHOST = CollectionState.ABSENT, CollectionState.GHOST
NOBODY = examples.bus(None, None)
ELSEWHERE = examples.bus(examples.KWALLET, None)._replace(default_path="/kwallet/wallet")
OTHER = "/org/freedesktop/secrets/collection/work"


@pytest.mark.parametrize(
    ("bus", "keyring", "state", "code"),
    [
        (examples.bus(login=UNLOCKED), examples.keyring(), State.UNLOCKED, 0),
        (examples.bus(login=LOCKED), examples.keyring(), State.LOCKED, 77),
        (examples.bus(login=GHOST), examples.keyring(), State.GHOST, 69),
        (examples.bus(login=ABSENT), examples.keyring(), State.GHOST, 69),
        (examples.bus(login=ABSENT), examples.keyring(exists=False), State.NO_KEYRING, 77),
        (ELSEWHERE._replace(default=LOCKED), examples.keyring(), State.OTHER_PROVIDER, 77),
        (ELSEWHERE._replace(default=UNLOCKED), examples.keyring(), State.OTHER_PROVIDER, 0),
        (ELSEWHERE._replace(default=ABSENT), examples.keyring(), State.OTHER_PROVIDER, 69),
        (NOBODY, examples.keyring(listens=True), State.WAITING, 69),
        (NOBODY, examples.keyring(exists=False), State.NO_KEYRING, 77),
        (NOBODY, examples.keyring(), State.NO_DAEMON, 69),
        (NOBODY, examples.keyring(exists=None), State.NO_DAEMON, 69),
        (BusFacts(None, "there is no session bus"), examples.keyring(), State.NO_BUS, 69),
        (BusFacts(examples.ADDRESS, "no answer"), examples.keyring(), State.NO_BUS, 69),
    ],
)
def test_state_and_exit_code(bus: BusFacts, keyring: KeyringFacts, state: State, code: int) -> None:
    found = session_status(bus, keyring)
    assert found.state is state
    assert found.exit_code == code
    assert "\n" not in found.line
    assert as_json(bus, keyring)["state"] == state.value


def test_state_is_that_of_the_keyring_where_credentials_are_kept() -> None:
    bus = examples.bus(login=LOCKED)._replace(default=UNLOCKED, default_path=OTHER)
    found = session_status(bus, examples.keyring())
    assert found.state is State.UNLOCKED
    assert "the work keyring" in found.line
    assert as_json(bus, examples.keyring())["default_collection"] == OTHER


def test_no_default_keyring_is_a_state_of_its_own() -> None:
    bus = examples.bus(login=LOCKED)._replace(default=ABSENT, default_path="/")
    assert session_status(bus, examples.keyring()).state is State.NO_DEFAULT
    assert session_status(bus, examples.keyring()).exit_code == 69
    assert as_json(bus, examples.keyring())["default_collection"] is None
