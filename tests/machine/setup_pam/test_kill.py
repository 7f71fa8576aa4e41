"""SIGKILL, other signals and a lost connection at a sample of the calls that touch the disk.

Afterwards the file is the old or the new one, whole, and nothing of the killed run is in the way of
the next. But for SIGKILL the timer and its note are there if, and only if, the change is; SIGKILL
is mended by the next command. CREDS_KILL_ALL=1 does it at all of these calls.
tests/unit/setup_pam/test_transaction.py and test_interrupted.py do it at each touch of the disk,
always, but without a machine.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.depth import KILL_ALL, KILLED_CALLS
from tests.machine.support.login import Login
from tests.machine.support.machine import Boot, Machine, wait_until

# At every system call a test takes minutes, and more if others run beside it.
pytestmark = pytest.mark.timeout(3600 if KILL_ALL else 300)
SSHD = "/etc/pam.d/sshd"
CALLS = (
    "flock,fsync,openat,rename,renameat,renameat2,mkdir,mkdirat,rmdir,unlink,unlinkat"
    ",linkat,symlinkat,pwrite64,fchmod,chmod,fchown,fsetxattr,ftruncate"
)
KILLED = 128 + 9
ROOT = "root's own 5"
FILES = {"/etc/ssh/sshd_config.d/10-root.conf": b"PermitRootLogin yes\n"}
PENDING = "/var/lib/creds-session/pending.json"
WAITING = "apply --confirm-within 10m"
ENDING = ("HUP", "TERM", "QUIT", "INT", "PIPE")


@pytest.fixture(scope="module")
def machine(boot: Boot) -> Machine:
    booted = boot("bookworm", files=FILES)
    booted.add_user("alice", "pw of alice")
    booted.run("chpasswd", stdin=f"root:{ROOT}\n".encode())
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


def sample(calls: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return as many of them as this run goes to, from the first to the last, evenly."""
    count = min(KILLED_CALLS, len(calls))
    return [calls[n * (len(calls) - 1) // (count - 1)] for n in range(count)]


def kill_at(machine: Machine, command: str, call: tuple[str, int]) -> bool:
    """Run it until this call; tell whether it was killed there."""
    return send_at(machine, command, call, "KILL") in {KILLED, -9}


def send_at(machine: Machine, command: str, call: tuple[str, int], name: str) -> int:
    """Run it, and let this signal come at this call; return the exit code."""
    inject = f"inject={call[0]}:signal=SIG{name}:when={call[1]}"
    strace = f"strace -qq -o /dev/null -e {inject} creds-setup-pam {command}"
    return machine.sh(strace, check=False).returncode


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
    for call in sample(to_apply):
        killed.append(kill_at(machine, "apply", call))
        assert digest(machine) in {old, new}, f"apply killed at {call}"
        machine.run("creds-setup-pam", "apply")  # no lock and no temporary file is in the way
        assert digest(machine) == new
        machine.run("creds-setup-pam", "revert")
        assert digest(machine) == old
    for call in sample(to_revert):
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


@pytest.fixture(scope="module")
def calls(machine: Machine) -> list[tuple[str, int]]:
    """Return a sample of the calls of an apply that waits; leave the machine unchanged."""
    machine.run("creds-setup-pam", "revert")
    found = calls_from_the_lock_on(machine, WAITING)
    machine.run("creds-setup-pam", "revert")
    return sample(found)


@pytest.fixture
def old(machine: Machine) -> str:
    """Start from a machine without our change; return the digest of its file."""
    machine.run("creds-setup-pam", "revert")
    return digest(machine)


def is_whole(machine: Machine) -> bool:
    """Tell whether a change that waits was done and verified, so that nothing is to be mended."""
    begun = (
        f"""grep -l '"since": null' {PENDING}""",
        "grep -l 'in progress' /var/lib/creds-session/checkpoints/*/manifest.json",
    )
    return all(what_waits(machine)) and not any(
        machine.sh(look, check=False).stdout for look in begun
    )


def what_waits(machine: Machine) -> tuple[bool, bool, bool]:
    """Tell whether there are a timer, a note and a unit for the next boot."""
    timers = machine.run(
        "systemctl", "list-units", "--plain", "-q", "creds-setup-pam-revert-*.timer"
    )
    unit = "/etc/systemd/system/creds-setup-pam-revert.service"
    there = [
        machine.run("test", "-e", path, check=False).returncode == 0 for path in (PENDING, unit)
    ]
    return bool(timers.stdout), there[0], there[1]


def test_a_signal_anywhere_leaves_all_of_an_apply_that_waits_or_nothing(
    machine: Machine, calls: list[tuple[str, int]], old: str
) -> None:
    ends = set()
    for call, name in zip(calls, itertools.cycle(ENDING)):
        code = send_at(machine, WAITING, call, name)
        is_changed = digest(machine) != old
        assert what_waits(machine) == (is_changed,) * 3, (call, name, code)
        ends.add(is_changed)
        assert (code == 0) == (name == "PIPE"), (call, name, code)  # Python ignores SIGPIPE
        machine.run("creds-setup-pam", "revert")
        assert digest(machine) == old
    assert False in ends


def test_a_killed_apply_that_waits_is_said_by_any_command_and_undone_by_one_that_changes(
    machine: Machine, calls: list[tuple[str, int]], old: str
) -> None:
    said = []
    commands = itertools.cycle((("check", "confirm"), ("diff", "apply"), ("explain", "confirm")))
    for call, (looking, command) in zip(calls[:: 1 if KILL_ALL else 2], commands):
        assert kill_at(machine, WAITING, call)
        has_timer, has_note, _unit = what_waits(machine)
        if digest(machine) != old:
            assert (has_timer, has_note) == (True, True), call
        stays = is_whole(machine)  # it was killed after all that counts
        left = (digest(machine), what_waits(machine))
        looked = machine.run("creds-setup-pam", looking, check=False)
        assert (digest(machine), what_waits(machine)) == left, (call, looking)
        if has_note:
            assert ("has not finished its change" in looked.stderr) != stays, (call, looked)
        done = machine.run("creds-setup-pam", command, check=False)
        said.append("an earlier run was ended before it was done" in done.stderr)
        if has_note:
            assert said[-1] != stays, (call, command, done)
        assert what_waits(machine) == (stays,) * 3, (call, command)
        changed = stays or command == "apply"
        assert (digest(machine) != old) == changed, (call, command, done)
        machine.run("creds-setup-pam", "revert")
        assert digest(machine) == old
    assert any(said)


@contextmanager
def begun_by_ssh(machine: Machine, session: Login, call: tuple[str, int]) -> Iterator[None]:
    """Start an apply in this session that takes two seconds over one call; wait for its end."""
    machine.sh("rm -f /run/gate /run/pid; mkfifo /run/gate")
    begin = f"echo $$ >/run/pid; read x </run/gate; exec creds-setup-pam {WAITING}"
    session.type(f"sh -c '{begin}'")
    wait_until(lambda: machine.sh("cat /run/pid", check=False).stdout.strip() != "")
    pid = machine.sh("cat /run/pid").stdout.strip()
    delay = f"inject={call[0]}:delay_enter=2000000:when={call[1]}"
    strace = machine.enter("strace", "-qq", "-o", "/dev/null", "-e", delay, "-p", pid)
    with subprocess.Popen(strace):
        status = f"cat /proc/{pid}/status"
        wait_until(lambda: "TracerPid:\t0" not in machine.sh(status).stdout)
        machine.sh("echo >/run/gate")
        wait_until(lambda: all(is_held(machine, pid) for _ in range(4)))
        yield


def is_held(machine: Machine, pid: str) -> bool:
    """Tell whether strace delays this process now; a call that is only traced takes no time."""
    time.sleep(0.05)
    return "tracing stop" in machine.sh(f"cat /proc/{pid}/status", check=False).stdout


def test_a_lost_connection_anywhere_leaves_all_of_an_apply_that_waits_or_nothing(
    machine: Machine, calls: list[tuple[str, int]], old: str
) -> None:
    for call in calls[1 :: 1 if KILL_ALL else 3]:
        session = machine.ssh("root", ROOT)
        with begun_by_ssh(machine, session, call):
            session.cut()
        is_changed = digest(machine) != old
        assert what_waits(machine) == (is_changed,) * 3, call
        machine.run("creds-setup-pam", "revert")
        assert digest(machine) == old
