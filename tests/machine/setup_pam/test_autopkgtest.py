"""The tests that the Debian source package brings (debian/tests), run by autopkgtest.

Its server "null" runs them where it is itself: on a booted machine that has no network. The tests
ask for a machine of their own (isolation-machine), which that server cannot promise, and which this
machine is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.machine.support import debian_packages
from tests.machine.support.debian_packages import PAM, Built, sh
from tests.machine.support.machine import Machine

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1800)]
RELEASES = ("bookworm", "trixie")
# What the tests depend on is installed: without a network, apt is to look for nothing else.
RUN = """
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
exec autopkgtest --ignore-restrictions=isolation-machine --no-built-binaries \\
    /mnt/debs/*_all.deb /mnt/debs/creds-session_*.dsc -- null
"""


@pytest.fixture(params=RELEASES)
def machine(
    request: pytest.FixtureRequest, debian_build: Callable[[str], Built]
) -> Iterator[Machine]:
    packages = debian_build(request.param).directory
    needed = debian_packages.AUTOPKGTEST
    with debian_packages.machine(request.param, packages, needed) as started:
        yield started


def test_every_test_of_the_source_package_passes(machine: Machine) -> None:
    before = machine.sh(PAM).stdout
    done = sh(machine, RUN, check=False)
    results = dict(re.findall(r"^(\S+) +(PASS|FAIL|SKIP|FLAKY)", done.stdout, re.MULTILINE))
    assert results == {"main-job": "PASS", "library": "PASS"}, done.stdout + done.stderr
    assert done.returncode == 0
    assert machine.sh(PAM).stdout == before
    assert machine.sh("id creds-test", check=False).returncode != 0
