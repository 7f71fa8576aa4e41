"""What the tests of a rollout share: the state of the machines, and machines that boot again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.machine.support.ansible_controller import DEPLOY, PASSWORD, Controller, Played
from tests.machine.support.machine import Machine, wait_until

PENDING = "/var/lib/creds-session/pending.json"
BUSY = 75
PLAY_LIMIT = 1800
"""The seconds within which a play comes to a machine that boots again. It works on others first."""


def pam_of(fleet: Controller) -> dict[str, str]:
    """Return what the PAM files of each machine are."""
    listing = "cd /etc && find pam.d systemd/user -type f ! -name .full | sort | xargs sha256sum"
    return {name: machine.sh(listing).stdout for name, machine in fleet.machines.items()}


def revert_all(fleet: Controller) -> None:
    """Start from machines without the change."""
    for machine in fleet.machines.values():
        wait_until(lambda machine=machine: _is_reverted(machine), 60)  # type: ignore[misc]


def _is_reverted(machine: Machine) -> bool:
    code = machine.run("creds-setup-pam", "revert", check=False).returncode
    assert code in {0, BUSY}
    return code == 0


def require_logins(fleet: Controller) -> None:
    """Log in to every machine by password: nobody is locked out."""
    for machine in fleet.machines.values():
        with machine.ssh(DEPLOY, PASSWORD, timeout=60) as session:
            assert session.run("true").status == 0


def play_through_reboots(
    fleet: Controller,
    names: Sequence[str],
    playbook: str,
    variables: Mapping[str, object],
    *options: str,
) -> Played:
    """Run a playbook during which these machines boot again, in this order."""
    with ThreadPoolExecutor(1) as pool:
        playing = pool.submit(fleet.play, playbook, *options, variables=variables)
        for name in names:
            machine = fleet.machines[name]
            machine.wait_for_boot(PLAY_LIMIT)
            fleet.reconnect(name)
        return playing.result()
