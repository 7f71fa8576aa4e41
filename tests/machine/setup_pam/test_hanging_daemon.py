"""A daemon that does not answer: what a login does, for that user, for others, for root.

pam_gnome_keyring waits for the daemon's control socket without a limit (gkr-pam-client.c). A
stopped daemon stands for every one that hangs: on a dead home directory, in a debugger, frozen.
"""

from __future__ import annotations

import pytest

from tests.machine.support.login import LoginFailed
from tests.machine.support.machine import Boot, Machine

ROOT_LOGIN = {"/etc/ssh/sshd_config.d/10-root.conf": b"PermitRootLogin yes\n"}
PASSWORD = "correct horse 7!"
STOP = "pkill -STOP -u {} gnome-keyring-d"
CONTINUE = "pkill -CONT -u {} gnome-keyring-d; true"
PATIENCE = 6.0


@pytest.fixture(scope="module")
def machine(boot: Boot) -> Machine:
    booted = boot("bookworm", files=ROOT_LOGIN)
    for user in ("alice", "bob"):
        booted.add_user(user, PASSWORD)
    booted.run("chpasswd", stdin=f"root:{PASSWORD}\n".encode())
    return booted


def store(machine: Machine, user: str) -> None:
    """Log in once, so that the user has a keyring and a daemon that goes on."""
    with machine.ssh(user, PASSWORD) as session:
        assert session.run("printf x | creds put app me").status == 0


def reaches_a_shell(machine: Machine, user: str) -> bool:
    try:
        with machine.ssh(user, PASSWORD, timeout=PATIENCE) as session:
            return session.run("true").status == 0
    except LoginFailed:
        return False


def test_it_holds_its_own_users_login_and_nobody_elses(machine: Machine) -> None:
    machine.run("creds-setup-pam", "apply")
    store(machine, "alice")
    machine.sh(STOP.format("alice"))
    try:
        assert not reaches_a_shell(machine, "alice")
        assert reaches_a_shell(machine, "bob")
        assert reaches_a_shell(machine, "root")
    finally:
        machine.sh(CONTINUE.format("alice"))
    assert reaches_a_shell(machine, "alice")
    machine.run("creds-setup-pam", "revert")


def test_skip_root_keeps_roots_login_free(machine: Machine) -> None:
    machine.run("creds-setup-pam", "apply")
    store(machine, "root")
    machine.sh(STOP.format("root"))
    try:
        assert not reaches_a_shell(machine, "root")
        machine.run("creds-setup-pam", "revert")
        machine.run("creds-setup-pam", "apply", "--skip-root")
        assert machine.run("creds-setup-pam", "check").returncode == 0
        assert reaches_a_shell(machine, "root")
    finally:
        machine.sh(CONTINUE.format("root"))
    store(machine, "alice")  # and it still opens everybody else's keyring
    machine.run("creds-setup-pam", "revert")
