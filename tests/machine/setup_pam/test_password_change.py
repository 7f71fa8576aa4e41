"""A password changed at login: our password rule runs, and where it can it changes the keyring.

sshd runs its own password stack only for keyboard-interactive; there pam_gnome_keyring has no
XDG_RUNTIME_DIR, and gives up (gkr-pam-module.c:change_keyring_password). After a typed password
that has expired sshd runs passwd, without XDG_RUNTIME_DIR too. passwd in a session finds the
daemon.
"""

from __future__ import annotations

import re

import pytest

from tests.machine.support.machine import Boot, Machine

SNIPPET = "/etc/ssh/sshd_config.d/10-ask.conf"
TYPE = ("-o", "PreferredAuthentications=password")
ASK = ("-o", "PreferredAuthentications=keyboard-interactive")
OLD, NEW = "correct horse 7!", "battery staple 8!"


def machine_with_alice(boot: Boot, release: str, layout: str) -> Machine:
    machine = boot(release, layout, files={SNIPPET: b"KbdInteractiveAuthentication yes\n"})
    machine.add_user("alice", OLD)
    machine.run("creds-setup-pam", "apply")
    return machine


def runs_in_chauthtok(machine: Machine) -> bool:
    """Change an expired password in sshd's own stack; tell whether our rule ran in it."""
    machine.run("chage", "-d", "0", "alice")
    with machine.ssh("alice", OLD, *ASK, answers=[OLD, NEW, NEW]) as session:
        assert session.run("true").status == 0
    changed = re.search(
        r"\[(\d+)\]: pam_unix\(sshd:chauthtok\): password changed for alice\n(.*)",
        machine.journal(),
        re.DOTALL,
    )
    assert changed is not None
    return f"[{changed.group(1)}]: gkr-pam: " in changed.group(2)


@pytest.mark.parametrize("layout", ["debian", "redhat"])
def test_our_rule_runs_in_sshds_password_stack(boot: Boot, layout: str) -> None:
    assert runs_in_chauthtok(machine_with_alice(boot, "trixie", layout))


def test_the_recipes_own_rule_is_dead_on_red_hats_layout(boot: Boot) -> None:
    """What the change of include to substack is for."""
    machine = machine_with_alice(boot, "bookworm", "redhat")
    machine.sh("sed -i '/^password/s/substack/include /' /etc/pam.d/sshd")
    checked = machine.run("creds-setup-pam", "check", check=False)
    assert checked.returncode == 1
    assert "password  pam_gnome_keyring would not get the password" in checked.stdout
    assert not runs_in_chauthtok(machine)


def test_passwd_in_a_session_takes_the_keyring_along(boot: Boot) -> None:
    machine = machine_with_alice(boot, "bookworm", "debian")
    with machine.ssh("alice", OLD, *TYPE) as session:
        assert session.run("printf s3cret | creds put app me").status == 0
        session.type("passwd")
        for prompt, password in (("Current", OLD), ("New", NEW), ("Retype", NEW)):
            session.expect(f"{prompt}[^\r\n]*password: ")
            session.type_secretly(password)
        session.expect("updated successfully")
        session.expect("<ready>")
    machine.run("loginctl", "terminate-user", "alice", check=False)
    machine.wait_until_gone("alice")
    with machine.ssh("alice", NEW, *TYPE) as session:
        assert session.run("creds get app me").output == "s3cret"
        assert session.run("creds-doctor").status == 0


def test_an_expired_password_leaves_the_keyring_behind(boot: Boot) -> None:
    """What nobody can help here: sshd runs passwd without XDG_RUNTIME_DIR. The hook asks."""
    machine = machine_with_alice(boot, "bookworm", "debian")
    with machine.ssh("alice", OLD, *TYPE) as session:
        assert session.run("printf s3cret | creds put app me").status == 0
    machine.run("chage", "-d", "0", "alice")
    with pytest.raises(AssertionError, match="password updated successfully"):
        machine.ssh("alice", OLD, *TYPE, answers=[OLD, NEW, NEW])  # sshd says: log in again
    machine.run("loginctl", "terminate-user", "alice", check=False)
    machine.wait_until_gone("alice")
    with machine.ssh("alice", NEW, *TYPE, answers=[OLD]) as session:
        assert session.run("creds get app me").output == "s3cret"
