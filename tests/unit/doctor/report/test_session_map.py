from __future__ import annotations

import pytest
from hypothesis import given

from creds_session.doctor.report.session_map import (
    Node,
    Tone,
    collections,
    seconds_left,
    session_map,
    tree_lines,
)
from creds_session.facts.collection_state import CollectionState
from creds_session.facts.machine import ControlFacts, OtherProcess, ProcessFacts
from creds_session.facts.session import BusFacts, BusProblem, DaemonRole, NameOwner, SessionFacts
from creds_session.facts.snapshot import Facts
from tests.unit import examples
from tests.unit.diagnoses import facts, quick
from tests.unit.examples import ADDRESS, KWALLET

LOCKED, OPEN = CollectionState.LOCKED, CollectionState.UNLOCKED
CHILD = "child of systemd (pid 1)"
COLLECTION = "/org/freedesktop/secrets/collection/"


def drawn(made: Facts) -> list[str]:
    return [guides + node.text for guides, node in tree_lines(session_map(made))]


def test_map_goes_from_the_bus_to_the_keyrings() -> None:
    watcher = examples.daemon(DaemonRole.ACTIVATED, pid=9)
    bus = examples.bus()._replace(default=OPEN, default_path=f"{COLLECTION}login")
    made = examples.WELL._replace(
        bus=bus,
        daemons=(examples.daemon(), watcher),
        keyring=examples.keyring(listens=True),
    )
    assert drawn(made) == [
        "session of alice (user id 1000), by ssh (the method cannot be seen)",
        "└─ session bus unix:path=/run/user/1000/bus",
        "   └─ org.freedesktop.secrets: served by gnome-keyring-d (pid 7)",
        f"      ├─ keyring daemon, pid 7: serves; started by systemd for its socket, {CHILD}",
        "      │  └─ control socket /run/user/1000/keyring/control: listens",
        f"      ├─ keyring daemon, pid 9: only watches; started by D-Bus (--start), {CHILD}",
        "      └─ keyring login, the default: unlocked",
    ]


def socket(made: Facts) -> Node | None:
    """Return the socket's place, wherever on the map it is."""
    nodes = [node for _, node in tree_lines(session_map(made))]
    return next((node for node in nodes if node.text.startswith("control socket")), None)


def test_the_socket_tells_who_listens_where_that_is_known() -> None:
    two = (examples.daemon(), examples.daemon(pid=9))
    both = examples.WELL._replace(keyring=examples.keyring(listens=True), daemons=two)
    assert socket(both) == Node("control socket /run/user/1000/keyring/control: listens")
    assert socket(both) in session_map(both).children[0].children[0].children
    split = both._replace(control=ControlFacts(pid=9))
    control = "control socket /run/user/1000/keyring/control"
    assert socket(split) == Node(
        f"{control}: pid 9 listens, which does not serve secrets", Tone.BAD
    )
    assert socket(split) == session_map(split).children[0].children[0].children[1].children[0]
    none = examples.WELL._replace(keyring=examples.keyring()._replace(control=None))
    assert socket(none) is None


def test_an_owner_that_is_silent_is_on_a_bus_that_answers() -> None:
    bus = examples.bus()._replace(reason="no answer in 1 s", login=None)
    node = session_map(examples.WELL._replace(bus=bus)).children[0]
    assert (node.tone, node.children[0].tone) == (Tone.GOOD, Tone.BAD)
    assert node.children[0].text.endswith("(pid 7), which does not answer: no answer in 1 s")


def test_a_stopped_daemon_and_an_impostor_are_bad_signs() -> None:
    stopped = examples.daemon()._replace(state="T")
    impostor = OtherProcess(8, 1000, "gnome-keyring-d", executable="/tmp/x")
    made = examples.WELL._replace(daemons=(stopped,), processes=ProcessFacts(impostors=(impostor,)))
    nodes = session_map(made).children[0].children[0].children
    assert "serves, is stopped; " in nodes[0].text
    told = "pid 8 is /tmp/x, but has the name gnome-keyring-d"
    assert (nodes[0].tone, Node(told, Tone.BAD) in nodes) == (Tone.BAD, True)


def test_another_provider_that_is_open_is_a_good_sign() -> None:
    bus = BusFacts(ADDRESS, owner=KWALLET, default=OPEN, default_path="/kwallet/wallet")
    owner = session_map(examples.WELL._replace(bus=bus)).children[0].children[0]
    assert owner.tone is Tone.GOOD
    assert owner.children[-1].text == "keyring wallet, the default: unlocked"


def test_a_session_that_is_no_ssh_tells_pams_service() -> None:
    made = examples.WELL._replace(session=SessionFacts("alice", 1000, service="login"))
    assert drawn(made)[0] == "session of alice (user id 1000), by login"


def test_map_in_ascii() -> None:
    guides = [guide for guide, _ in tree_lines(session_map(examples.WELL), ascii_only=True)]
    assert guides[:5] == ["", "`- ", "   `- ", "      |- ", "      |- "]


def test_a_daemon_that_waits_tells_how_long() -> None:
    daemon = examples.daemon(DaemonRole.LOGIN, age=90)
    made = examples.WELL._replace(bus=examples.bus(owner=None, login=None), daemons=(daemon,))
    told = "\n".join(drawn(made))
    assert "no program serves it (none is installed)" in told
    assert "waits 30 s more to be initialised" in told
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
        ("keyring login: unlocked", True),
        ("keyring other, the default: locked", False),
    ]


def test_what_has_no_lock_shows_none() -> None:
    made = examples.WELL._replace(bus=examples.bus(login=CollectionState.GHOST))
    node = session_map(made).children[0].children[0].children[-1]
    assert (node.text, node.is_open) == ("keyring login: exists, but is not served", None)


def test_map_escapes_what_could_act_on_a_terminal() -> None:
    bus = examples.bus(NameOwner(7, 1000, "\x1b[2J"))
    assert "served by \\x1b[2J (pid 7)" in drawn(examples.WELL._replace(bus=bus))[2]


@quick
@given(facts)
def test_every_line_of_any_map_is_printable(made: Facts) -> None:
    assert all(line.isprintable() for line in drawn(made))


def test_what_was_not_looked_at_in_time_is_not_known() -> None:
    late = BusFacts(
        None, "the session bus was not looked at in time", problem=BusProblem.NOT_LOOKED_AT
    )
    assert drawn(examples.WELL._replace(bus=late, daemons=()))[1:] == [
        "├─ session bus: not known, there was no time to look",
        "├─ keyring daemon: not known, there was no time to look",
        "└─ control socket /run/user/1000/keyring/control: nobody listens",
    ]
