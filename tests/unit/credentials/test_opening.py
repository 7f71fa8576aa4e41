from __future__ import annotations

import pytest

from creds_session.collection import CollectionState
from creds_session.credentials.opening import _of_another
from creds_session.errors import CollectionLocked, CredsSessionError, Unavailable

ALICE = "/org/freedesktop/secrets/collection/alice"


@pytest.mark.parametrize(
    ("path", "state", "kind", "words"),
    [
        (ALICE, CollectionState.LOCKED, CollectionLocked, "alice, which x (pid 7) serves, is"),
        (ALICE, CollectionState.GHOST, Unavailable, "serves secrets here, and no keyring alice"),
        ("/", CollectionState.ABSENT, Unavailable, "and has no default keyring open"),
    ],
)
def test_what_another_provider_lacks_is_named(
    path: str, state: CollectionState, kind: type[CredsSessionError], words: str
) -> None:
    told = _of_another("x (pid 7)", path, state)
    assert type(told) is kind
    assert words in told.problem
