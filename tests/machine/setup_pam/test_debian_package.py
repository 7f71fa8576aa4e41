"""The Debian packages: built, installed, used, upgraded, removed and purged on a booted machine.

The older version, from which a machine is upgraded, is the same package with another version and
another login hook.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine.support import debian_packages, rootfs
from tests.machine.support.machine import Machine, booted

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.timeout(1800),
]  # a build takes minutes on a busy host
RELEASES = ("bookworm", "trixie")
PASSWORD = "correct horse 7!"
HOOK = "/etc/profile.d/creds-session.sh"
PAM = "cd /etc/pam.d && sha256sum $(ls | grep -v '^creds-session$') && stat -c '%n %a %u %g' *"
# All that an installation can change, but for the lists and logs that dpkg itself keeps, the homes
# of users, and what a running system writes.
TREE = """
find /etc /usr /opt /var/lib -xdev \\( -path /var/lib/dpkg -o -path /var/lib/systemd \\
    -o -path /var/lib/private -o -name __pycache__ \\) -prune \\
    -o -printf '%p %y %m %U %G %l\\n' | sort
find /etc /opt /usr/bin /usr/lib/systemd -xdev -type f -exec sha256sum {} + | sort
"""
OLDER = """
cd /mnt/debs
for package in creds-session python3-creds-session; do
    rm -rf /mnt/older
    dpkg-deb --raw-extract ${package}_*-1_all.deb /mnt/older
    sed -i -E 's/^(Version: |.*\\(= )[0-9.]+-1/\\10.0.1-1/' /mnt/older/DEBIAN/control
    [ ! -e /mnt/older/etc/profile.d ] ||
        echo '# of an older version' >>/mnt/older/etc/profile.d/creds-session.sh
    dpkg-deb -Zgzip -z1 --build /mnt/older /mnt/older-$package.deb
done
rm -rf /mnt/older
"""
LIMIT = 600.0  # seconds for a command of dpkg's on a busy machine
INSTALL = "DEBIAN_FRONTEND=noninteractive dpkg --install --force-confdef --force-confold"
NEW = f"{INSTALL} /mnt/debs/*_all.deb"


@pytest.fixture(scope="module", params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def built(release: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return debian_packages.build(release, tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def machine(release: str, built: tuple[Path, str]) -> Iterator[Machine]:
    """A machine that has what the packages need, a user, and the packages as files."""
    needed = rootfs.with_packages(release, debian_packages.NEEDED)
    with booted(needed, rootfs.root_file_system(release)) as started:
        started.add_user("alice", PASSWORD)
        (started.root / "mnt/debs").mkdir()
        for package in built[0].glob("*.deb"):
            shutil.copy(package, started.root / "mnt/debs")
        sh(started, OLDER)
        yield started


@pytest.fixture(scope="module")
def before(machine: Machine) -> tuple[str, str]:
    """The files of PAM, and the whole tree, before anything is installed."""
    return machine.sh(PAM).stdout, sh(machine, TREE).stdout


def sh(machine: Machine, script: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a shell script as root that may take long."""
    return machine.run("sh", "-c", script, check=check, timeout=LIMIT)


def refused(machine: Machine, command: str, *words: str) -> None:
    """Expect that dpkg ends with an error whose lines have these words, and changes no PAM file."""
    pam = machine.sh(PAM).stdout
    done = sh(machine, command, check=False)
    assert done.returncode != 0, done.stdout
    for word in words:
        assert word in done.stderr
    assert machine.sh(PAM).stdout == pam


def test_a_second_build_makes_the_same_bytes(
    release: str, built: tuple[Path, str], tmp_path: Path
) -> None:
    again, _ = debian_packages.build(release, tmp_path, is_checked=False)
    names = [
        path.name for path in built[0].iterdir() if path.suffix in {".deb", ".dsc", ".xz", ".gz"}
    ]
    assert len([name for name in names if name.endswith(".deb")]) == 2
    for name in names:
        assert (again / name).read_bytes() == (built[0] / name).read_bytes(), name


def test_lintian_finds_nothing_that_is_not_overridden(built: tuple[Path, str]) -> None:
    assert re.findall(r"^[EWIP]: (?:python3-)?creds-session.*", built[1], re.MULTILINE) == []
    assert "O: creds-session: no-manual-page" in built[1]  # it was run


def test_it_is_not_installed_beside_an_installation_in_opt(
    machine: Machine, before: tuple[str, str]
) -> None:
    machine.sh("mkdir -p /opt/creds-session/current")
    package = "/mnt/debs/creds-session_*_all.deb"
    refused(machine, f"{INSTALL} {package}", "/opt/creds-session was installed by scripts/install")
    sh(machine, "rmdir -p /opt/creds-session/current || :; dpkg --purge creds-session || :")
    machine.sh("mkdir -p /opt")
    assert sh(machine, TREE).stdout == before[1]


def test_installing_changes_no_file_of_pam(machine: Machine, before: tuple[str, str]) -> None:
    sh(machine, f"{INSTALL} /mnt/older-*.deb")
    added = "creds-session 644 0 0\n"
    assert machine.sh(PAM).stdout.replace(added, "") == before[0]
    assert sh(machine, "dpkg --verify creds-session python3-creds-session").stdout == ""
    for name in ("creds", "creds-doctor", "creds-setup-pam"):
        assert machine.sh(f"command -v {name}").stdout == f"/usr/bin/{name}\n"
        assert machine.sh(f"head -1 /usr/bin/{name}").stdout == "#! /usr/bin/python3 -I\n"
    readme = machine.sh("cat /usr/share/doc/creds-session/README.Debian").stdout
    assert "creds-setup-pam diff" in readme


def test_nothing_is_installed_in_opt_beside_it(machine: Machine) -> None:
    rootfs.copy_checkout(machine.root / "mnt/source")
    tree = sh(machine, TREE).stdout
    done = sh(machine, "/mnt/source/scripts/install --no-packages", check=False)
    assert done.returncode == 73
    assert "the package creds-session is installed" in done.stderr
    assert sh(machine, TREE).stdout == tree


def test_the_main_job(machine: Machine) -> None:
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("creds get app me").status == 77
    machine.run("creds-setup-pam", "apply")
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("printf s3cret | creds put app me").status == 0
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("creds get app me").output == "s3cret"
        assert session.run("creds-doctor").status == 0


def test_an_upgrade_keeps_the_change_of_pam_and_an_edited_hook(machine: Machine) -> None:
    machine.sh(f"echo '# edited' >>{HOOK}")
    changed, edited = machine.sh(PAM).stdout, machine.run("cat", HOOK).stdout
    sh(machine, NEW)
    assert machine.sh(PAM).stdout == changed
    assert machine.run("cat", HOOK).stdout == edited
    assert machine.run("creds-setup-pam", "check").returncode == 0
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("creds get app me").output == "s3cret"


def test_a_change_that_waits_for_confirmation_is_reverted_after_an_upgrade(
    machine: Machine, before: tuple[str, str]
) -> None:
    machine.run("creds-setup-pam", "revert")
    machine.run("creds-setup-pam", "apply", "--confirm-within", "10m")
    sh(machine, NEW)
    timer = "creds-setup-pam-revert-*.timer"
    unit = machine.run("systemctl", "list-units", "--plain", "-q", timer).stdout.split(".timer")[0]
    machine.run("systemctl", "start", "--wait", f"{unit}.service")  # as the timer does
    assert machine.sh(PAM).stdout.replace("creds-session 644 0 0\n", "") == before[0]


def test_it_is_not_removed_if_pam_cannot_be_reverted(machine: Machine) -> None:
    machine.run("creds-setup-pam", "apply")
    manifest = "/var/lib/creds-session/checkpoints/*/manifest.json"
    machine.sh(f"cp -a {manifest} /mnt/kept; printf '{{' >$(echo {manifest})")
    refused(machine, "dpkg --remove creds-session", "PAM could not be reverted")
    assert machine.sh("dpkg -s creds-session | grep ^Status").stdout.split()[-1] == "installed"
    machine.sh(f"cp -a /mnt/kept $(echo {manifest})")
    # Nor if its library is not there.
    sh(machine, "dpkg --remove --force-depends python3-creds-session")
    refused(machine, "dpkg --remove creds-session", "does not start, and PAM is still changed")
    sh(machine, NEW)
    assert machine.run("creds-setup-pam", "check").returncode == 0


def test_removing_reverts_pam_and_removes_units(machine: Machine, before: tuple[str, str]) -> None:
    machine.run("creds", "hook", "install", "--unit", "lock")
    sh(machine, "dpkg --remove creds-session python3-creds-session")
    assert machine.sh(PAM).stdout.replace("creds-session 644 0 0\n", "") == before[0]
    assert machine.sh("find /etc/systemd -name 'creds-session*'").stdout == ""
    with machine.ssh("alice", PASSWORD) as session:  # the hook is there, and its program is not
        assert session.run("echo $-").status == 0


def test_purging_leaves_the_machine_as_it_was(machine: Machine, before: tuple[str, str]) -> None:
    sh(machine, "dpkg --purge creds-session python3-creds-session")
    assert machine.sh(PAM).stdout == before[0]
    assert sh(machine, TREE).stdout.splitlines() == before[1].splitlines()


def test_a_package_whose_library_was_removed_can_be_removed(
    machine: Machine, before: tuple[str, str]
) -> None:
    sh(machine, NEW)
    sh(machine, "dpkg --remove --force-depends python3-creds-session")
    sh(machine, "dpkg --purge creds-session python3-creds-session")
    assert sh(machine, TREE).stdout.splitlines() == before[1].splitlines()
