"""The RPM packages: built, checked, installed into a Debian file system, and removed.

rpm runs the scriptlets there, and the commands change and revert Debian's PAM files.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.machine.support import rpm_packages
from tests.machine.support.capability import why_no_machine

# On a busy machine a build takes minutes.
pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1800)]
BUILD = "/mnt/source/scripts/package rpm --output /mnt/made"
# Debian's Python does not look in site-packages.
INSTALL = """
rpm --initdb
cd /etc/pam.d && sha256sum * >/mnt/before && cd /
rpm --install --nodeps /mnt/made/*.noarch.rpm
echo /usr/lib/python3.13/site-packages >/usr/lib/python3/dist-packages/site-packages.pth
rpm --verify --nodeps creds-session python3-creds-session && echo "rpm verified"
cd /etc/pam.d && sha256sum --check --quiet /mnt/before && echo "PAM as before" && cd /
creds --version
creds-setup-pam apply
cd /etc/pam.d && ! sha256sum --check --status /mnt/before && echo "PAM changed" && cd /
"""
REMOVE = """
rpm --erase --nodeps creds-session python3-creds-session
cd /etc/pam.d && sha256sum --check --quiet /mnt/before && echo "PAM reverted"
# Python has compiled the modules here; a package of Fedora's brings them compiled.
find /etc /usr /var/lib -name '*creds*session*' ! -type d ! -path '*/rpm/*'
"""
REFUSED = """
manifest=$(echo /var/lib/creds-session/checkpoints/*/manifest.json)
printf '{' >"$manifest"
rpm --erase --nodeps creds-session || echo "refused"
rpm --query creds-session
cd /etc/pam.d && ! sha256sum --check --status /mnt/before && echo "PAM is still changed"
"""
BESIDE = """
rpm --initdb
mkdir -p /opt/creds-session/current
rpm --install --nodeps /mnt/made/creds-session-*.noarch.rpm || echo "refused"
rpm --query creds-session || :
ls /usr/bin/creds || :
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The directory above that of the packages, and what was printed, with rpmlint's report."""
    reason = why_no_machine()
    if reason:
        pytest.fail(f"no root file system can be made: {reason}")
    place = tmp_path_factory.mktemp("rpm")
    done = rpm_packages.run(place, BUILD)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-4000:]}"
    return place, done.stderr + done.stdout


def lines(built: tuple[Path, str], script: str) -> list[str]:
    done = rpm_packages.run(built[0], script)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-4000:]}"
    return [*done.stdout.splitlines(), *done.stderr.splitlines()]


def test_rpmlint_finds_nothing(built: tuple[Path, str]) -> None:
    assert " 0 errors, 0 warnings" in built[1]


def test_a_second_build_makes_the_same_bytes(built: tuple[Path, str], tmp_path: Path) -> None:
    assert rpm_packages.run(tmp_path, f"{BUILD} --no-check").returncode == 0
    # The source package records the scratch directory (RPMTAG_SPEC).
    names = sorted(path.name for path in (tmp_path / "made").glob("*.noarch.rpm"))
    assert len(names) == 2
    for name in names:
        assert (built[0] / "made" / name).read_bytes() == (tmp_path / "made" / name).read_bytes()


def test_removing_reverts_pam_and_leaves_nothing(built: tuple[Path, str]) -> None:
    said = lines(built, INSTALL + REMOVE)
    wanted = ["rpm verified", "PAM as before", "PAM changed", "PAM reverted"]
    assert [line for line in said if line in wanted] == wanted
    assert not [line for line in said if line.startswith(("/etc", "/usr", "/var"))]


def test_it_is_not_removed_if_pam_cannot_be_reverted(built: tuple[Path, str]) -> None:
    said = lines(built, INSTALL + REFUSED)
    assert {"refused", "PAM is still changed"} <= set(said)
    assert any(line.startswith("creds-session-") for line in said)
    assert any("PAM could not be reverted, so the package is not removed" in line for line in said)


def test_it_is_not_installed_beside_an_installation_in_opt(built: tuple[Path, str]) -> None:
    done = rpm_packages.run(built[0], BESIDE)
    assert "refused" in done.stdout
    assert "/opt/creds-session was installed by scripts/install" in done.stderr
    assert "package creds-session is not installed" in done.stdout + done.stderr
    assert "/usr/bin/creds\n" not in done.stdout
