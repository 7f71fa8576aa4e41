"""The Debian packages where something is wrong: one clear line, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.machine.support import debian_packages
from tests.machine.support.debian_packages import (
    INSTALL,
    NEW,
    PAM,
    TREE,
    Built,
    refused,
    sh,
    state,
)
from tests.machine.support.machine import Machine

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1800)]
RELEASES = ("bookworm", "trixie")
PASSWORD = "correct horse 7!"
HOOK = "/etc/profile.d/creds-session.sh"
REMOVE = "dpkg --remove creds-session"
PURGE = "dpkg --purge creds-session python3-creds-session"
SAVED = "/var/lib/creds-session/checkpoints"


@pytest.fixture(scope="module", params=RELEASES)
def machine(
    request: pytest.FixtureRequest, debian_build: Callable[[str], Built]
) -> Iterator[Machine]:
    release: str = request.param
    with debian_packages.machine(release, debian_build(release).directory) as started:
        started.add_user("alice", PASSWORD)
        yield started


@pytest.fixture(scope="module")
def before(machine: Machine) -> tuple[str, str]:
    """The files of PAM, and the whole tree, before anything is installed."""
    return machine.sh(PAM).stdout, sh(machine, TREE).stdout


def require_untouched(machine: Machine, before: tuple[str, str]) -> None:
    """Expect the machine as it was before the first package."""
    assert machine.sh(PAM).stdout == before[0]
    assert sh(machine, TREE).stdout.splitlines() == before[1].splitlines()


def require_changed(machine: Machine, before: tuple[str, str]) -> None:
    """Expect that PAM is changed, that this is known, and that a login is possible."""
    assert machine.sh(PAM).stdout != before[0]
    assert machine.sh(f"ls -A {SAVED}").stdout != ""
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("true").status == 0


def ours(printed: str) -> list[str]:
    """Return the lines that the package's own scripts printed."""
    return [line for line in printed.splitlines() if line.startswith("creds-session: ")]


def test_it_is_not_installed_beside_an_installation_in_opt(
    machine: Machine, before: tuple[str, str]
) -> None:
    machine.sh("mkdir -p /opt/creds-session/current; echo mine >/opt/creds-session/current/file")
    printed = refused(machine, f"{INSTALL} /mnt/debs/creds-session_*_all.deb")
    (line,) = ours(printed)
    assert "/opt/creds-session was installed by scripts/install" in line
    assert "run `scripts/install --uninstall`" in line
    assert state(machine) in {"", "not-installed"}
    assert machine.sh("cat /opt/creds-session/current/file").stdout == "mine\n"
    machine.sh("rm -r /opt/creds-session")
    require_untouched(machine, before)


def test_a_package_that_lacks_what_no_network_brings_is_purged(
    machine: Machine, before: tuple[str, str]
) -> None:
    printed = refused(machine, f"{INSTALL} /mnt/broken-*.deb", "no-such-package")
    assert ours(printed) == []
    assert state(machine) == "unpacked"
    sh(machine, PURGE)
    require_untouched(machine, before)


def test_an_interrupted_upgrade_keeps_the_change_and_is_completed(
    machine: Machine, before: tuple[str, str]
) -> None:
    sh(machine, f"{INSTALL} /mnt/older-*.deb")
    machine.run("creds-setup-pam", "apply")
    machine.sh(f"echo '# edited' >>{HOOK}")
    sh(machine, "dpkg --unpack /mnt/debs/*_all.deb")
    assert state(machine) == "unpacked"
    require_changed(machine, before)
    assert machine.run("creds-setup-pam", "check").returncode == 0
    sh(machine, "DEBIAN_FRONTEND=noninteractive dpkg --force-confold --configure --pending")
    assert state(machine) == "installed"
    require_changed(machine, before)
    assert machine.sh(f"tail -1 {HOOK}").stdout == "# edited\n"


def test_a_package_that_is_removed_before_it_is_configured_says_that_pam_is_still_changed(
    machine: Machine, before: tuple[str, str]
) -> None:
    sh(machine, "dpkg --unpack /mnt/debs/*_all.deb")
    printed = sh(machine, REMOVE).stderr  # dpkg runs no prerm of such a package
    (line,) = ours(printed)
    assert "PAM is still changed" in line
    assert "creds-setup-pam revert" in line
    require_changed(machine, before)
    printed = sh(machine, PURGE).stderr
    assert any("kept /var/lib/creds-session" in line for line in ours(printed))
    require_changed(machine, before)
    sh(machine, NEW)  # as the line says
    machine.run("creds-setup-pam", "revert")
    assert machine.sh(PAM).stdout == before[0]


def test_it_is_not_removed_if_pam_cannot_be_reverted(
    machine: Machine, before: tuple[str, str]
) -> None:
    machine.run("creds-setup-pam", "apply")
    manifest = f"{SAVED}/*/manifest.json"
    machine.sh(f"cp -a {manifest} /mnt/kept; printf '{{' >$(echo {manifest})")
    (line,) = ours(refused(machine, REMOVE))
    assert "PAM could not be reverted, so the package is not removed" in line
    assert state(machine) == "installed"
    machine.sh(f"cp -a /mnt/kept $(echo {manifest})")
    # Nor if its library is not there.
    sh(machine, "dpkg --remove --force-depends python3-creds-session")
    (line,) = ours(refused(machine, REMOVE))
    assert "does not start, and PAM is still changed" in line
    sh(machine, NEW)
    assert machine.run("creds-setup-pam", "check").returncode == 0
    require_changed(machine, before)


def test_a_file_that_another_tool_has_taken_over_is_not_replaced(
    machine: Machine, before: tuple[str, str]
) -> None:
    machine.sh("mkdir /mnt/tool; mv /etc/pam.d/sshd /mnt/tool; ln -s /mnt/tool/sshd /etc/pam.d")
    (line,) = ours(refused(machine, REMOVE))
    assert "PAM could not be reverted, so the package is not removed" in line
    require_changed(machine, before)
    machine.sh("mv /mnt/tool/sshd /etc/pam.d/sshd")
    machine.run("creds-setup-pam", "apply")  # what could be reverted, was
    assert machine.run("creds-setup-pam", "check").returncode == 0


def test_lines_that_another_tool_wrote_since_stay(
    machine: Machine, before: tuple[str, str]
) -> None:
    machine.sh("cp -a /etc/pam.d/sshd /mnt/ours; echo '# of another tool' >>/etc/pam.d/sshd")
    sh(machine, REMOVE)
    assert machine.sh("tail -1 /etc/pam.d/sshd").stdout == "# of another tool\n"
    machine.sh("sed -i '$d' /etc/pam.d/sshd")
    assert machine.sh(PAM).stdout == before[0]


def test_a_package_whose_library_was_removed_can_be_removed(
    machine: Machine, before: tuple[str, str]
) -> None:
    sh(machine, "dpkg --remove --force-depends python3-creds-session")
    sh(machine, PURGE)
    require_untouched(machine, before)
