"""The Secret Service over the bus, before a program that serves it as a test wants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from creds_session.facts.collection_state import CollectionState
from creds_session.system.bus.connection import Bus
from creds_session.system.secret_service.service import LOGIN, secret_service
from tests.unit.service import Answer, serving
from tests.unit.system.bus.test_connection import dbus_daemon


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with dbus_daemon(tmp_path) as address:
        yield address


@pytest.mark.parametrize("answer", [("o", ("/",)), "org.example.No"])
def test_what_may_end_the_daemon_is_never_the_first_that_it_is_asked(
    address: str, tmp_path: Path, answer: Answer
) -> None:
    told = tmp_path / "told"
    with serving(address, told, ReadAlias=answer), Bus(address, 5) as bus:
        service = secret_service(bus)
        assert service is not None
        for _ in range(2):
            assert service.state(LOGIN) is CollectionState.LOCKED
    assert told.read_text().split() == ["ReadAlias", "Get", "Get"]
