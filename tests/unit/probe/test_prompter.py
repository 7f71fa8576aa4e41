"""Whether the keyring's own prompt may be shown to a person, which decides what rekey says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from creds_session.errors import Unavailable
from creds_session.facts.session import BusFacts
from creds_session.probe import prompter
from creds_session.probe.prompter import PROMPTER, may_prompt
from creds_session.system.bus.connection import Peer
from tests.unit.examples import bus


def let_own(monkeypatch: pytest.MonkeyPatch, owner: Peer | None) -> None:
    """Let a bus have this owner of the prompter's name."""

    class Connection:
        def peer(self, name: str) -> Peer | None:
            assert name == PROMPTER
            return owner

    @contextmanager
    def connect(_address: str, _timeout: float) -> Iterator[Connection]:
        yield Connection()

    monkeypatch.setattr(prompter, "Bus", connect)


@pytest.mark.parametrize("name", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_a_prompt_may_be_shown_on_a_display(name: str) -> None:
    assert may_prompt({name: ":0"}, BusFacts())
    assert not may_prompt({name: ""}, BusFacts())


def test_a_prompt_may_be_shown_by_a_desktop_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    let_own(monkeypatch, Peer(":1.9", 9, 1000))
    assert may_prompt({}, bus())
    let_own(monkeypatch, None)
    assert not may_prompt({}, bus())


def test_a_bus_that_does_not_answer_shows_no_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_address: str, _timeout: float) -> None:
        raise Unavailable("refused")

    monkeypatch.setattr(prompter, "Bus", refuse)
    assert not may_prompt({}, bus())
    assert not may_prompt({}, bus()._replace(reason="no answer"))
