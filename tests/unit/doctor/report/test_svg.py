from __future__ import annotations

import pytest

from creds_session.doctor.checks import CHECKS, run
from creds_session.doctor.checks.diagnosis import Diagnosis
from creds_session.doctor.report.svg import LONGEST, session_svg
from creds_session.facts.collection_state import CollectionState
from creds_session.facts.machine import ControlFacts
from creds_session.facts.session import BusFacts, BusProblem, KeyringFacts, SessionFacts
from creds_session.facts.snapshot import Facts, PamFacts
from tests.unit import examples
from tests.unit.diagnoses import as_xml

LOCKED = CollectionState.LOCKED
NO_RULES = PamFacts(files={"/etc/pam.d/sshd": examples.WITHOUT_RULES})
ALICE = SessionFacts("alice", 1000, by_ssh=True, login_method="password")


def boxes(made: Facts) -> dict[str, tuple[str, str]]:
    """Return each box's tone and state by its title."""
    picture = as_xml(session_svg(Diagnosis(made, run(CHECKS, made))))
    return {
        str(group[2].text): (group.get("class", ""), str(group[4].text)[2:])
        for group in picture.iter("g")
    }


def ways(made: Facts) -> list[str]:
    """Return whether each way is whole, in the order in which they are drawn."""
    picture = as_xml(session_svg(Diagnosis(made, run(CHECKS, made))))
    names = [path.get("class", "") for path in picture.iter("path")]
    return [name[4:] for name in names if name.startswith("way ")]


def test_a_healthy_session_is_good_all_the_way() -> None:
    made = examples.WELL._replace(session=ALICE, keyring=examples.keyring(listens=True))
    assert boxes(made) == {
        "A program": ("plain", "asks for a secret"),
        "The session bus": ("good", "answers"),
        "The keyring daemon": ("good", "serves secrets"),
        "The login keyring": ("good", "unlocked"),
        "The login": ("good", "with a password"),
        "The login's rules": ("good", "pass it on"),
        "The control socket": ("good", "a daemon listens"),
    }
    assert ways(made) == ["good"] * 6


@pytest.mark.parametrize(
    ("made", "title", "tone", "state"),
    [
        (examples.WELL._replace(bus=BusFacts()), "The session bus", "bad", "does not exist"),
        (
            examples.WELL._replace(bus=BusFacts("unix:path=/x", "refused")),
            *("The session bus", "bad", "does not answer"),
        ),
        (
            examples.WELL._replace(bus=BusFacts("unix:path=/x", "idle", is_idle=True)),
            *("The session bus", "plain", "not used yet"),
        ),
        (
            examples.WELL._replace(bus=examples.bus(examples.KWALLET)),
            *("Another program", "bad", "serves secrets here"),
        ),
        (
            examples.WELL._replace(bus=examples.bus(None, None), daemons=()),
            *("The keyring daemon", "bad", "not running"),
        ),
        (
            examples.WELL._replace(bus=examples.bus(None, None)),
            *("The keyring daemon", "bad", "serves nothing"),
        ),
        (
            examples.WELL._replace(bus=examples.bus(None, None), daemons=(examples.daemon(),) * 3),
            *("The keyring daemon", "bad", "3 run, but serve nothing"),
        ),
        (
            examples.WELL._replace(bus=BusFacts(), keyring=examples.keyring(exists=False)),
            *("The login keyring", "bad", "does not exist"),
        ),
        (
            examples.WELL._replace(bus=examples.bus(login=LOCKED)),
            *("The login keyring", "bad", "locked"),
        ),
        (
            examples.WELL._replace(
                bus=examples.bus()._replace(default=LOCKED, default_path="/x/collection/other")
            ),
            *("The default keyring", "bad", "locked"),
        ),
        (
            examples.WELL._replace(
                session=ALICE._replace(login_method="publickey"), bus=examples.bus(login=LOCKED)
            ),
            *("The login", "bad", "by key, no password"),
        ),
        (
            examples.WELL._replace(session=ALICE._replace(login_method="publickey")),
            *("The login", "plain", "by key, no password"),
        ),
        (examples.WELL, "The login", "plain", "how: cannot be seen"),
        (examples.WELL._replace(pam=PamFacts()), "The login's rules", "plain", "not checked"),
        (
            examples.WELL._replace(pam=NO_RULES),
            *("The login's rules", "bad", "do not pass it on"),
        ),
        (examples.WELL, "The control socket", "plain", "nobody listens"),
        (
            examples.WELL._replace(
                keyring=examples.keyring(listens=True), control=ControlFacts(pid=9)
            ),
            *("The control socket", "bad", "another daemon listens"),
        ),
        (
            examples.WELL._replace(bus=examples.bus()._replace(reason="no answer in 1 s")),
            *("The keyring daemon", "bad", "does not answer"),
        ),
    ],
)
def test_each_box_tells_what_is(made: Facts, title: str, tone: str, state: str) -> None:
    assert boxes(made)[title] == (tone, state)


def test_a_default_keyring_of_its_own_has_its_way() -> None:
    bus = examples.bus()._replace(default=LOCKED, default_path="/x/collection/other")
    assert ways(examples.WELL._replace(bus=bus)) == [*["good"] * 6, "bad"]


def test_a_way_is_broken_where_one_of_its_ends_is() -> None:
    locked = examples.bus(login=LOCKED)
    made = examples.WELL._replace(session=ALICE._replace(login_method="publickey"), bus=locked)
    assert ways(made) == ["good", "good", "bad", "bad", "good", "good"]
    unserved = examples.WELL._replace(bus=examples.bus(None, None))
    assert ways(unserved) == ["good", "bad", "bad", "good", "good", "bad"]


def test_what_is_cut_off_stands_in_the_title() -> None:
    address = f"unix:path=/run/{'x' * 60}/bus"
    picture = session_svg(
        Diagnosis(examples.WELL._replace(bus=examples.bus()._replace(address=address)), ())
    )
    assert f"<title>The session bus: {address}: answers</title>" in picture
    for text in as_xml(picture).iter("text"):
        if text.get("class") == "name":
            assert len(str(text.text)) <= LONGEST


def test_the_picture_is_told_to_who_does_not_see_it() -> None:
    picture = as_xml(session_svg(Diagnosis(examples.WELL, ())))
    assert picture.get("role") == "img"
    assert "served by gnome-keyring-d (pid 7)" in str(picture.findtext("desc"))


LATE = examples.WELL._replace(
    bus=BusFacts(
        None, "the session bus was not looked at in time", problem=BusProblem.NOT_LOOKED_AT
    ),
    keyring=KeyringFacts("", None),
    daemons=(),
    late=("bus", "keyring"),
)


@pytest.mark.parametrize(
    "title", ["The session bus", "The keyring daemon", "The login keyring", "The control socket"]
)
def test_what_was_not_looked_at_in_time_is_not_drawn_as_missing(title: str) -> None:
    assert boxes(LATE)[title] == ("plain", "not known")


def test_a_keyring_whose_file_was_seen_is_not_said_to_be_unserved_by_a_bus_that_was_not() -> None:
    seen = LATE._replace(keyring=examples.keyring())
    assert boxes(seen)["The login keyring"] == ("plain", "not known")
    absent = LATE._replace(keyring=examples.keyring(exists=False))
    assert boxes(absent)["The login keyring"] == ("bad", "does not exist")
