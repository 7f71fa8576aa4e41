"""Measure an unlocking, with a daemon and without, beside what a person would type."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path

from creds_session.system.bus.connection import Bus
from creds_session.system.secret_service.service import NAME
from scripts.benchmarks.credentials import ITEM
from scripts.benchmarks.processes import command, is_installed, program
from scripts.benchmarks.scratch_session import PASSWORD, scratch_session
from scripts.benchmarks.turns import Job, Prepared, print_ratios

# What a person would type without creds; the daemon is not on the bus yet when it
# says that it is running.
BARE = (
    "gnome-keyring-daemon --unlock --daemonize >/dev/null;"
    f" until secret-tool lookup {' '.join(ITEM)} 2>/dev/null; do :; done"
)


def measure(folder: Path, runs: int) -> None:
    """Measure ``creds unlock`` of a locked keyring."""
    if not is_installed("secret-tool", "libsecret-tools"):
        return
    with scratch_session(folder) as variables:
        if variables is not None:
            _measure(variables, runs)


def _measure(variables: dict[str, str], runs: int) -> None:
    in_session, creds = partial(command, variables=variables), program("creds")
    in_session([*creds, "put", *ITEM[1::2]], stdin=b"x")()
    lock = in_session([*creds, "lock"])
    unlock = in_session([*creds, "unlock", "--quiet", "--password-stdin"], stdin=PASSWORD)
    bare = in_session(["timeout", "20", "sh", "-c", BARE], stdin=PASSWORD)
    end = partial(_end_daemon, variables["DBUS_SESSION_BUS_ADDRESS"])
    jobs: dict[str, Job | Prepared] = {
        "bare --unlock, and secret-tool": Prepared(end, bare),
        "creds unlock, no daemon": Prepared(end, unlock),
        "creds unlock, in place": Prepared(lock, unlock),
    }
    print_ratios("an unlocking", "bare --unlock, and secret-tool", jobs, runs)


def _end_daemon(address: str) -> None:
    with Bus(address, 5) as bus:
        peer = bus.peer(NAME)
        if peer is not None:
            os.kill(peer.pid, signal.SIGKILL)
        while bus.peer(NAME) is not None:
            time.sleep(0.01)
