"""The first ever login of a new user stores and reads a secret."""

from __future__ import annotations

import pytest

from tests.machine.support.machine import Boot, Machine
from tests.machine.support.rootfs import DBUS_BROKER

PASSWORD = "correct horse 7!"
STORE_AND_READ = "printf s3cret | creds put app me && creds get app me"


CASES = [
    pytest.param(("bookworm", ()), id="bookworm"),
    pytest.param(("trixie", ()), id="trixie"),
    pytest.param(("trixie", DBUS_BROKER), id="trixie-dbus-broker"),
]


@pytest.fixture(scope="module", params=CASES)
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    release, packages = request.param
    return boot(release, packages=packages)


def test_fails_without_the_drop_in(machine: Machine) -> None:
    """The defect itself, so that the cure is known to cure something."""
    machine.run("creds-setup-pam", "apply")
    machine.sh("rm -r /etc/systemd/user/gnome-keyring-daemon.socket.d")
    machine.add_user("ghost", PASSWORD)
    with machine.ssh("ghost", PASSWORD) as session:
        stored = session.run(STORE_AND_READ)
        assert stored.status == 69, stored
        assert "does not serve the login keyring" in stored.output
        doctor = session.run("creds-doctor")
        assert doctor.status == 1
        assert "[keyring-ghost]" in doctor.output.splitlines()[0]
        session.run("systemctl --user restart gnome-keyring-daemon.service")
        unlocked = session.run(f"printf '%s' '{PASSWORD}' | creds unlock --password-stdin")
        assert unlocked.status == 0, unlocked
        assert session.run(STORE_AND_READ).output == "s3cret"
    machine.run("creds-setup-pam", "revert")


def test_a_user_who_never_logged_in(machine: Machine) -> None:
    machine.run("creds-setup-pam", "apply")
    machine.add_user("nina", PASSWORD)
    with machine.ssh("nina", PASSWORD) as session:
        assert session.run(STORE_AND_READ).output == "s3cret"
        assert session.run("creds-doctor").status == 0
    machine.run("loginctl", "terminate-user", "nina")
    machine.wait_until_gone("nina")
    with machine.ssh("nina", PASSWORD) as session:
        assert session.run("creds get app me").output == "s3cret"
    machine.run("creds-setup-pam", "revert")


def test_a_user_whose_manager_ran_while_apply_ran(machine: Machine) -> None:
    machine.add_user("olga", PASSWORD)
    with machine.ssh("olga", PASSWORD) as before:
        assert before.run("secret-tool lookup a b").status == 1  # starts a daemon, keyringless
        assert any("gnome-keyring-daemon" in line for line in machine.processes("olga"))
        applied = machine.run("creds-setup-pam", "apply")
        assert "olga: has no keyring yet" in applied.stderr
        with machine.ssh("olga", PASSWORD) as again:
            assert again.run(STORE_AND_READ).output == "s3cret"
    reverted = machine.run("creds-setup-pam", "revert")
    assert "gnome-keyring-daemon.socket.d/creds-session.conf" in reverted.stderr
    assert not (machine.root / "etc/systemd/user/gnome-keyring-daemon.socket.d").exists()
