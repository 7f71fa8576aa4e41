"""The unit and property tests on the oldest Python that is supported, and on the newest one.

The Python of Debian 12 runs them with all the other tests, or Debian 13's; nightly both do here.
"""

from __future__ import annotations

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
