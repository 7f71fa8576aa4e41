"""Measure ``creds-doctor``, with and without what it remembers about PAM's files."""

from __future__ import annotations

from pathlib import Path

from scripts.benchmarks.processes import PYTHON, command, nothing, program
from scripts.benchmarks.resources import least, used
from scripts.benchmarks.scratch_session import scratch_session
from scripts.benchmarks.turns import Job, Prepared, print_ratios, print_table

EXPECTED = (0, 1)  # no login shell is around it, which the doctor may find wrong
MEMORY = "creds-session/pam-answers.json"  # in the runtime directory


def measure(folder: Path, runs: int) -> None:
    """Measure ``creds-doctor`` in a session whose keyring is unlocked."""
    with scratch_session(folder) as variables:
        if variables is None:
            return
        memory = Path(variables["XDG_RUNTIME_DIR"], MEMORY)
        doctor = command(program("doctor"), variables, expected=EXPECTED)
        jobs: dict[str, Job | Prepared] = {
            "Python that does nothing": nothing(),
            "creds-doctor": doctor,
            "creds-doctor, nothing remembered": Prepared(
                lambda: memory.unlink(missing_ok=True), doctor
            ),
        }
        print_ratios("whole process, in a session", "Python that does nothing", jobs, runs)
        _measure_resources(variables, runs)


def _measure_resources(variables: dict[str, str], runs: int) -> None:
    """Measure the processor time and the memory beside ``keyring get``."""
    command([*program("creds"), "put", "bench", "me"], variables, stdin=b"x")()
    words = {
        "creds-doctor": program("doctor"),
        "keyring get": [PYTHON, "-m", "keyring", "get", "bench", "me"],
        "Python that does nothing": [PYTHON, "-c", "pass"],
    }
    turns = [
        {name: used(its, variables, expected=EXPECTED) for name, its in words.items()}
        for _ in range(runs)
    ]
    found = {name: least(turn[name] for turn in turns) for name in words}
    print_table(
        ("a look at a session, the least of all turns", "ms of a processor", "peak memory in MiB"),
        ((name, f"{it.cpu * 1e3:.1f}", f"{it.peak / 1024:.1f}") for name, it in found.items()),
    )
