"""Run single tasks of the collection, and see what they did to a machine."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

from tests.machine.support.ansible_controller import Controller, Played
from tests.machine.support.login import Login
from tests.machine.support.machine import Machine

ALICE = "pw of alice"
PLAY = """\
- hosts: {hosts}
  gather_facts: false
  become: true
  become_user: {user}
  tasks:
    - {module}: {arguments}
      no_log: false
"""


def task(
    fleet: Controller,
    module: str,
    hosts: str = "all",
    user: str = "root",
    *options: str,
    **arguments: object,
) -> Played:
    """Run one task. What it is given is in a file of variables, because it may be a password."""
    text = PLAY.format(
        hosts=hosts, user=user, module=f"creds_session.keyring.{module}", arguments='"{{ given }}"'
    )
    return fleet.play(text, *options, variables={"given": arguments})


def pam_of(machine: Machine) -> str:
    return machine.sh("cd /etc && find pam.d systemd -type f | sort | xargs sha256sum").stdout


def fingerprint(machine: Machine) -> str:
    """Return a digest of all that a change of PAM could touch, times included."""
    places = "/etc/pam.d /etc/systemd /var/lib /opt /usr/local"
    listed = machine.sh(f"find {places} -xdev -printf '%p %m %u %s %T@ %l\\n' | sort").stdout
    return hashlib.sha256(listed.encode()).hexdigest()


@contextlib.contextmanager
def alice(fleet: Controller, name: str) -> Iterator[tuple[Machine, Login]]:
    """Give a machine on which alice is logged in, with her keyring unlocked."""
    machine = fleet.machines[name]
    machine.run("creds-setup-pam", "apply")
    if machine.run("id", "alice", check=False).returncode != 0:
        machine.add_user("alice", ALICE)
    with machine.ssh("alice", ALICE) as session:
        yield machine, session
    machine.run("creds-setup-pam", "revert")
