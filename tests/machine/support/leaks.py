"""Looks for a word that must be nowhere: all the time while others work, and after them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.machine.support.machine import Machine

CANARY = "canary-of-"
GIVEN = "/opt/given"  # where a test keeps what it feeds; looked at by nobody
PROGRAM, FOUND, LOOKS = "/opt/watch/watch.py", "/opt/watch/found", "/opt/watch/looks"
LARGEST = 1 << 20  # bytes of a file that is looked at all the time

# Files too that live for a moment. systemd's own place for credentials may hold it.
WATCH = f"""
import os, stat
told, looks = set(), 0

def paths():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        yield from (f"/proc/{{pid}}/cmdline", f"/proc/{{pid}}/environ")
    for place in ("/run", "/tmp", "/var/tmp", "/dev/shm"):
        for folder, below, names in os.walk(place):
            below[:] = [name for name in below if name != "credentials"]
            yield from (os.path.join(folder, name) for name in names)

def content(path):
    try:
        found = os.lstat(path)
        if stat.S_ISREG(found.st_mode) and found.st_size < {LARGEST}:
            with open(path, "rb") as file:
                return file.read()
    except OSError:
        pass
    return b""

while True:
    for path in paths():
        if path not in told and b"{CANARY}" in content(path):
            told.add(path)
            with open("{FOUND}", "a") as out:
                print(path, file=out)
    looks += 1
    with open("{LOOKS}.new", "w") as out:
        out.write(str(looks))
    os.replace("{LOOKS}.new", "{LOOKS}")
"""
# The word is read from standard input: as an argument it would be found itself.
KEPT = "grep -rlsaF -f - /etc /home /run /tmp /var /root /dev/shm --exclude-dir=credentials"


@contextmanager
def watching(machine: Machine) -> Iterator[Watcher]:
    """Watch a machine."""
    machine.sh(f"mkdir -p /opt/watch; cat >{PROGRAM}", stdin=WATCH.encode())
    process = subprocess.Popen(machine.enter("python3", PROGRAM))
    watcher = Watcher(machine)
    try:
        watcher.wait()
        yield watcher
    finally:
        process.kill()
        process.wait()


class Watcher:
    """What the watching program has seen so far."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @property
    def looks(self) -> int:
        """How often it has looked everywhere."""
        path = self._machine.root / LOOKS[1:]
        return int(path.read_text()) if path.exists() else 0

    def wait(self) -> None:
        """Wait until it has looked everywhere once more, from now on."""
        wanted, deadline = self.looks + 2, time.monotonic() + 30
        while self.looks < wanted:
            assert time.monotonic() < deadline, "the watcher does not look"
            time.sleep(0.01)

    def found(self) -> list[str]:
        """Return the files and processes that had the word, and forget them."""
        self.wait()
        path = self._machine.root / FOUND[1:]
        if not path.exists():
            return []
        seen = path.read_text().splitlines()
        path.unlink()
        return seen

    def kept(self) -> list[str]:
        """Return the files that have the word now, core files too, and ``journal``."""
        files = self._machine.sh(KEPT, check=False, stdin=CANARY.encode()).stdout.splitlines()
        return files + (["journal"] if CANARY in self._machine.journal("--output=export") else [])
