"""The unit and property tests on the oldest Python that is supported, and on the newest one.

The Python of Debian 12 runs them with all the other tests, or Debian 13's. Nightly, and where
CREDS_PYTHONS names them, every Python that is supported runs them: those of a Debian release in its
root file system, the others with an interpreter that is installed on this machine. A commit leaves
out there what no Python changes (tests/depth.py), and gives every second file of tests to each.
"""

from __future__ import annotations

import configparser
import os
from pathlib import Path

import pytest

from tests.machine.support import interpreters, rootfs
from tests.machine.support.capability import why_no_machine
from tests.machine.support.interpreters import PYTHONS, named

RELEASE_OF = {python: release for release, python in rootfs.RELEASES.items()}
IN_EACH_RUN = {rootfs.RELEASES[release] for release in rootfs.PYTHON_ALONE}
NAMED = named(os.environ.get("CREDS_PYTHONS", ""))
VERSIONS = [
    pytest.param(
        python, marks=() if python in NAMED or python in IN_EACH_RUN else [pytest.mark.nightly]
    )
    for python in (NAMED or PYTHONS)
]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("python", VERSIONS)
def test_pure_tests_pass(python: str, tmp_path: Path) -> None:
    reason = why_no_machine()
    if reason:
        pytest.fail(f"no root file system can be made: {reason}")
    if python in RELEASE_OF:
        done = rootfs.run_pure_tests(RELEASE_OF[python], tmp_path)
    else:
        done = interpreters.run_pure_tests(python)
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_unit_tests_pass_with_the_oldest_dependencies(tmp_path: Path) -> None:
    """The lower bounds in setup.cfg, on the oldest Python."""
    done = rootfs.run_pure_tests("bullseye", tmp_path, oldest=True, tests=("tests/unit",))
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"


def test_the_oldest_dependencies_are_the_lower_bounds_of_setup_cfg() -> None:
    setup = configparser.ConfigParser()
    setup.read(rootfs.CHECKOUT / "setup.cfg")
    bounds = dict(
        line.split(">=") for line in setup["options"]["install_requires"].split("\n") if line
    )
    assert len(bounds) == 5
    lines = rootfs.OLDEST.read_text().splitlines()
    pinned = dict(line.rstrip(" \\").split("==") for line in lines if "==" in line)
    for name, bound in bounds.items():
        version = pinned[name].split(".")
        wanted = bound.split(".")
        assert version[: len(wanted)] == wanted, f"{name}: run scripts/pin oldest"
        assert set(version[len(wanted) :]) <= {"0"}, f"{name}: run scripts/pin oldest"
