"""A run of the tests is like the one before; new counterexamples are hunted for when asked.

``CREDS_HUNT=20000 pytest tests/property`` tries so many random examples of each property.
If CI is set, a test that is skipped has failed: a missing program must not hide what it would show.
``CREDS_NIGHTLY=1`` also runs the tests that are marked ``nightly``; otherwise they are deselected.
Those that are marked ``selinux`` run with ``CREDS_SELINUX=1`` too.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

from tests.depth import HUNT, NIGHTLY, ON_EVERY_RELEASE, SELINUX

RELEASES = ("bullseye", "bookworm", "trixie", "forky")
RELEASE = re.compile("|".join(RELEASES))
LONGEST_FIRST = (
    "test_doctor_breaks",
    "test_unlock_matrix",
    "test_pythons",
    "test_platforms",
    "test_doctor_faults",
    "test_dispatch_equals_libpam",
    "test_rekey",
    "test_no_leak",
    "test_confirmation",
)
LONGEST_AT_NIGHT = (
    "test_hostile_images",
    "test_fleet",
    "test_server",
    "test_redhat",
    "test_debian",
    "test_judge_equals_libpam",
    "test_kill",
    "test_unlock_kill",
    "test_commands",
    "test_cost",
    "test_pam_plan",
    "test_selinux",
    "test_pamd",
    "test_round_trips",
)
FIRST = (*LONGEST_FIRST, *(LONGEST_AT_NIGHT if NIGHTLY else ()))
SHARE_NOTHING = ("test_pythons",)
"""The modules whose tests need no machine in common, so that each may run in another stream."""
# With CI set, hypothesis begins from a profile of its own, so each setting is given here: a hunt is
# random there too and says how to repeat a failure, and a busy machine is slow everywhere.
settings.register_profile(
    "ours",
    max_examples=HUNT or 100,
    derandomize=not HUNT,
    print_blob=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ours")

# Tests bind sockets below tmp_path, whose address may have 107 bytes (unix(7)): a long TMPDIR
# leaves too few.
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", "/tmp")

# Whoever started the tests may have ignored these (nohup, or a shell's &), and then all that they
# start would.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)  # after -k and -m: which release's turn it is, what is left decides
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    off = [name for name, is_on in (("nightly", NIGHTLY), ("selinux", SELINUX)) if not is_on]
    left_out = {item for item in items if any(map(item.get_closest_marker, off))}
    left_out.update(_out_of_turn(items))
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]
    for item in items:
        if HUNT and is_hypothesis_test(getattr(item, "obj", None)):
            # 5,000 examples of the slowest property take three minutes on a machine with nothing
            # else to do, and the limit in pyproject.toml is five. The first mark counts.
            item.add_marker(pytest.mark.timeout(7200))
    if hasattr(config, "workerinput"):  # one of several streams (pytest-xdist)
        items.sort(key=_place)


def _out_of_turn(items: Sequence[pytest.Item]) -> Iterator[pytest.Item]:
    """Yield those tests that are marked ``in_turn`` and that run on another release of Debian.

    What differs in the release alone is one case. Every case runs, each on the next release.
    """
    if ON_EVERY_RELEASE:
        return
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("in_turn"):
            cases.setdefault(RELEASE.sub("", item.nodeid), []).append(item)
    for number, same in enumerate(cases.values()):
        yield from (item for item in same if item is not same[number % len(same)])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a module, on its release of Debian, together in one stream.

    The fixtures of a module boot one machine for each release. The marks of ``--dist=loadgroup`` do
    nothing with pytest 9.2: pytest-xdist 3.8 writes them where that one reads no name of a test.
    """
    from xdist.scheduler import LoadScopeScheduling  # not on other Pythons

    class Streams(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            module, _, name = nodeid.partition("::")
            if Path(module).stem in SHARE_NOTHING:
                return nodeid
            return "-".join([module, *(one for one in RELEASES if one in name)])

    return Streams(config, log)


def _place(item: pytest.Item) -> int:
    """Return where in the run a test begins: what takes minutes comes first, to end in time."""
    name = item.path.stem
    return FIRST.index(name) if name in FIRST else len(FIRST)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CI is set: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def core_files_later() -> Iterator[None]:
    """Let a command that runs in the process of the tests forbid core files, but not for good.

    Without CAP_SYS_RESOURCE even root cannot raise the hard limit again (setrlimit(2)), and the
    tests of core files have to start programs that leave one.
    """
    setrlimit = resource.setrlimit

    def keep_hard_limit(which: int, limits: tuple[int, int]) -> None:
        kept = resource.getrlimit(which)[1] if which == resource.RLIMIT_CORE else limits[1]
        setrlimit(which, (limits[0], kept))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resource, "setrlimit", keep_hard_limit)
        yield


KEPT = ("CI", "PYTHONDONTWRITEBYTECODE", "COVERAGE_", "PYTEST_", "CREDS_")
# These two are not switches of the tests: creds-session itself reads them.
OF_A_SESSION = ("CREDS_ASKPASS_", "CREDS_SESSION_")


@pytest.fixture(scope="module", autouse=True)
def ordinary_caller(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Hide the caller's session, home directory, programs, locale and umask from the tests here.

    Booted machines have all of that to themselves.
    """
    if request.path.is_relative_to(Path(__file__).parent / "machine"):
        yield
        return
    before = dict(os.environ)
    for name in before:
        if name.startswith(OF_A_SESSION) or not name.startswith(KEPT):
            del os.environ[name]
    programs = (str(Path(sys.executable).parent), "/usr/sbin", "/usr/bin", "/sbin", "/bin")
    os.environ["PATH"] = os.pathsep.join(programs)
    os.environ["HOME"] = str(tmp_path_factory.mktemp("home"))
    os.environ["LC_ALL"] = "C.UTF-8"
    umask = os.umask(0o022)
    yield
    os.umask(umask)
    os.environ.clear()
    os.environ.update(before)
