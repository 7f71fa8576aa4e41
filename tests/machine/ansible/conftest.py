"""A controller of Ansible, and a network of the test's own for its machines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.machine.support.ansible_controller import Controller
from tests.machine.support.network import network


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    """Give a controller without machines; a test module adds its own."""
    with network() as bridge:
        yield Controller(bridge, tmp_path_factory.mktemp("ansible"))
