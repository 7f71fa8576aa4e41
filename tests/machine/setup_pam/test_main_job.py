"""The main job: `creds get` fails after an SSH login, one command, log in again, it works."""

from __future__ import annotations

import json
import re

import pytest

from tests.machine.support.machine import Boot, Machine
from tests.machine.support.rootfs import DBUS_BROKER

PASSWORD = "correct horse 7!"
SECRET = "s3cret of emcli"
CASES = [
    pytest.param((release, layout, units, ()), id=f"{release}-{layout}-units-{units}")
    for release in ("bookworm", "trixie")
    for layout in ("debian", "redhat")
    for units in ("on", "masked")
] + [
    # Current releases of Red Hat's family have this message bus and this layout.
    pytest.param(("trixie", "redhat", units, DBUS_BROKER), id=f"trixie-dbus-broker-units-{units}")
    for units in ("on", "masked")
]


@pytest.fixture(scope="module", params=CASES)
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    release, layout, units, packages = request.param
    booted = boot(release, layout, units=units == "on", packages=packages)
    booted.add_user("alice", PASSWORD)
    return booted


def attributes(machine: Machine) -> tuple[bytes, str]:
    content = (machine.root / "etc/pam.d/sshd").read_bytes()
    return content, machine.sh("stat -c '%a %u %g' /etc/pam.d/sshd").stdout


def test_from_red_to_green_and_back(machine: Machine) -> None:
    original = attributes(machine)

    with machine.ssh("alice", PASSWORD) as session:
        got = session.run("time -p creds get emcli sysman")
        assert got.status == 77, got
        assert "there is no login keyring yet" in got.output
        assert "Password" not in got.output
        doctor = session.run("creds-doctor")
        assert doctor.status == 1, doctor
        assert "pam-rule-missing" in doctor.output

    assert machine.run("creds-setup-pam", "check", check=False).returncode == 1
    diff = machine.run("creds-setup-pam", "diff", check=False)
    assert diff.returncode == 1
    assert re.search(r"\n\+session +\S+ +pam_gnome_keyring.so auto_start\n", diff.stdout)
    machine.run("creds-setup-pam", "apply")
    applied = attributes(machine)
    assert machine.run("creds-setup-pam", "apply").stderr.count("nothing to do") == 1
    assert attributes(machine) == applied
    assert applied[1] == original[1]
    assert machine.run("creds-setup-pam", "check").returncode == 0

    with machine.ssh("alice", PASSWORD) as session:
        put = session.run(f"printf '%s\\n' '{SECRET}' | creds put emcli sysman")
        assert put.status == 0, put
        assert session.run("creds get emcli sysman").output == SECRET
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("creds get emcli sysman").output == SECRET
        doctor = session.run("creds-doctor --json")
        assert doctor.status == 0, doctor
        report = json.loads(doctor.output)
        assert report["healthy"] is True
        assert report["schema"] == 1
        assert {daemon["uid"] for daemon in report["daemons"]} == {1000}
        assert session.run("creds-doctor").status == 0

    reverted = machine.run("creds-setup-pam", "revert")
    assert "reverted /etc/pam.d/sshd" in reverted.stderr
    assert attributes(machine) == original
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("true").status == 0
