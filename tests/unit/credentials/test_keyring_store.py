from __future__ import annotations

import time
from threading import Event

import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from creds_session.credentials.keyring_store import KeyringStore
from creds_session.errors import TimedOut, Unavailable
from creds_session.secret import Secret


class Slow(KeyringBackend):
    """Answers when it is told to."""

    priority = 0.1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.may_answer = Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.may_answer.wait(10)
        return f"{service} {username}"

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked(f"{service} {username} {len(password)}")


def test_a_backend_on_the_bus_is_not_waited_for_for_ever() -> None:
    backend, begin = Slow(), time.monotonic()
    with pytest.raises(TimedOut, match=r"within 0\.1 s"):
        KeyringStore(backend, 0.1).get("a", "b")
    assert time.monotonic() - begin < 5
    backend.may_answer.set()
    assert KeyringStore(backend, 5).get("a", "b") == Secret(b"a b")


@pytest.mark.parametrize("timeout", [None, 5])
def test_what_a_backend_raises_is_raised(timeout: float | None) -> None:
    with pytest.raises(KeyringLocked, match="a b 1"):
        KeyringStore(Slow(), timeout).put("a", "b", Secret(b"c"))


def test_a_backend_of_keyrings_lists_nothing_and_is_named() -> None:
    with pytest.raises(Unavailable, match=r"Slow cannot list"):
        KeyringStore(Slow()).names(None)
