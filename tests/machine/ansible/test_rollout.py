"""A rollout on three machines: a canary, a batch, all; a login confirms, and a fault stops it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.machine.support.ansible_controller import DEPLOY, PASSWORD, Controller, Played
from tests.machine.support.machine import Boot
from tests.machine.support.rollout_faults import FAULTS
from tests.machine.support.rollouts import pam_of, play_through_reboots, require_logins, revert_all

# It may make the environment of Ansible first.
pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1200)]
ROLLOUT = "creds_session.keyring.rollout"
MACHINES = {
    "first": ("bookworm", "debian"),
    "second": ("trixie", "debian"),
    "third": ("trixie", "redhat"),
}


@pytest.fixture(scope="module")
def fleet(boot: Boot, controller: Controller) -> Controller:
    for name, (release, layout) in MACHINES.items():
        controller.add(name, boot(release, layout))
    return controller


@pytest.fixture
def place(fleet: Controller, tmp_path: Path) -> Path:
    """Give the directory of the records of a rollout on machines without the change."""
    revert_all(fleet)
    return tmp_path / "rollout"


def variables(place: Path, **more: object) -> dict[str, object]:
    return {
        "rollout_directory": str(place),
        "rollout_login_user": DEPLOY,
        "rollout_login_password": PASSWORD,
        "rollout_login_timeout": 60,
        "rollout_batches": [1, 1, "100%"],
        **more,
    }


def report(place: Path) -> dict[str, Any]:
    found = json.loads((place / "report.json").read_text())
    assert isinstance(found, dict)
    return found


def outcomes(place: Path) -> dict[str, str]:
    return {host["host"]: host["outcome"] for host in report(place)["hosts"]}


def rollout(fleet: Controller, place: Path, *options: str, **more: object) -> Played:
    return fleet.play(ROLLOUT, *options, variables=variables(place, **more))


def test_each_host_is_confirmed_by_a_login_and_the_second_run_changes_nothing(
    fleet: Controller, place: Path
) -> None:
    before = pam_of(fleet)
    checked = rollout(fleet, place, "--check")
    assert checked.code == 0, checked.output
    assert pam_of(fleet) == before
    assert set(outcomes(place).values()) == {"would change"}
    done = rollout(fleet, place, "-vvvv")
    assert done.code == 0, done.output
    assert outcomes(place) == dict.fromkeys(MACHINES, "confirmed")
    assert len(done.changed) == 3
    assert PASSWORD not in done.output
    for machine in fleet.machines.values():
        assert machine.run("creds-setup-pam", "check").returncode == 0
        assert machine.run(
            "test", "-e", "/var/lib/creds-session/pending.json", check=False
        ).returncode
    again = rollout(fleet, place)
    assert (again.code, again.changed) == (0, []), again.output
    assert outcomes(place) == dict.fromkeys(MACHINES, "nothing to do")
    for path in place.rglob("*"):
        assert path.is_dir() or PASSWORD.encode() not in path.read_bytes()


@pytest.mark.parametrize("name", ["login breaks", "reboot"])
def test_the_first_host_that_does_not_come_back_stops_it(
    fleet: Controller, place: Path, name: str
) -> None:
    before = pam_of(fleet)
    fault = FAULTS[name]
    fault.put(fleet.machines["second"])
    more = variables(place, rollout_confirm_within="25s", rollout_revert_timeout=240)
    try:
        done = play_through_reboots(fleet, ["second"] if fault.reboots else [], ROLLOUT, more)
    finally:
        fault.remove(fleet.machines["second"])
    assert done.code != 0
    expected = {"first": "confirmed", "second": "reverted", "third": "untouched"}
    assert outcomes(place) == expected, done.output
    assert report(place)["stopped"]["host"] == "second"
    assert "The rollout stopped at second" in (place / "report.txt").read_text()
    now = pam_of(fleet)
    assert (now["second"], now["third"]) == (before["second"], before["third"])
    assert now["first"] != before["first"]
    require_logins(fleet)
    resumed = rollout(fleet, place)
    assert resumed.code == 0, resumed.output
    expected = {"first": "nothing to do", "second": "confirmed", "third": "confirmed"}
    assert outcomes(place) == expected
    assert {one.host for one in resumed.changed} == {"second", "third"}


def test_what_changes_nothing_is_said_and_stops_it_too(fleet: Controller, place: Path) -> None:
    for name in ("unsafe", "full disk"):
        fault = FAULTS[name]
        fault.put(fleet.machines["first"])
        before = pam_of(fleet)
        try:
            done = rollout(fleet, place)
            assert done.code != 0
            assert outcomes(place)["first"] == fault.outcome, done.output
            assert fault.reason in report(place)["stopped"]["reason"]
            assert outcomes(place)["second"] == "untouched"
            assert pam_of(fleet) == before
            require_logins(fleet)
        finally:
            fault.remove(fleet.machines["first"])


def test_a_login_that_fails_before_leaves_the_host_alone(fleet: Controller, place: Path) -> None:
    before = pam_of(fleet)
    done = rollout(fleet, place, rollout_login_password="wrong")
    assert done.code != 0
    assert outcomes(place)["first"] == "no login before", done.output
    assert pam_of(fleet) == before


def test_without_a_canary_it_does_not_begin(fleet: Controller, place: Path) -> None:
    before = pam_of(fleet)
    done = rollout(fleet, place, rollout_batches=["100%"])
    assert done.code != 0
    assert "begin with one canary" in done.output
    assert pam_of(fleet) == before


def test_a_change_that_waits_is_confirmed_by_the_next_run(fleet: Controller, place: Path) -> None:
    """The controller was lost between the change and the login."""
    fleet.machines["first"].run("creds-setup-pam", "apply", "--confirm-within", "10m")
    done = rollout(fleet, place)
    assert done.code == 0, done.output
    assert set(outcomes(place).values()) == {"confirmed"}


def test_hosts_of_the_same_batch_that_came_back_keep_the_change(
    fleet: Controller, place: Path
) -> None:
    before = pam_of(fleet)
    fault = FAULTS["login breaks"]
    fault.put(fleet.machines["second"])
    more = {"rollout_confirm_within": "25s", "rollout_revert_timeout": 240}
    try:
        done = rollout(fleet, place, rollout_batches=[1, "100%"], **more)
    finally:
        fault.remove(fleet.machines["second"])
    assert done.code != 0
    expected = {"first": "confirmed", "second": "reverted", "third": "confirmed"}
    assert outcomes(place) == expected, done.output
    assert pam_of(fleet)["second"] == before["second"]
    require_logins(fleet)
