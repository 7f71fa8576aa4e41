"""Measure the commands that look at a session whose keyring is unlocked already."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from scripts.benchmarks.processes import PYTHON, command, is_installed, nothing, program
from scripts.benchmarks.scratch_session import scratch_session
from scripts.benchmarks.turns import Job, print_ratios


def measure(folder: Path, runs: int) -> None:
    """Measure ``creds status`` and ``creds unlock`` beside other commands that start a session."""
    with scratch_session(folder) as variables:
        if variables is None:
            return
        in_session, creds = partial(command, variables=variables), program("creds")
        jobs: dict[str, Job] = {
            "Python that does nothing": nothing(),
            "creds unlock, unlocked already": in_session([*creds, "unlock", "--quiet"]),
            "creds status": in_session([*creds, "status"]),
            "keyring --list-backends": in_session([PYTHON, "-m", "keyring", "--list-backends"]),
            "gnome-keyring-daemon --start": in_session(["gnome-keyring-daemon", "--start"]),
        }
        if is_installed("keychain", "keychain"):  # one agent, found again by each login
            keychain = ["keychain", "--quiet", "--noask", "--nogui", "--agents", "ssh", "--eval"]
            jobs["keychain --quiet --eval"] = in_session(keychain)
        print_ratios("whole process, in a session", "Python that does nothing", jobs, runs)
