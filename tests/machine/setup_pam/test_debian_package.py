"""The Debian packages: built, installed, used, upgraded, removed and purged on a booted machine.

The older version, from which a machine is upgraded, is the same package with another version and
another login hook. test_debian_package_trouble.py is about what goes wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.machine.support import debian_packages, rootfs
from tests.machine.support.debian_packages import INSTALL, NEW, PAM, TREE, Built, sh
from tests.machine.support.machine import Machine

# A build takes minutes on a busy host.
pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1800)]
RELEASES = ("bookworm", "trixie")
PASSWORD = "correct horse 7!"
HOOK = "/etc/profile.d/creds-session.sh"


@pytest.fixture(scope="module", params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def built(release: str, debian_build: Callable[[str], Built]) -> Built:
    return debian_build(release)


@pytest.fixture(scope="module")
def machine(release: str, built: Built) -> Iterator[Machine]:
    with debian_packages.machine(release, built.directory) as started:
        for name in ("alice", "bob"):
            started.add_user(name, PASSWORD)
        yield started


@pytest.fixture(scope="module")
def before(machine: Machine) -> tuple[str, str]:
    """The files of PAM, and the whole tree, before anything is installed."""
    return machine.sh(PAM).stdout, sh(machine, TREE).stdout


def differing(first: Path, second: Path) -> list[str]:
    """Return the names of the files that a second build made otherwise, or did not make."""
    names = [path.name for path in first.iterdir() if path.suffix in {".deb", ".dsc", ".xz", ".gz"}]
    assert len([name for name in names if name.endswith(".deb")]) == 2
    return [name for name in names if (first / name).read_bytes() != (second / name).read_bytes()]


def test_a_second_build_makes_the_same_bytes(release: str, built: Built, tmp_path: Path) -> None:
    again, _ = debian_packages.build(release, tmp_path, is_checked=False)
    assert differing(built.directory, again) == []


def test_lintian_finds_nothing_that_is_not_overridden(built: Built) -> None:
    assert re.findall(r"^[EWIPX]: (?:python3-)?creds-session.*", built.report, re.MULTILINE) == []
    assert "O: creds-session: initial-upload-closes-no-bugs" in built.report  # it was run


def test_it_is_built_on_the_next_release_too(debian_build: Callable[[str], Built]) -> None:
    names = {path.suffix for path in debian_build("forky").directory.iterdir()}
    assert ".deb" in names


def test_installing_changes_no_file_of_pam(machine: Machine, before: tuple[str, str]) -> None:
    sh(machine, f"{INSTALL} /mnt/older-*.deb")
    assert machine.sh(PAM).stdout == before[0]
    assert sh(machine, "dpkg --verify creds-session python3-creds-session").stdout == ""
    for name in ("creds", "creds-doctor", "creds-setup-pam"):
        assert machine.sh(f"command -v {name}").stdout == f"/usr/bin/{name}\n"
        options = "-IS" if name == "creds" else "-I"
        first = machine.sh(f"head -1 /usr/bin/{name}").stdout
        assert first == f"#!/usr/bin/python3 {options}\n"
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
    shown = machine.run("creds-setup-pam", "diff", check=False)
    assert (shown.returncode, "+++" in shown.stdout) == (1, True)
    machine.run("creds-setup-pam", "apply")
    for user in ("alice", "bob"):  # the first login of bob
        with machine.ssh(user, PASSWORD) as session:
            assert session.run("printf s3cret | creds put app me").status == 0
        with machine.ssh(user, PASSWORD) as session:
            assert session.run("creds get app me").output == "s3cret"
            assert session.run("creds-doctor").status == 0


def test_an_upgrade_keeps_the_change_of_pam_and_edited_files(machine: Machine) -> None:
    machine.sh(f"for file in {HOOK} /etc/pam.d/creds-session; do echo '# edited' >>$file; done")
    edited = machine.sh(f"cat {HOOK} /etc/pam.d/creds-session").stdout
    changed = machine.sh(PAM).stdout
    sh(machine, NEW)
    assert machine.sh(PAM).stdout == changed
    assert machine.sh(f"cat {HOOK} /etc/pam.d/creds-session").stdout == edited
    assert machine.run("creds-setup-pam", "check").returncode == 0
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("creds get app me").output == "s3cret"


def test_a_change_that_waits_for_confirmation_is_reverted_after_an_upgrade(
    machine: Machine, before: tuple[str, str]
) -> None:
    machine.run("creds-setup-pam", "revert")
    sh(machine, f"{INSTALL} --force-downgrade /mnt/older-*.deb")
    machine.run("creds-setup-pam", "apply", "--confirm-within", "10m")
    sh(machine, NEW)
    waiting = machine.run("creds-setup-pam", "check", check=False)
    assert "waits for confirmation" in waiting.stdout + waiting.stderr
    timer = "creds-setup-pam-revert-*.timer"
    unit = machine.run("systemctl", "list-units", "--plain", "-q", timer).stdout.split(".timer")[0]
    machine.run("systemctl", "start", "--wait", f"{unit}.service")  # as the timer does
    assert machine.sh(PAM).stdout == before[0]


def test_removing_reverts_pam_and_removes_units(machine: Machine, before: tuple[str, str]) -> None:
    machine.run("creds-setup-pam", "apply")
    machine.run("creds", "hook", "install", "--unit", "lock")
    sh(machine, "dpkg --remove creds-session python3-creds-session")
    assert machine.sh(PAM).stdout == before[0]
    assert machine.sh("find /etc/systemd -name 'creds-session*'").stdout == ""
    with machine.ssh("alice", PASSWORD) as session:  # the hook is there, and its program is not
        assert session.run("echo $-").status == 0


def test_purging_leaves_the_machine_as_it_was(machine: Machine, before: tuple[str, str]) -> None:
    sh(machine, "dpkg --purge creds-session python3-creds-session")
    assert machine.sh(PAM).stdout == before[0]
    assert sh(machine, TREE).stdout.splitlines() == before[1].splitlines()
