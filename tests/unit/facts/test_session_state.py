"""The one decision that every command goes by."""

from __future__ import annotations

import pytest

from creds_session.facts.collection_state import (
    CollectionState,
    KeyringForm,
    collection_name,
    path_of_collection,
)
from creds_session.facts.session import BusFacts, KeyringFacts, NameOwner
from creds_session.facts.session_state import SessionState, judge, rekey_command
from creds_session.session import status
from creds_session.session.unlock.routes import Route, choose
from tests.unit import examples

UNLOCKED, LOCKED = CollectionState.UNLOCKED, CollectionState.LOCKED
ABSENT, GHOST = CollectionState.ABSENT, CollectionState.GHOST
SEALED, PLAIN = KeyringForm.SEALED, KeyringForm.PLAIN
COLLECTION = "/org/freedesktop/secrets/collection/"
NOBODY = examples.bus(None, None)
NONE = examples.keyring(exists=False)


def with_default(
    login: CollectionState, default: CollectionState, name: str = "my_5fwork"
) -> BusFacts:
    path = f"{COLLECTION}{name}" if default is not ABSENT else "/"
    return examples.bus(login=login)._replace(default=default, default_path=path)


def other(form: KeyringForm, *, login: bool = True) -> KeyringFacts:
    facts = examples.keyring(exists=login)
    return facts._replace(form=SEALED, default_name="my_work", default_form=form)


@pytest.mark.parametrize(
    ("bus", "keyring", "state", "words"),
    [
        (
            examples.bus(login=LOCKED),
            examples.keyring()._replace(form=PLAIN),
            SessionState.NO_PASSWORD,
            "the login keyring has no password",
        ),
        (
            examples.bus(login=LOCKED),
            examples.keyring()._replace(form=SEALED),
            SessionState.LOCKED,
            "the login keyring is locked",
        ),
        (
            with_default(LOCKED, LOCKED),
            other(PLAIN),
            SessionState.NO_PASSWORD,
            "the my_work keyring has no password",
        ),
        (
            with_default(ABSENT, LOCKED),
            other(SEALED, login=False),
            SessionState.LOCKED,
            "the my_work keyring is locked",
        ),
        (
            with_default(UNLOCKED, LOCKED)._replace(keeps_default_password=True),
            other(SEALED),
            SessionState.PASSWORD_KEPT,
            "the login keyring keeps a password for it, so the first program that asks may open it",
        ),
        (
            with_default(UNLOCKED, LOCKED),
            other(SEALED),
            SessionState.LOCKED,
            "the my_work keyring is locked",
        ),
        (
            with_default(LOCKED, UNLOCKED),
            other(SEALED),
            SessionState.UNLOCKED,
            "the my_work keyring is unlocked",
        ),
        (
            with_default(UNLOCKED, ABSENT),
            other(KeyringForm.BROKEN),
            SessionState.NO_DEFAULT,
            "the file of the default keyring, my_work, is damaged (not a keyring)",
        ),
        (
            with_default(ABSENT, ABSENT),
            other(KeyringForm.EMPTY, login=False),
            SessionState.NO_DEFAULT,
            "the file of the default keyring, my_work, is damaged (empty)",
        ),
        (
            with_default(ABSENT, ABSENT),
            other(SEALED, login=False),
            SessionState.NO_DEFAULT,
            "the daemon does not serve the default keyring, my_work",
        ),
        (
            with_default(UNLOCKED, ABSENT),
            other(KeyringForm.ABSENT),
            SessionState.NO_DEFAULT,
            "the file `default` names my_work, which does not exist",
        ),
        (
            with_default(UNLOCKED, ABSENT),
            other(KeyringForm.ABSENT)._replace(default_name="my\nwork"),
            SessionState.NO_DEFAULT,
            'the file `default` names "my\\nwork", which does not exist',
        ),
        (
            examples.bus(login=ABSENT),
            examples.keyring()._replace(form=KeyringForm.BROKEN),
            SessionState.GHOST,
            "the file of the login keyring is damaged (not a keyring)",
        ),
        (
            examples.bus(login=GHOST),
            examples.keyring()._replace(form=KeyringForm.EMPTY),
            SessionState.GHOST,
            "the file of the login keyring is damaged (empty)",
        ),
        (
            with_default(ABSENT, ABSENT),
            other(KeyringForm.ABSENT, login=False),
            SessionState.NO_KEYRING,
            "there is no login keyring yet",
        ),
        (NOBODY, other(SEALED, login=False), SessionState.NO_DAEMON, "no keyring daemon runs"),
        (
            NOBODY,
            examples.keyring()._replace(form=KeyringForm.BROKEN),
            SessionState.GHOST,
            "no keyring daemon runs, and the file of the login keyring is damaged (not a keyring)",
        ),
        (
            NOBODY,
            other(KeyringForm.EMPTY),
            SessionState.NO_DEFAULT,
            "no keyring daemon runs, and the file of the default keyring, my_work, is damaged",
        ),
        (
            NOBODY._replace(activatable=True),
            other(PLAIN, login=False)._replace(is_activated=True),
            SessionState.NO_PASSWORD,
            "the first program that asks starts the daemon and opens it",
        ),
        (
            NOBODY._replace(activatable=True),
            other(PLAIN, login=False),
            SessionState.NO_DAEMON,
            "no keyring daemon runs",
        ),
        (
            NOBODY,
            other(PLAIN, login=False)._replace(is_activated=True),
            SessionState.NO_DAEMON,
            "no keyring daemon runs",
        ),
        (NOBODY, other(PLAIN, login=False), SessionState.NO_DAEMON, "no keyring daemon runs"),
        (NOBODY, NONE, SessionState.NO_KEYRING, "no login keyring yet"),
        (
            BusFacts(examples.ADDRESS, "no answer to ReadAlias", examples.GNOME),
            examples.keyring(),
            SessionState.HUNG,
            "the keyring daemon (pid 7) does not answer; the session bus does",
        ),
        (
            BusFacts(examples.ADDRESS, "no answer to ReadAlias", examples.KWALLET),
            examples.keyring(),
            SessionState.HUNG,
            "kwalletd6 (pid 8) does not answer; the session bus does",
        ),
        (
            BusFacts(examples.ADDRESS, "refused"),
            examples.keyring(),
            SessionState.NO_BUS,
            "refused",
        ),
    ],
)
def test_state_and_its_line(
    bus: BusFacts, keyring: KeyringFacts, state: SessionState, words: str
) -> None:
    found = judge(bus, keyring)
    assert found.state is state
    assert words in found.line
    assert "\n" not in found.line


def test_what_surely_opens_without_a_question_counts_as_readable() -> None:
    readable = {state for state in SessionState if state.is_readable}
    assert readable == {SessionState.UNLOCKED, SessionState.NO_PASSWORD}


def test_a_kept_password_that_may_be_an_older_one_is_tried_and_not_promised() -> None:
    bus = with_default(UNLOCKED, LOCKED)._replace(keeps_default_password=True)
    assert status.session_status(bus, other(SEALED)).exit_code == status.LOCKED
    assert choose(bus, other(SEALED), create=False) is Route.WITHOUT_ASKING


def test_an_open_keyring_of_another_provider_is_readable() -> None:
    bus = examples.bus(NameOwner(8, 1000, "keepassxc"), None)
    for default in CollectionState:
        found = judge(bus._replace(default=default, default_path="/a/b"), NONE)
        assert found.state is SessionState.OTHER_PROVIDER
        assert found.is_readable is (default is UNLOCKED)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (f"{COLLECTION}login", "login"),
        (f"{COLLECTION}Default_5fkeyring", "Default_keyring"),
        (f"{COLLECTION}Other_5fOne_2d_c3_a4_5fx", "Other_One-ä_x"),
        (f"{COLLECTION}_2e_2e_5fx", ".._x"),
        (f"{COLLECTION}x_ff", "x\ufffd"),
        ("/", ""),
        ("", ""),
    ],
)
def test_a_collection_has_the_name_of_its_file(path: str, name: str) -> None:
    assert collection_name(path) == name


def test_the_command_that_gives_a_keyring_a_password_can_be_pasted() -> None:
    assert rekey_command("login") == "creds rekey"
    assert rekey_command("Other One") == "creds rekey --keyring 'Other One'"
    assert rekey_command("-x y") == "creds rekey '--keyring=-x y'"


@pytest.mark.parametrize("name", ["login", "My Work_1", "Schlüssel", "-x", "a=b;c", "日本"])
def test_a_collection_has_one_path_and_one_name(name: str) -> None:
    assert collection_name(path_of_collection(name)) == name
