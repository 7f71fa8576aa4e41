"""SIGKILL at every system call that touches the disk, of apply and of revert.

Afterwards the file is the old or the new one, whole, and the next run is not in the way of it.
A sample of the calls in CI; all of them with CREDS_KILL_ALL set.
"""

from __future__ import annotations

import hashlib
import os
import re

import pytest

from tests.machine.machine import Boot, Machine

SSHD = "/etc/pam.d/sshd"
CALLS = "flock,fsync,rename,mkdir,rmdir,unlink,unlinkat,fchmod,chmod,fchown,fsetxattr,ftruncate"
KILLED = 128 + 9
EVERY = 1 if os.environ.get("CREDS_KILL_ALL") else 6


@pytest.fixture(scope="module")
def machine(boot: Boot) -> Machine:
    booted = boot("bookworm")
    booted.add_user("alice", "pw of alice")
    return booted


def digest(machine: Machine) -> str:
    return hashlib.sha256((machine.root / SSHD.lstrip("/")).read_bytes()).hexdigest()


def calls_from_the_lock_on(machine: Machine, command: str) -> list[int]:
    """Run it whole once; return the numbers of its calls from the taking of the lock on."""
    machine.sh(f"strace -f -qq -o /root/trace -e trace={CALLS} creds-setup-pam {command}")
    traced = machine.sh("cat /root/trace").stdout.splitlines()
    listed = [line for line in traced if re.search(r"^\d+ +\w+\(", line)]
    lock = next(n for n, line in enumerate(listed) if "flock(" in line)
    return list(range(lock + 1, len(listed) + 1))


def kill_at(machine: Machine, command: str, number: int) -> bool:
    """Run it until this call; tell whether it was killed there."""
    inject = f"inject={CALLS}:signal=SIGKILL:when={number}"
    done = machine.sh(f"strace -qq -o /dev/null -e {inject} creds-setup-pam {command}", check=False)
    return done.returncode == KILLED


def test_apply_and_revert_killed_anywhere(machine: Machine) -> None:
    old = digest(machine)
    to_apply = calls_from_the_lock_on(machine, "apply")
    new = digest(machine)
    assert new != old
    to_revert = calls_from_the_lock_on(machine, "revert")
    assert digest(machine) == old
    assert min(len(to_apply), len(to_revert)) > 10
    killed = []
    for number in to_apply[::EVERY]:
        killed.append(kill_at(machine, "apply", number))
        assert digest(machine) in {old, new}, f"apply killed at call {number}"
        machine.run("creds-setup-pam", "apply")  # no lock and no temporary file is in the way
        assert digest(machine) == new
        machine.run("creds-setup-pam", "revert")
        assert digest(machine) == old
    for number in to_revert[::EVERY]:
        machine.run("creds-setup-pam", "apply")
        killed.append(kill_at(machine, "revert", number))
        assert digest(machine) in {old, new}, f"revert killed at call {number}"
        machine.run("creds-setup-pam", "revert")
        assert digest(machine) == old
    assert all(killed), killed
    assert machine.sh("ls -A /etc/pam.d | grep creds", check=False).stdout == ""
    with machine.ssh("alice", "pw of alice") as session:
        assert session.run("true").status == 0
