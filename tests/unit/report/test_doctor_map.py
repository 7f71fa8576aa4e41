from __future__ import annotations

import pytest
from hypothesis import given

from creds_session.facts import BusFacts, CollectionState, DaemonRole, Facts, NameOwner
from creds_session.report.doctor_map import Tone, collections, seconds_left, session_map, tree_lines
from tests.unit import examples
from tests.unit.diagnoses import facts, quick

LOCKED, OPEN = CollectionState.LOCKED, CollectionState.UNLOCKED
CHILD = "child of systemd (pid 1)"
COLLECTION = "/org/freedesktop/secrets/collection/"


def drawn(made: Facts) -> list[str]:
    return [guides + node.text for guides, node in tree_lines(session_map(made))]


def test_map_goes_from_the_bus_to_the_keyrings() -> None:
    watcher = examples.daemon(DaemonRole.ACTIVATED, pid=9)
    bus = examples.bus()._replace(default=OPEN, default_path=f"{COLLECTION}login")
    made = examples.WELL._replace(bus=bus, daemons=(examples.daemon(), watcher))
    assert drawn(made) == [
        "session of alice (user id 1000), by ssh (how is not visible)",
        "└─ session bus unix:path=/run/user/1000/bus",
        "   └─ org.freedesktop.secrets: served by gnome-keyring-d (pid 7)",
        f"      ├─ keyring daemon, pid 7: serves; started by systemd for its socket, {CHILD}",
        f"      ├─ keyring daemon, pid 9: serves nothing here; started by D-Bus (--start), {CHILD}",
        "      ├─ control socket /run/user/1000/keyring/control: nobody listens",
        "      └─ keyring login, the default: open",
    ]


def test_map_in_ascii() -> None:
    guides = [guide for guide, _ in tree_lines(session_map(examples.WELL), ascii_only=True)]
    assert guides[:5] == ["", "`- ", "   `- ", "      |- ", "      |- "]


def test_a_daemon_that_waits_tells_how_long() -> None:
    daemon = examples.daemon(DaemonRole.LOGIN, age=90)
    made = examples.WELL._replace(bus=examples.bus(owner=None, login=None), daemons=(daemon,))
    told = "\n".join(drawn(made))
    assert "nobody serves it (none is known)" in told
    assert "waits to be initialised, 30 s more" in told
    assert seconds_left(made, daemon._replace(started=examples.NOW - 500)) == 0


@pytest.mark.parametrize(
    ("bus", "told", "tone"),
    [
        (BusFacts(), "no session bus", Tone.BAD),
        (BusFacts("unix:path=/x", "refused"), "session bus unix:path=/x: refused", Tone.BAD),
        (
            BusFacts("unix:path=/x", "nobody uses it", is_idle=True),
            "session bus unix:path=/x: nobody uses it",
            Tone.PLAIN,
        ),
        (examples.bus(), "session bus unix:path=/run/user/1000/bus", Tone.GOOD),
    ],
)
def test_map_tells_what_the_bus_is(bus: BusFacts, told: str, tone: Tone) -> None:
    node = session_map(examples.WELL._replace(bus=bus)).children[0]
    assert (node.text, node.tone) == (told, tone)


def test_daemons_are_on_the_map_without_a_bus() -> None:
    made = examples.WELL._replace(bus=BusFacts())
    assert "keyring daemon, pid 7: serves nothing here" in drawn(made)[2]


def test_a_foreign_owner_is_no_good_sign() -> None:
    owner = (
        session_map(examples.WELL._replace(bus=examples.bus(examples.KWALLET)))
        .children[0]
        .children[0]
    )
    assert (owner.tone, "kwalletd6 (pid 8)" in owner.text) == (Tone.BAD, True)


def test_another_default_keyring_is_told_beside_the_login_one() -> None:
    bus = examples.bus()._replace(default=LOCKED, default_path=f"{COLLECTION}other")
    made = examples.WELL._replace(bus=bus)
    assert collections(made) == [("login", OPEN), ("other", LOCKED)]
    owner = session_map(made).children[0].children[0]
    assert [(node.text, node.is_open) for node in owner.children[-2:]] == [
        ("keyring login: open", True),
        ("keyring other, the default: locked", False),
    ]


def test_what_has_no_lock_shows_none() -> None:
    made = examples.WELL._replace(bus=examples.bus(login=CollectionState.GHOST))
    node = session_map(made).children[0].children[0].children[-1]
    assert (node.text, node.is_open) == ("keyring login: on the disk, but not served", None)


def test_map_escapes_what_could_act_on_a_terminal() -> None:
    bus = examples.bus(NameOwner(7, 1000, "\x1b[2J"))
    assert "served by \\x1b[2J (pid 7)" in drawn(examples.WELL._replace(bus=bus))[2]


@quick
@given(facts)
def test_every_line_of_any_map_is_printable(made: Facts) -> None:
    assert all(line.isprintable() for line in drawn(made))
