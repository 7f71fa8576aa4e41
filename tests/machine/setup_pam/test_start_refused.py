"""A login that is not allowed to execute the keyring daemon, and who sees that in the log."""

from __future__ import annotations

import json

import pytest

from tests.machine.support.machine import Boot, Machine

DAEMON = "/usr/bin/gnome-keyring-daemon"
REFUSED = "log: gkr-pam: couldn't run gnome-keyring-daemon: Permission denied"
# On a busy machine the doctor's usual time may end before it has read the log.
DOCTOR = "creds-doctor --json --timeout 30"


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    booted = boot(request.param)
    for name in ("alice", "bob"):
        booted.add_user(name, "pw1")
    booted.run("creds-setup-pam", "apply")
    booted.run("chmod", "644", DAEMON)
    return booted


def evidence(text: str) -> list[str]:
    """Return what the doctor saw of a daemon that the login was not allowed to start."""
    found = [one for result in json.loads(text)["checks"] for one in result["findings"]]
    return [
        line for one in found if one["id"] == "daemon-start-refused" for line in one["evidence"]
    ]


def test_the_line_is_seen_by_the_user_and_by_root(machine: Machine) -> None:
    with machine.ssh("alice", "pw1") as session:
        assert REFUSED in evidence(session.run(f"{DOCTOR} 2>/dev/null").output)
        of_root = machine.run(*DOCTOR.split(), "--user", "alice", check=False).stdout
        assert REFUSED in evidence(of_root)


def test_a_line_of_an_earlier_session_of_the_same_user_does_not_count(machine: Machine) -> None:
    with machine.ssh("bob", "pw1") as session:
        assert REFUSED in evidence(session.run(f"{DOCTOR} 2>/dev/null").output)
    machine.run("chmod", "755", DAEMON)
    try:
        with machine.ssh("bob", "pw1") as session:
            # The keyring is locked, so that the doctor has a reason to look at the log.
            assert session.run("creds lock").status == 0
            assert evidence(session.run(f"{DOCTOR} 2>/dev/null").output) == []
    finally:
        machine.run("chmod", "644", DAEMON)
