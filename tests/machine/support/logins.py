"""Whole logins by ssh, with the login hook and without: what they start, and how long they take.

python -m tests.machine.support.logins [RELEASE] [--runs N] [--crowd N]    as root: times, in turn
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.machine.support import rootfs
from tests.machine.support.machine import Machine, booted

PASSWORD = "correct horse 7!"
HOOK, AWAY = "/etc/profile.d/creds-session.sh", "/opt/hook-away"
ASKPASS = f"#!/bin/sh\necho '{PASSWORD}'\n"
FILES = {
    "/opt/askpass": ASKPASS.encode(),
    "/etc/ssh/sshd_config.d/10-crowd.conf": b"MaxStartups 200\n",
}
LOGIN = (
    *("env", "SSH_ASKPASS=/opt/askpass", "SSH_ASKPASS_REQUIRE=force", "TERM=plain"),
    *("ssh", "-tt", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"),
    *("-o", "UserKnownHostsFile=/dev/null", "alice@127.0.0.1"),
)
TRACE = "/opt/trace"
STARTED = re.compile(r"^(\d+) +(?:<\.\.\. )?(?:clone3?|fork|vfork)\b.* = (\d+)$")
RUN = re.compile(r'^(\d+) +execve\("([^"]*)", \["([^"]*)".*(?: = 0|<unfinished \.\.\.>)$')


def prepare(machine: Machine) -> None:
    """Make alice, whose keyring PAM opens."""
    machine.run("chmod", "755", "/opt/askpass")
    machine.run("creds-setup-pam", "apply")
    machine.add_user("alice", PASSWORD)
    log_in(machine)


def log_in(machine: Machine) -> float:
    """Log in by password at a terminal, log out; return the seconds from first to last."""
    began = time.monotonic()
    done = machine.run(*LOGIN, stdin=b"exit\n", timeout=300)
    seconds = time.monotonic() - began
    assert "logout" in done.stdout, done
    return seconds


def end_all(machine: Machine) -> None:
    """End alice's daemon, bus and manager, so that the next login is their first."""
    machine.wait_until_gone("alice")


@contextmanager
def without_hook(machine: Machine) -> Iterator[None]:
    """Take the hook away for a while."""
    machine.run("mv", HOOK, AWAY)
    yield
    machine.run("mv", AWAY, HOOK)


def started_by_login(machine: Machine) -> list[str]:
    """Log in; return what alice's login shell started: each process's programs, in order."""
    listener = machine.run("systemctl", "show", "--property=MainPID", "--value", "ssh").stdout
    command = machine.enter(
        *("strace", "--follow-forks", "--quiet=all", "--trace=execve,clone,clone3,fork,vfork"),
        *("--string-limit=200", f"--output={TRACE}", f"--attach={listener.strip()}"),
    )
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as tracer:
        status = f"/proc/{listener.strip()}/status"
        machine.sh(f"until grep -q 'TracerPid:.*[1-9]' {status}; do sleep 0.02; done")
        log_in(machine)
        tracer.terminate()
    return _below_login_shell((machine.root / TRACE[1:]).read_text())


def _below_login_shell(trace: str) -> list[str]:
    programs: dict[str, list[str]] = {}
    parents: dict[str, str] = {}
    shell = ""
    for line in trace.splitlines():
        if forked := STARTED.match(line):
            parents[forked[2]] = forked[1]
        elif run := RUN.match(line):
            programs.setdefault(run[1], []).append(run[2])
            shell = run[1] if run[3] == "-bash" else shell
    assert shell, trace
    return [" ".join(programs.get(pid, ["-"])) for pid in parents if _is_below(pid, shell, parents)]


def _is_below(pid: str, above: str, parents: dict[str, str]) -> bool:
    while pid in parents:
        pid = parents[pid]
        if pid == above:
            return True
    return False


def measure(machine: Machine, runs: int, before: Callable[[Machine], None]) -> None:
    """Print the medians of logins in turn, and how they stand to each other."""
    took: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(runs):
        before(machine)
        took[True].append(log_in(machine))
        before(machine)
        with without_hook(machine):
            took[False].append(log_in(machine))
    _tell(took)


def crowd(machine: Machine, size: int, rounds: int = 3) -> None:
    """Print how long so many logins at the same moment take, until the last is over."""
    took: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(rounds):
        took[True].append(_at_once(machine, size))
        with without_hook(machine):
            took[False].append(_at_once(machine, size))
    _tell(took)


def _at_once(machine: Machine, size: int) -> float:
    began = time.monotonic()
    with ThreadPoolExecutor(size) as people:
        list(people.map(lambda _: log_in(machine), range(size)))
    return time.monotonic() - began


def _tell(took: dict[bool, list[float]]) -> None:
    hook, none = statistics.median(took[True]), statistics.median(took[False])
    spread = f"{min(took[True]):.3f}-{max(took[True]):.3f}"
    spread += f", {min(took[False]):.3f}-{max(took[False]):.3f}"
    print(f"  hook {hook:.3f} s, none {none:.3f} s, ratio {hook / none:.3f} ({spread})", flush=True)


def main() -> None:
    """Boot a machine, and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("release", nargs="?", default="trixie")
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--crowd", type=int, default=50)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="creds-logins-") as place:
        layers = rootfs.installed(asked.release, Path(place) / "installed")
        with booted(*layers, files=FILES) as machine:
            prepare(machine)
            print(f"{asked.release}: a login where the keyring was seen open, {asked.runs} each")
            measure(machine, asked.runs, lambda _: None)
            print(f"{asked.release}: the first login of a daemon, {asked.runs} each")
            measure(machine, asked.runs, end_all)
            log_in(machine)
            print(f"{asked.release}: {asked.crowd} logins at the same moment, 3 times each")
            crowd(machine, asked.crowd)


if __name__ == "__main__":
    main()
