from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from creds_session.errors import CredsSessionError, InvalidData, Unavailable, WrongPassword
from creds_session.facts.session import MAX_PASSWORD, NameOwner
from creds_session.secret import Secret
from creds_session.session import rekey as rekeying
from creds_session.session import unlock as unlocking
from creds_session.session.keyring_backup import free_name
from creds_session.session.rekey import (
    Keyring,
    first_accepted,
    if_forgotten,
    possible_passwords,
    rekey,
)
from creds_session.session.unlock.routes import NoKeyringYet
from tests.unit import examples
from tests.unit.service import LEAVES, LOCKED, UNLOCKED, Answer, serving
from tests.unit.system.bus.test_connection import dbus_daemon

DENIED = "org.gnome.keyring.Error.Denied"
DONE: Answer = ("", ())
LOCK_DONE: Answer = ("aoo", ([], "/"))
LONG = b"x" * MAX_PASSWORD


@pytest.mark.parametrize(
    ("old", "new", "possible"),
    [
        (b"old", b"new", [b"old", b"old\n"]),
        (b"same", b"same", [b"same\n"]),
        (b"old", b"old\n", [b"old"]),
        (b"old\n", b"old", [b"old\n", b"old\n\n"]),
        (LONG, b"new", [LONG]),
        (LONG[1:], b"new", [LONG[1:], LONG[1:] + b"\n"]),
    ],
)
def test_possible_passwords_are_the_old_one_and_that_with_a_newline_but_not_the_new_one(
    old: bytes, new: bytes, possible: list[bytes]
) -> None:
    assert [one.reveal() for one in possible_passwords(Secret(old), Secret(new))] == possible


def taking(right: bytes | None, tried: list[bytes]) -> Callable[[Secret], None]:
    def act(password: Secret) -> None:
        tried.append(password.reveal())
        if tried[-1] != right:
            raise WrongPassword("no")

    return act


@pytest.mark.parametrize("right", [b"a", b"a\n"])
def test_first_accepted_is_tried_no_further(right: bytes) -> None:
    tried: list[bytes] = []
    found = first_accepted(taking(right, tried), [Secret(b"a"), Secret(b"a\n")])
    assert found.reveal() == right
    assert tried[-1] == right


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        (b"canary", b"new", WrongPassword, "did not accept the old password"),
        (b"canary", b"canary", InvalidData, "are the same"),
        (b"canary" + LONG[6:], b"new", WrongPassword, "did not accept"),
    ],
)
def test_first_accepted_of_none_changed_nothing_and_says_so(
    old: bytes, new: bytes, error: type[CredsSessionError], words: str
) -> None:
    with pytest.raises(error, match=f"{words}.*nothing was changed") as caught:
        first_accepted(taking(None, []), possible_passwords(Secret(old), Secret(new)))
    assert "canary" not in str(caught.value)


def test_the_same_password_twice_is_answered_with_the_command_that_unlocks() -> None:
    same = Secret(b"canary")
    with pytest.raises(InvalidData) as caught:
        first_accepted(taking(None, []), possible_passwords(same, same))
    assert caught.value.hint.endswith("creds unlock")


def test_a_refused_old_password_says_how_to_begin_with_an_empty_keyring() -> None:
    hint = if_forgotten(Keyring("login", Path("/a b/login.keyring")))
    with pytest.raises(WrongPassword) as caught:
        first_accepted(taking(None, []), [Secret(b"a")], hint)
    assert caught.value.hint.endswith(
        "\"$USER\" -x gnome-keyring-d; mv '/a b/login.keyring' '/a b/login.keyring'.forgotten;"
        " creds unlock --create"
    )
    assert "--create" not in if_forgotten(Keyring("other", Path("/k/other.keyring")))


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Make a session with a bus of its own, on which nobody serves secrets."""
    with dbus_daemon(tmp_path) as address:
        yield {
            "DBUS_SESSION_BUS_ADDRESS": address,
            "HOME": str(tmp_path),
            "XDG_RUNTIME_DIR": str(tmp_path),
        }


@pytest.fixture
def keyring(tmp_path: Path) -> Path:
    path = tmp_path / ".local/share/keyrings/login.keyring"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"as it was")
    return path


def never(_which: Keyring) -> tuple[Secret, Secret]:
    raise AssertionError


def given(_which: Keyring) -> tuple[Secret, Secret]:
    return Secret(b"canary of old"), Secret(b"canary of new")


def copies(keyring: Path) -> list[Path]:
    return [one for one in keyring.parent.iterdir() if one != keyring]


def test_rekey_asks_for_nothing_where_there_is_no_keyring(environ: dict[str, str]) -> None:
    with pytest.raises(NoKeyringYet):
        rekey(environ, never)


def test_rekey_asks_for_nothing_where_no_copy_can_be_kept(
    environ: dict[str, str], tmp_path: Path
) -> None:
    service = serving(environ["DBUS_SESSION_BUS_ADDRESS"], tmp_path / "told")
    with service, pytest.raises(Unavailable, match=r"is not at .*login\.keyring.*nothing was"):
        rekey(environ, never)


@pytest.mark.parametrize("empty", [b"", b"nul\0", b"x" * (MAX_PASSWORD + 1)])
@pytest.mark.parametrize("place", [0, 1])
def test_rekey_refuses_what_cannot_be_a_password(
    environ: dict[str, str], tmp_path: Path, keyring: Path, empty: bytes, place: int
) -> None:
    both = (Secret(empty), Secret(b"x")) if place == 0 else (Secret(b"x"), Secret(empty))
    told = tmp_path / "told"
    service = serving(environ["DBUS_SESSION_BUS_ADDRESS"], told)
    with service, pytest.raises(InvalidData):
        rekey(environ, lambda _: both)
    assert "OpenSession" not in told.read_text()
    assert copies(keyring) == []


def test_rekey_with_a_wrong_password_leaves_no_copy(
    environ: dict[str, str], tmp_path: Path, keyring: Path
) -> None:
    told = tmp_path / "told"
    address = environ["DBUS_SESSION_BUS_ADDRESS"]
    service = serving(address, told, ChangeWithMasterPassword=DENIED)
    with service, pytest.raises(WrongPassword, match="nothing was changed"):
        rekey(environ, given)
    assert told.read_text().count("ChangeWithMasterPassword") == 2
    assert "Lock\n" not in told.read_text().splitlines()
    assert keyring.read_bytes() == b"as it was"
    assert copies(keyring) == []


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"ChangeWithMasterPassword": "org.example.No"}, "refused ChangeWithMasterPassword"),
        ({"Get": UNLOCKED}, "did not lock"),
        ({"Get": LOCKED}, "old password still unlocks the keyring"),
        ({"UnlockWithMasterPassword": DENIED}, "new password does not unlock the keyring"),
    ],
)
def test_rekey_that_cannot_be_proved_says_what_it_left(
    environ: dict[str, str],
    tmp_path: Path,
    keyring: Path,
    answers: dict[str, Answer],
    words: str,
) -> None:
    address = environ["DBUS_SESSION_BUS_ADDRESS"]
    service = serving(
        address,
        tmp_path / "told",
        Lock=LOCK_DONE,
        Get=answers.get("Get", LOCKED),
        ChangeWithMasterPassword=answers.get("ChangeWithMasterPassword", DONE),
        UnlockWithMasterPassword=answers.get("UnlockWithMasterPassword", DONE),
    )
    with service, pytest.raises(Unavailable, match=words) as caught:
        rekey(environ, given)
    (copy,) = copies(keyring)
    assert copy.read_bytes() == b"as it was"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert "was not changed" in caught.value.problem
    assert str(copy) in caught.value.hint
    assert "canary" not in f"{caught.value.problem}{caught.value.hint}"


def test_rekey_says_what_a_daemon_that_ended_left(
    environ: dict[str, str], tmp_path: Path, keyring: Path
) -> None:
    address, told = environ["DBUS_SESSION_BUS_ADDRESS"], tmp_path / "told"
    with contextlib.ExitStack() as first:
        first.enter_context(serving(address, told))

        def ask(wanted: Keyring) -> tuple[Secret, Secret]:
            first.close()
            return given(wanted)

        with pytest.raises(Unavailable, match="ended; nothing was changed"):
            rekey(environ, ask)
    assert copies(keyring) == []
    service = serving(address, told, Lock=LOCK_DONE, ChangeWithMasterPassword=LEAVES)
    with service, pytest.raises(Unavailable, match=r"ended before .* was not changed") as caught:
        rekey(environ, given)
    (copy,) = copies(keyring)
    assert str(copy) in caught.value.hint


def test_rekey_says_that_the_password_was_changed_before_the_daemon_ended(
    environ: dict[str, str], tmp_path: Path, keyring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, path = keyring.with_name("work.keyring"), "/org/freedesktop/secrets/collection/work"
    work.write_bytes(b"as it was")
    monkeypatch.setattr(rekeying, "_try", lambda *_: None)
    service = serving(
        environ["DBUS_SESSION_BUS_ADDRESS"],
        tmp_path / "told",
        Get_Collections=("v", (("ao", [path]),)),
        ChangeWithMasterPassword=DONE,
        SearchItems=("ao", ([f"{path}/1"],)),
        SetSecret=LEAVES,
    )
    with service, pytest.raises(Unavailable, match="work keyring has the new password") as caught:
        rekey(environ, given, keyring="work")
    (copy,) = set(copies(work)) - {keyring}
    assert str(copy) in caught.value.hint


def test_rekey_gives_no_password_to_a_process_of_another_user(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, keyring: Path
) -> None:
    owner = NameOwner(7, os.getuid() + 1, "gnome-keyring-d", ":1.7")
    monkeypatch.setattr(unlocking, "probe_bus", lambda *_: examples.bus(owner))
    with pytest.raises(CredsSessionError, match="no password goes there"):
        rekey(environ, never)
    assert copies(keyring) == []


def test_free_name_has_a_number_where_the_path_is_there(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        names.append(free_name(tmp_path / "copy"))
        names[-1].touch()
    assert [name.name for name in names] == ["copy", "copy-2", "copy-3"]
