"""Measure how the time grows: with the rules of a service, and with the files of PAM."""

from __future__ import annotations

from pathlib import Path

from scripts.benchmarks.processes import command, installed, program
from scripts.benchmarks.setup_pam import SSHD, scratch_root
from scripts.benchmarks.turns import Job, Prepared, medians, print_table

RULES = (0, 250, 500, 1000)
CONTROLS = ("required", "optional", "[success=1 default=ignore]", "[default=1]", "requisite")


def measure(folder: Path, runs: int) -> None:
    """Measure ``creds-setup-pam check`` of a service with more and more rules."""
    variables = {"PYTHONPATH": installed(folder)}
    jobs: dict[str, Job | Prepared] = {}
    for count in RULES:
        root = scratch_root(folder / f"root-{count}")
        service = root / SSHD.lstrip("/")
        text = service.read_text("utf-8")
        rules = (f"auth {CONTROLS[n % len(CONTROLS)]} m{n}.so\n" for n in range(count))
        service.write_text("".join(rules) + text, "utf-8")
        check = [*program("setup_pam"), "--root", str(root), "check"]
        jobs[str(count)] = command(check, variables, expected=(0, 1))
    found = medians(jobs, runs)
    print_table(
        ("more rules of sshd", "check, seconds", "ms for each rule"),
        (
            (name, f"{taken:.3f}", f"{(taken - found['0']) / max(int(name), 1) * 1e3:.2f}")
            for name, taken in found.items()
        ),
    )
