"""The role server on booted machines without creds-session: by Debian packages and by a wheel."""

from __future__ import annotations

import contextlib
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.machine.support import rootfs, scratch_root
from tests.machine.support.ansible_controller import Controller, Played
from tests.machine.support.ansible_tasks import task
from tests.machine.support.debian_packages import NEEDED, Built
from tests.machine.support.machine import booted

# A package may be built first.
pytestmark = [pytest.mark.nightly, pytest.mark.timeout(3600)]
RELEASES = ("bookworm", "trixie")
LAYER = (*NEEDED, "python3-apt")  # the module apt would fetch it otherwise
PLAY = """\
- hosts: {host}
  become: true
  gather_facts: false
  roles:
    - role: creds_session.keyring.server
"""
WHEEL = """
export PIP_NO_INDEX=1 PIP_FIND_LINKS=/mnt/made/wheels
python3 -m venv /opt/tools
/opt/tools/bin/pip install --quiet setuptools wheel
cd /mnt/made/source
/opt/tools/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /mnt/made .
"""
RED_HAT = """
cp -a /etc/os-release /root/os-release
rm /etc/os-release
printf '%s\\n' ID=rocky 'NAME="Rocky Linux"' VERSION_ID=9.4 ID_LIKE=rhel >/etc/os-release
echo 'Rocky Linux release 9.4 (Blue Onyx)' >/etc/redhat-release
"""
DEBIAN = "rm /etc/redhat-release; cp -a --remove-destination /root/os-release /etc/os-release"
LEFT_BEHIND = "ls -d /tmp/creds-session-*"


@pytest.fixture(scope="module")
def fleet(controller: Controller) -> Iterator[Controller]:
    """Boot a machine of each release, with what the packages need and without creds-session."""
    with contextlib.ExitStack() as stack:
        for release in RELEASES:
            layer = rootfs.with_packages(release, LAYER)
            machine = stack.enter_context(booted(layer, rootfs.root_file_system(release)))
            controller.add(release, machine)
        yield controller


def server(fleet: Controller, host: str, *options: str, **variables: object) -> Played:
    """Run the role on one host."""
    given = {f"server_{name}": value for name, value in variables.items()}
    return fleet.play(PLAY.format(host=host), *options, variables=given)


def require_working(fleet: Controller, host: str, program: str) -> None:
    """Require that the installed program makes a change that its own timer can revert."""
    machine = fleet.machines[host]
    assert machine.sh("command -v creds-setup-pam").stdout.strip() == program
    assert machine.run("creds-setup-pam", "check").returncode == 0
    assert task(fleet, "pam", host, state="absent").changed
    made = task(fleet, "pam", host, confirm_within="10m").last(host).result
    assert made["program"] == [program]
    assert made["waits_for_confirmation"]
    assert task(fleet, "pam", host, state="absent").changed
    assert machine.run("creds-setup-pam", "check", check=False).returncode == 1
    assert machine.sh(LEFT_BEHIND, check=False).stdout == ""


@pytest.mark.parametrize("release", RELEASES)
def test_the_debian_packages(
    release: str, fleet: Controller, debian_build: Callable[[str], Built]
) -> None:
    machine = fleet.machines[release]
    packages = [str(path) for path in debian_build(release).directory.glob("*_all.deb")]
    given = {"install": "auto", "packages": [*packages, "/nowhere/creds-session-1.noarch.rpm"]}
    would = server(fleet, release, "--check", **given)
    assert would.code == 0, would.output
    assert would.changed
    assert machine.sh("command -v creds-setup-pam", check=False).returncode != 0
    done = server(fleet, release, **given)
    assert done.code == 0, done.output
    again = server(fleet, release, **given)
    assert (again.code, again.changed) == (0, []), again.output
    require_working(fleet, release, "/usr/bin/creds-setup-pam")
    machine.run("dpkg", "--purge", "creds-session", "python3-creds-session", timeout=600)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel of the checkout, which is the same for every release."""
    place = tmp_path_factory.mktemp("wheel")
    wheels = rootfs.wheels("bookworm")
    shutil.copytree(wheels, place / "made/wheels")
    rootfs.copy_checkout(place / "made/source")
    done = scratch_root.run([rootfs.root_file_system("bookworm")], place, WHEEL)
    assert done.returncode == 0, done.stderr[-2000:]
    (made,) = (place / "made").glob("*.whl")
    return made


@pytest.mark.parametrize("release", RELEASES)
def test_a_wheel(release: str, fleet: Controller, wheel: Path, tmp_path: Path) -> None:
    machine = fleet.machines[release]
    needed = tmp_path / "wheels.tar"
    with tarfile.open(needed, "w") as packed:
        packed.add(rootfs.wheels(release), ".")
    given = {"install": "wheel", "wheel": str(wheel), "wheels": str(needed)}
    would = server(fleet, release, "--check", **given)
    assert would.code == 0, would.output
    assert would.changed
    assert machine.sh("ls /opt /usr/local/sbin").stdout.count("creds") == 0
    done = server(fleet, release, **given)
    assert done.code == 0, done.output
    again = server(fleet, release, **given)
    assert (again.code, again.changed) == (0, []), again.output
    require_working(fleet, release, "/usr/local/sbin/creds-setup-pam")
    assert machine.run("creds", "--version").returncode == 0
    for program in ("creds", "creds-askpass", "creds-doctor", "creds-setup-pam"):
        first = machine.sh(f"head -n 1 $(readlink -f $(command -v {program}))").stdout
        assert first.endswith(" -I\n"), first
    machine.sh("mv /opt/creds-session-wheel/*/lib/python3.* /root")  # as with another Python
    mended = server(fleet, release, **given)
    assert mended.code == 0, mended.output
    assert mended.changed
    assert machine.run("creds-setup-pam", "--version").returncode == 0
    machine.sh("rm -r /opt/creds-session-wheel /usr/local/bin/creds* /usr/local/sbin/creds*")


def test_a_wheel_is_refused_beside_an_installation_by_the_script(
    fleet: Controller, wheel: Path
) -> None:
    machine = fleet.machines["trixie"]
    machine.sh("mkdir -p /opt/creds-session/current")
    try:
        refused = server(fleet, "trixie", install="wheel", wheel=str(wheel))
        assert refused.code != 0
        assert "Set server_install to checkout" in refused.output
        assert machine.sh("ls /opt").stdout.split() == ["creds-session"]
    finally:
        machine.sh("rm -r /opt/creds-session")


def test_red_hat_gets_rpm_files_by_dnf(fleet: Controller, tmp_path: Path) -> None:
    """The machine says that it is Rocky Linux. It has no dnf, so the play ends there."""
    machine = fleet.machines["trixie"]
    packages = [tmp_path / "creds-session-1.0.0-1.noarch.rpm", tmp_path / "creds-session_1_all.deb"]
    for path in packages:
        path.write_bytes(b"a package")
    machine.sh(RED_HAT)
    try:
        given = {"install": "auto", "packages": [str(path) for path in packages]}
        tried = server(fleet, "trixie", **given)
        assert tried.code != 0
        (failed,) = [one for one in tried.results if one.status == "failed"]
        assert failed.task.endswith("Install the packages")
        assert "dnf" in str(failed.result)
        copied = [one for one in tried.results if one.task.endswith("Copy the packages")]
        assert ".rpm" in str(copied[-1].result)
        assert ".deb" not in str(copied[-1].result)
        assert machine.sh(LEFT_BEHIND, check=False).stdout == ""
        none = server(fleet, "trixie", install="auto", packages=[str(packages[1])])
        assert "server_packages names no file that ends with .rpm" in none.output
    finally:
        machine.sh(DEBIAN)
