"""A rollout on ten machines of three releases and three layouts, with five faults.

Each fault stops it, and locks nobody out.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.machine.support.ansible_controller import DEPLOY, PASSWORD, Controller
from tests.machine.support.machine import Boot
from tests.machine.support.platforms import NO_PROFILE
from tests.machine.support.rollout_faults import FAULTS
from tests.machine.support.rollouts import pam_of, play_through_reboots, require_logins, revert_all

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(3600)]
ROLLOUT = "creds_session.keyring.rollout"
KINDS = {
    "host1": ("bookworm", "debian"),
    "host2": ("trixie", "debian"),
    "host3": ("trixie", "redhat"),
    "host4": ("bookworm", "redhat"),
    "host5": ("trixie", "arch"),
    "host6": ("forky", "debian"),
    "host7": ("forky", "debian"),
    "host8": ("bookworm", "arch"),
    "host9": ("forky", "arch"),
    "host10": ("forky", "redhat"),
}
"""Name: release and layout. Debian's PAM profile of gnome-keyring is removed from host6."""
HOSTS = list(KINDS)
DONE_BEFORE = "host7"
"""Since forky, that profile has every rule that a login needs."""
BROKEN = {
    "host3": "unsafe",
    "host4": "full disk",
    "host6": "login breaks",
    "host8": "power loss",
    "host9": "reboot",
}


@pytest.fixture(scope="module")
def fleet(boot: Boot, controller: Controller) -> Controller:
    for host, (release, layout) in KINDS.items():
        controller.add(host, boot(release, layout))
    controller.machines["host6"].sh(NO_PROFILE)
    return controller


def variables(place: Path, **more: object) -> dict[str, object]:
    return {
        "rollout_directory": str(place),
        "rollout_login_user": DEPLOY,
        "rollout_login_password": PASSWORD,
        "rollout_login_timeout": 60,
        "rollout_batches": [1, 2, "100%"],
        **more,
    }


def outcomes(place: Path) -> dict[str, str]:
    report = json.loads((place / "report.json").read_text())
    return {host["host"]: host["outcome"] for host in report["hosts"]}


def test_ten_healthy_machines(fleet: Controller, tmp_path: Path) -> None:
    done = fleet.play(ROLLOUT, "--forks=10", variables=variables(tmp_path))
    assert done.code == 0, done.output
    expected = {**dict.fromkeys(HOSTS, "confirmed"), DONE_BEFORE: "nothing to do"}
    assert outcomes(tmp_path) == expected
    require_logins(fleet)
    again = fleet.play(ROLLOUT, "--forks=10", variables=variables(tmp_path))
    assert (again.code, again.changed) == (0, []), again.output
    assert outcomes(tmp_path) == dict.fromkeys(HOSTS, "nothing to do")


def test_five_faults(fleet: Controller, tmp_path: Path) -> None:
    """Each run stops at the next fault; the host is then left out, and the rollout goes on."""
    revert_all(fleet)
    for host, name in BROKEN.items():
        FAULTS[name].put(fleet.machines[host])
    before = pam_of(fleet)
    given = variables(
        tmp_path,
        rollout_confirm_within="60s",
        rollout_revert_timeout=400,
        rollout_batches=[1],  # a list of one: each batch is one host
    )
    left_out: list[str] = []
    try:
        for host, name in BROKEN.items():
            fault = FAULTS[name]
            limit = ":".join(["all", *(f"!{one}" for one in left_out)])
            reboots = [host] if fault.reboots else []
            done = play_through_reboots(fleet, reboots, ROLLOUT, given, f"--limit={limit}")
            seen = outcomes(tmp_path)
            assert done.code != 0, done.output
            assert seen[host] in {fault.outcome, "not changed"}, (host, done.output)
            assert fault.reason in (tmp_path / "report.txt").read_text()
            report = json.loads((tmp_path / "report.json").read_text())
            assert report["stopped"]["host"] == host
            now = pam_of(fleet)
            rest = HOSTS[HOSTS.index(host) :]
            assert {one: now[one] for one in rest} == {one: before[one] for one in rest}
            left_out.append(host)
    finally:
        for host, name in BROKEN.items():
            FAULTS[name].remove(fleet.machines[host])
    require_logins(fleet)
    done = fleet.play(ROLLOUT, variables=given)
    assert done.code == 0, done.output
    assert set(outcomes(tmp_path).values()) == {"confirmed", "nothing to do"}
    require_logins(fleet)
