"""What the login hook starts in a whole login by ssh: nothing, once the keyring was seen open."""

from __future__ import annotations

import pytest

from tests.machine.support import logins
from tests.machine.support.machine import Boot, Machine


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    booted = boot(request.param, files=logins.FILES)
    logins.prepare(booted)
    return booted


def test_no_process_where_the_keyring_was_seen_open(machine: Machine) -> None:
    with logins.without_hook(machine):
        without = logins.started_by_login(machine)
    assert without, "a login shell starts something of its own, so that the count is known to count"
    assert logins.started_by_login(machine) == without


def test_creds_once_where_a_daemon_is_new(machine: Machine) -> None:
    with logins.without_hook(machine):
        without = logins.started_by_login(machine)
    logins.end_all(machine)
    first = logins.started_by_login(machine)
    assert len([programs for programs in first if "/usr/local/bin/creds" in programs]) == 1, first
    assert logins.started_by_login(machine) == without
