"""The unit and property tests on the oldest Python that is supported, and on the newest one.

The Python of Debian 12 runs them with all the other tests, or Debian 13's; nightly both do here.
"""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from tests.machine import rootfs
from tests.machine.capability import why_no_machine

RELEASES = [
    pytest.param(release, marks=() if release in rootfs.PYTHON_ALONE else pytest.mark.nightly)
    for release in rootfs.RELEASES
]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("release", RELEASES)
def test_pure_tests_pass(release: str, tmp_path: Path) -> None:
    reason = why_no_machine()
    if reason:
        pytest.fail(f"no root file system can be made: {reason}")
    done = rootfs.run_pure_tests(release, tmp_path)
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_unit_tests_pass_with_the_oldest_dependencies(tmp_path: Path) -> None:
    """The lower bounds in setup.cfg, on the oldest Python."""
    done = rootfs.run_pure_tests("bullseye", tmp_path, oldest=True, tests="tests/unit")
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"


def test_the_oldest_dependencies_are_the_lower_bounds_of_setup_cfg() -> None:
    setup = configparser.ConfigParser()
    setup.read(rootfs.CHECKOUT / "setup.cfg")
    bounds = dict(
        line.split(">=") for line in setup["options"]["install_requires"].split("\n") if line
    )
    assert len(bounds) == 6
    lines = rootfs.OLDEST.read_text().splitlines()
    pinned = dict(line.rstrip(" \\").split("==") for line in lines if "==" in line)
    for name, bound in bounds.items():
        version = pinned[name].split(".")
        wanted = bound.split(".")
        assert version[: len(wanted)] == wanted, f"{name}: run scripts/pin oldest"
        assert set(version[len(wanted) :]) <= {"0"}, f"{name}: run scripts/pin oldest"
