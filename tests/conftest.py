"""A run of the tests is like the one before; new counterexamples are hunted for when asked.

``CREDS_HUNT=20000 pytest tests/property`` tries so many random examples of each property.
If CI is set, a test that is skipped has failed: a missing program must not hide what it would show.
``CREDS_NIGHTLY=1`` also runs the tests that are marked ``nightly``; otherwise they are deselected.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator

import pytest
from hypothesis import settings

HUNT = os.environ.get("CREDS_HUNT")
if HUNT:
    settings.register_profile("hunt", max_examples=int(HUNT), deadline=None, database=None)
else:
    settings.register_profile("plain", derandomize=True, deadline=None, database=None)
settings.load_profile("hunt" if HUNT else "plain")

# Whoever started the tests may have ignored these (nohup, or a shell's &), and then all that they
# start would.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("CREDS_NIGHTLY"):
        return
    nightly = [item for item in items if item.get_closest_marker("nightly")]
    config.hook.pytest_deselected(items=nightly)
    items[:] = [item for item in items if item not in nightly]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CI is set: {report.longrepr}"
    return report
