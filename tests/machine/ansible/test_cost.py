"""The module ``pam`` costs about as much processor time as Ansible's own ``setup``."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.machine.support.rootfs import CHECKOUT

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(3600)]
FEW, MANY = 10, 40
MOST = 1.3
"""How many times the processor time of ``setup`` a job of ``pam`` may take."""
GROWTH = 1.2
"""How many times the processor time for each host may grow from a few hosts to many."""


def test_the_cost_is_near_that_of_setup_and_grows_with_the_hosts() -> None:
    sizes = [f"--hosts={count}" for count in (FEW, MANY)]
    command = [sys.executable, str(CHECKOUT / "scripts/bench-fleet"), "--runs=3", *sizes]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line[:1] == "|"]
    found = {(int(row[0]), row[1]): (float(row[3]), float(row[4])) for row in rows[2:]}
    assert len(found) == 8, done.stdout
    for (_, job), (_, ratio) in found.items():
        assert ratio <= MOST, (job, done.stdout)
    for job in {job for _, job in found}:
        assert found[MANY, job][0] <= GROWTH * found[FEW, job][0], (job, done.stdout)
