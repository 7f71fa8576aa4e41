"""A run of the tests is like the one before; new counterexamples are hunted for when asked.

``CREDS_HUNT=20000 pytest tests/property`` tries so many random examples of each property.
If CI is set, a test that is skipped has failed: a missing program must not hide what it would show.
``CREDS_NIGHTLY=1`` also runs the tests that are marked ``nightly``; otherwise they are deselected.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Generator

import pytest
from hypothesis import settings

from tests.depth import HUNT, NIGHTLY

RELEASES = ("bullseye", "bookworm", "trixie", "forky")
LONGEST_FIRST = (
    "test_doctor_breaks",
    "test_unlock_matrix",
    "test_pythons",
    "test_doctor_faults",
    "test_dispatch_equals_libpam",
    "test_rekey",
    "test_no_leak",
    "test_confirmation",
)
if HUNT:
    settings.register_profile("hunt", max_examples=HUNT, deadline=None, database=None)
else:
    settings.register_profile("plain", derandomize=True, deadline=None, database=None)
settings.load_profile("hunt" if HUNT else "plain")

# Whoever started the tests may have ignored these (nohup, or a shell's &), and then all that they
# start would.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Have the temporary directories of this run below one of its own.

    pytest's own, /tmp/pytest-of-USER, is shared by all runs of a user, and each run that begins
    closes it to others again, while tests of another run have a second user look below it.
    """
    if config.option.basetemp is None:
        own = config.option.basetemp = tempfile.mkdtemp(prefix="creds-tests-")
        config.add_cleanup(lambda: shutil.rmtree(own, ignore_errors=True))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not NIGHTLY:
        nightly = [item for item in items if item.get_closest_marker("nightly")]
        config.hook.pytest_deselected(items=nightly)
        items[:] = [item for item in items if item not in nightly]
    if hasattr(config, "workerinput"):  # one of several streams (pytest-xdist)
        for item in items:
            item.add_marker(pytest.mark.xdist_group(_stream(item)))
        items.sort(key=_place)


def _stream(item: pytest.Item) -> str:
    """Return what a test shares its stream with: its module, on its release of Debian.

    The fixtures of a module boot one machine for each release.
    """
    return "-".join([item.path.stem, *(one for one in RELEASES if one in item.name)])


def _place(item: pytest.Item) -> int:
    """Return where in the run a test begins: what takes minutes comes first, to end in time."""
    name = item.path.stem
    return LONGEST_FIRST.index(name) if name in LONGEST_FIRST else len(LONGEST_FIRST)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CI is set: {report.longrepr}"
    return report
