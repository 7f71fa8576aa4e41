"""Measure ``creds-doctor``."""

from __future__ import annotations

from pathlib import Path

from scripts.benchmarks.processes import command, nothing, program
from scripts.benchmarks.scratch_session import scratch_session
from scripts.benchmarks.turns import Job, print_ratios


def measure(folder: Path, runs: int) -> None:
    """Measure ``creds-doctor`` in a session whose keyring is unlocked."""
    with scratch_session(folder) as variables:
        if variables is None:
            return
        jobs: dict[str, Job] = {
            "Python that does nothing": nothing(),
            "creds-doctor": command(program("doctor"), variables, expected=(0, 1)),
        }
        print_ratios("whole process, in a session", "Python that does nothing", jobs, runs)
