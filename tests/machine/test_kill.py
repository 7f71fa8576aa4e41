"""SIGKILL at a sample of the system calls that touch the disk, of apply and of revert.

Afterwards the file is the old or the new one, whole, and nothing of the killed run is in the way of
the next. CREDS_KILL_ALL=1 kills at all of these calls. tests/unit/test_transaction.py kills at each
touch of the disk, always, but without a machine.
"""

from __future__ import annotations

import hashlib
import re

import pytest

from tests.depth import KILL_ALL
from tests.machine.machine import Boot, Machine

SSHD = "/etc/pam.d/sshd"
CALLS = (
    "flock,fsync,openat,rename,renameat,renameat2,mkdir,mkdirat,rmdir,unlink,unlinkat"
    ",fchmod,chmod,fchown,fsetxattr,ftruncate"
)
KILLED = 128 + 9
APPLY_EVERY, REVERT_EVERY = (1, 1) if KILL_ALL else (6, 3)


@pytest.fixture(scope="module")
def machine(boot: Boot) -> Machine:
    booted = boot("bookworm")
    booted.add_user("alice", "pw of alice")
    return booted


def digest(machine: Machine) -> str:
    return hashlib.sha256((machine.root / SSHD.lstrip("/")).read_bytes()).hexdigest()


def calls_from_the_lock_on(machine: Machine, command: str) -> list[tuple[str, int]]:
    """Run it whole once; return its calls from the taking of the lock on, each with its count.

    A file that is opened without being created touches the disk not at all.
    """
    machine.sh(f"strace -qq -o /root/trace -e trace={CALLS} creds-setup-pam {command}")
    lines = re.findall(r"^(\w+)\((.*)", machine.sh("cat /root/trace").stdout, re.MULTILINE)
    names = [name for name, _ in lines]
    first = names.index("flock")
    return [
        (name, names[: n + 1].count(name))
        for n, (name, arguments) in enumerate(lines)
        if n >= first and (name != "openat" or "O_CREAT" in arguments)
    ]


def kill_at(machine: Machine, command: str, call: tuple[str, int]) -> bool:
    """Run it until this call; tell whether it was killed there."""
    inject = f"inject={call[0]}:signal=SIGKILL:when={call[1]}"
    done = machine.sh(f"strace -qq -o /dev/null -e {inject} creds-setup-pam {command}", check=False)
    return done.returncode in {KILLED, -9}


def test_apply_and_revert_killed_anywhere(machine: Machine) -> None:
    for command in ("apply", "revert"):  # so that the folders are there, as in the runs below
        machine.run("creds-setup-pam", command)
    old = digest(machine)
    to_apply = calls_from_the_lock_on(machine, "apply")
    new = digest(machine)
    assert new != old
    to_revert = calls_from_the_lock_on(machine, "revert")
    assert digest(machine) == old
    assert min(len(to_apply), len(to_revert)) > 10
    killed = []
    for call in to_apply[::APPLY_EVERY]:
        killed.append(kill_at(machine, "apply", call))
        assert digest(machine) in {old, new}, f"apply killed at {call}"
        machine.run("creds-setup-pam", "apply")  # no lock and no temporary file is in the way
        assert digest(machine) == new
        machine.run("creds-setup-pam", "revert")
        assert digest(machine) == old
    for call in to_revert[::REVERT_EVERY]:
        machine.run("creds-setup-pam", "apply")
        killed.append(kill_at(machine, "revert", call))
        assert digest(machine) in {old, new}, f"revert killed at {call}"
        machine.run("creds-setup-pam", "revert")
        assert digest(machine) == old
    assert all(killed), killed
    left = machine.sh("ls -A /etc/pam.d | grep creds | grep -vx creds-session", check=False)
    assert left.stdout == ""
    with machine.ssh("alice", "pw of alice") as session:
        assert session.run("true").status == 0
