"""Booted machines for tests; where none can be booted the tests say so, and CI fails."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.machine.support import debian_packages, rootfs
from tests.machine.support.capability import why_no_machine
from tests.machine.support.machine import Boot, Machine, booted
from tests.machine.support.selinux_machine import VirtualMachine
from tests.trees import others
from tests.trees.tree import files_of

# For each layout, the files that are laid over Debian's.
LAYOUTS: dict[str, dict[str, bytes]] = {
    "debian": {},
    "redhat": {
        f"/etc/pam.d/{path.name}": path.read_bytes()
        for path in (rootfs.CHECKOUT / "pam.d" / "redhat" / "before").iterdir()
    },
    "arch": files_of(others.read_by_sshd(others.ARCH)),
}
UNITS_MASKED = ("user/gnome-keyring-daemon.socket", "user/gnome-keyring-daemon.service")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = str(Path(__file__).parent)
    reason = why_no_machine()
    for item in items:
        if not str(item.path).startswith(here):
            continue
        item.add_marker(pytest.mark.machine)
        # One that is asked for by a variable of its own fails where it cannot run.
        if reason and not os.environ.get("CI") and not item.get_closest_marker("selinux"):
            item.add_marker(pytest.mark.skip(reason=f"no machine can be booted: {reason}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Print the journal of its machine below a test that failed."""
    report = yield
    if report.failed:
        for name, machine in _machines(item.funcargs):
            report.sections.append((f"journal of the machine of {name!r}", machine.last_words()))
    return report


def _machines(given: Mapping[str, object]) -> Iterator[tuple[str, Machine | VirtualMachine]]:
    """Yield the machines of a test, each with the name by which the test knows it."""
    for name, value in given.items():
        if isinstance(value, dict):  # a machine for each name
            yield from _machines(value)
        machine = getattr(value, "machine", value)
        if isinstance(machine, (Machine, VirtualMachine)):
            yield name, machine


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Path]]:
    """The layers of a release with the project installed, made once a run for all streams."""
    reason = why_no_machine()
    if reason:
        pytest.fail(f"no machine can be booted: {reason}")
    own = tmp_path_factory.getbasetemp()
    of_the_run = own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own
    return lambda release: rootfs.installed(release, of_the_run / f"installed-{release}")


@pytest.fixture(scope="session")
def debian_build(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], debian_packages.Built]:
    """The Debian packages of a release, made once a run for all streams."""
    reason = why_no_machine()
    if reason:
        pytest.fail(f"no package can be built: {reason}")
    own = tmp_path_factory.getbasetemp()
    of_the_run = own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own
    return lambda release: debian_packages.built(release, of_the_run / f"packages-{release}")


@pytest.fixture(scope="module")
def boot(installation: Callable[[str], list[Path]]) -> Iterator[Boot]:
    """Boot machines that end with the module's tests."""
    with ExitStack() as machines:

        def start(
            release: str = "bookworm",
            layout: str = "debian",
            *,
            units: bool = True,
            files: dict[str, bytes] | None = None,
            packages: Sequence[str] = (),
            is_bare: bool = False,
        ) -> Machine:
            if is_bare:
                layers = [rootfs.without_packages(release), rootfs.root_file_system(release)]
            else:
                own, base = installation(release)
                more = [rootfs.with_packages(release, packages, base)] if packages else []
                layers = [own, *more, base]
            return machines.enter_context(
                booted(
                    *layers,
                    files={**LAYOUTS[layout], **(files or {})},
                    masked=() if units else UNITS_MASKED,
                )
            )

        yield start
