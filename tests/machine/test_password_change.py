"""A password changed during login reaches the keyring too, on both layouts."""

from __future__ import annotations

import pytest

from tests.machine.machine import Boot, Machine

SNIPPET = "/etc/ssh/sshd_config.d/10-ask.conf"
TYPE = ("-o", "PreferredAuthentications=password")
ASK = ("-o", "PreferredAuthentications=keyboard-interactive")
OLD, NEW = "correct horse 7!", "battery staple 8!"


@pytest.fixture(scope="module", params=["debian", "redhat"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    booted = boot("trixie", request.param, files={SNIPPET: b"KbdInteractiveAuthentication yes\n"})
    booted.add_user("alice", OLD)
    booted.run("creds-setup-pam", "apply")
    return booted


def change_at_login(machine: Machine, old: str, new: str) -> None:
    """An expired password: sshd runs its own password stack only for keyboard-interactive."""
    machine.run("chage", "-d", "0", "alice")
    with machine.ssh("alice", old, *ASK, answers=[old, new, new, ""]) as session:
        assert session.run("creds get app me").status == 77  # the password stayed in a child
    machine.run("loginctl", "terminate-user", "alice", check=False)
    machine.wait_until_gone("alice")


def test_expired_password_is_changed_at_login(machine: Machine) -> None:
    with machine.ssh("alice", OLD, *TYPE) as session:
        assert session.run("printf s3cret | creds put app me").status == 0
    machine.run("loginctl", "terminate-user", "alice", check=False)
    machine.wait_until_gone("alice")
    change_at_login(machine, OLD, NEW)
    with machine.ssh("alice", NEW, *TYPE) as session:
        assert session.run("creds get app me").output == "s3cret"
        assert session.run("creds-doctor").status == 0


def test_the_recipes_own_rule_leaves_the_keyring_behind(boot: Boot) -> None:
    """What the change of include to substack is for: without it the keyring keeps the old one."""
    machine = boot("bookworm", "redhat", files={SNIPPET: b"KbdInteractiveAuthentication yes\n"})
    machine.add_user("alice", OLD)
    machine.run("creds-setup-pam", "apply")
    machine.sh("sed -i '/^password/s/substack/include /' /etc/pam.d/sshd")
    checked = machine.run("creds-setup-pam", "check", check=False)
    assert checked.returncode == 1
    assert "password  pam_gnome_keyring would not get the password" in checked.stdout
    with machine.ssh("alice", OLD, *TYPE) as session:
        assert session.run("printf s3cret | creds put app me").status == 0
    machine.run("loginctl", "terminate-user", "alice", check=False)
    machine.wait_until_gone("alice")
    change_at_login(machine, OLD, NEW)
    with machine.ssh("alice", NEW, *TYPE, answers=[""]) as session:
        assert session.run("creds get app me").status == 77
