"""Many logins at the same moment: one daemon each, all open."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.machine.support.machine import Boot, Machine

PASSWORD = "correct horse 7!"
CROWD = 50
PATIENCE = 180.0  # seconds; two processors take a while for so many


@pytest.fixture(scope="module")
def machine(boot: Boot) -> Machine:
    files = {"/etc/ssh/sshd_config.d/10-crowd.conf": b"MaxStartups 200\n"}
    booted = boot("bookworm", files=files)
    booted.run("creds-setup-pam", "apply")
    return booted


def log_in(machine: Machine, user: str) -> str:
    with machine.ssh(user, PASSWORD, timeout=PATIENCE) as session:
        put = session.run(f"printf {user} | creds put crowd $$")
        got = session.run("creds get crowd $$")
        assert (put.status, got.status) == (0, 0), (put, got)
        return got.output


def daemons(machine: Machine, user: str) -> list[str]:
    """List those that hold keyrings: what D-Bus starts beside PAM's only watches over it."""
    running = [line for line in machine.processes(user) if "gnome-keyring-daemon" in line]
    return [line for line in running if "--start --foreground" not in line]


def test_one_person_many_times(machine: Machine) -> None:
    machine.add_user("alice", PASSWORD)
    with machine.ssh("alice", PASSWORD) as first:
        assert first.run("printf s3cret | creds put app me").status == 0
    with ThreadPoolExecutor(CROWD) as crowd:
        read = list(crowd.map(lambda _: log_in(machine, "alice"), range(CROWD)))
    assert read == ["alice"] * CROWD
    assert len(daemons(machine, "alice")) == 1
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("creds get app me").output == "s3cret"


def test_many_people_at_once(machine: Machine) -> None:
    """Each for the first time: PAM makes the keyring."""
    users = [f"user{number}" for number in range(CROWD)]
    for user in users:
        machine.add_user(user, PASSWORD)
    with ThreadPoolExecutor(CROWD) as crowd:
        read = list(crowd.map(lambda user: log_in(machine, user), users))
    assert read == users
    assert {user: len(daemons(machine, user)) for user in users} == dict.fromkeys(users, 1)
