from __future__ import annotations

import itertools

import pytest

from creds_session.errors import CollectionLocked, CredsSessionError, ProviderHung, Unavailable
from creds_session.facts.collection_state import CollectionState, KeyringForm
from creds_session.facts.session import BusFacts, NameOwner
from creds_session.session.unlock.routes import NoKeyringYet, OtherProvider, Route, choose
from tests.unit.examples import ADDRESS, FILE, GNOME, KWALLET, bus, keyring

UNLOCKED, LOCKED = CollectionState.UNLOCKED, CollectionState.LOCKED
ABSENT, GHOST = CollectionState.ABSENT, CollectionState.GHOST
SILENT, LISTENS = False, True
ANY = None


@pytest.mark.parametrize(
    ("facts", "listens", "exists", "create", "route"),
    [
        (bus(GNOME, UNLOCKED), ANY, ANY, ANY, Route.ALREADY),
        (bus(GNOME, LOCKED), ANY, ANY, ANY, Route.IN_PLACE),
        (bus(GNOME, ABSENT), ANY, False, True, Route.CREATE_IN_PLACE),
        (bus(None, None), LISTENS, True, ANY, Route.ACTIVATE),
        (bus(None, None), LISTENS, False, True, Route.ACTIVATE),
        (bus(None, None), SILENT, True, ANY, Route.NEW_DAEMON),
        (bus(None, None), SILENT, False, True, Route.NEW_DAEMON),
    ],
)
def test_choose_has_a_way(
    facts: BusFacts,
    listens: bool | None,
    exists: bool | None,
    create: bool | None,
    route: Route,
) -> None:
    for one, two, three in itertools.product(each(listens), each(exists), each(create)):
        assert choose(facts, keyring(listens=one, exists=two), create=three) is route


def each(value: bool | None) -> list[bool]:
    return [False, True] if value is None else [value]


@pytest.mark.parametrize(
    ("facts", "exists", "error", "words"),
    [
        (BusFacts(), True, Unavailable, ["there is no session bus", "creds env --start"]),
        (BusFacts(ADDRESS, "refused"), True, Unavailable, ["refused"]),
        (
            BusFacts(ADDRESS, "no answer", GNOME, login=UNLOCKED),
            True,
            ProviderHung,
            ["pid 7", "no answer"],
        ),
        (
            BusFacts(ADDRESS, "no answer", KWALLET),
            True,
            ProviderHung,
            ["kwalletd6 (pid 8) does not answer"],
        ),
        (
            bus(NameOwner(0, 1000, ""), None),
            True,
            OtherProvider,
            ["a program that cannot be seen from here"],
        ),
        (bus(KWALLET, None), True, Unavailable, ["kwalletd6", "pid 8", "in that program"]),
        (
            bus(KWALLET)._replace(default=UNLOCKED),
            True,
            OtherProvider,
            ["8", "its keyring is unlocked"],
        ),
        (bus(GNOME, GHOST), True, Unavailable, ["pid 7", "does not serve", "restart"]),
        (bus(GNOME, ABSENT), True, Unavailable, [FILE, "does not serve", "kill 7"]),
    ],
)
@pytest.mark.parametrize("create", [False, True])
def test_choose_refuses_and_says_why(
    facts: BusFacts,
    exists: bool,
    error: type[CredsSessionError],
    words: list[str],
    create: bool,
) -> None:
    with pytest.raises(error) as caught:
        choose(facts, keyring(exists=exists), create=create)
    told = f"{caught.value.problem} {caught.value.hint}"
    assert [word for word in words if word not in told] == []


@pytest.mark.parametrize("facts", [bus(GNOME, GHOST), bus(GNOME, ABSENT), bus(None, None)])
def test_choose_names_a_damaged_file_and_blames_nothing_else(facts: BusFacts) -> None:
    damaged = keyring(exists=True)._replace(form=KeyringForm.BROKEN)
    with pytest.raises(Unavailable, match="the file of the login keyring is damaged") as caught:
        choose(facts, damaged, create=False)
    assert "kill" not in caught.value.hint


@pytest.mark.parametrize("facts", [bus(GNOME, ABSENT), bus(None, None)])
def test_choose_creates_no_keyring_unasked(facts: BusFacts) -> None:
    with pytest.raises(NoKeyringYet, match=FILE) as caught:
        choose(facts, keyring(exists=False), create=False)
    assert isinstance(caught.value, CollectionLocked)
    assert "creds unlock --create" in caught.value.hint


@pytest.mark.parametrize("facts", [bus(GNOME, ABSENT), bus(None, None)])
def test_choose_does_not_say_absent_of_what_cannot_be_seen(facts: BusFacts) -> None:
    with pytest.raises(Unavailable):
        choose(facts, keyring(exists=None), create=True)


def test_choose_starts_no_daemon_for_a_keyring_that_is_not_there() -> None:
    with pytest.raises(NoKeyringYet):
        choose(bus(None, None), keyring(exists=False, listens=True), create=False)


def test_choose_initialises_the_daemon_that_holds_the_password_of_a_first_login() -> None:
    waiting = keyring(exists=False, listens=True)._replace(login_waits=True)
    assert choose(bus(None, None), waiting, create=False) is Route.ACTIVATE


def test_route_tells_what_it_needs_and_makes() -> None:
    free = {Route.ALREADY, Route.WITHOUT_ASKING, Route.ACTIVATE, Route.START}
    assert {route for route in Route if not route.needs_password} == free
    assert {route for route in Route if route.starts} == {Route.ACTIVATE, Route.START}
    creating = {
        (route, exists)
        for route in Route
        for exists in (True, False)
        if route.creates(keyring(exists=exists))
    }
    assert creating == {
        (Route.CREATE_IN_PLACE, True),
        (Route.CREATE_IN_PLACE, False),
        (Route.NEW_DAEMON, False),
    }
