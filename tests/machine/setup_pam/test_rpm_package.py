"""The RPM packages: built, checked, installed into a Debian file system, and removed.

rpm runs the scriptlets there, and the commands change and revert Debian's PAM files.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.machine.support import rpm_packages
from tests.machine.support.capability import why_no_machine
from tests.machine.support.debian_packages import Built
from tests.machine.support.rootfs import CHECKOUT

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
# A package that brings a newer file for sshd, as a vendor that has moved its files does.
UPDATE = """
mkdir -p /mnt/build
cat >/mnt/build/vendor.spec <<'END'
Name: vendor-pam
Version: 1
Release: 1
Summary: A file
License: MIT
BuildArch: noarch
%description
A file.
%install
mkdir -p $RPM_BUILD_ROOT/usr/lib/pam.d
{ grep -v gnome_keyring /etc/pam.d/sshd; echo 'session optional pam_umask.so'; } \
    >$RPM_BUILD_ROOT/usr/lib/pam.d/sshd
%files
/usr/lib/pam.d/sshd
END
rpmbuild --quiet --define '_topdir /mnt/build' -bb /mnt/build/vendor.spec
rpm --install --nodeps /mnt/build/RPMS/noarch/vendor-pam-*.rpm && echo "vendor installed"
creds-setup-pam rebase && creds-setup-pam rebase --check && echo "rebased"
grep -q pam_umask.so /etc/pam.d/sshd && grep -q gnome_keyring /etc/pam.d/sshd && echo "has both"
# A service with its file in /etc: rpm knows the old one, so that lines may also go.
for version in 1 2; do
    cat >/mnt/build/door.spec <<END
Name: door
Version: $version
Release: 1
Summary: A file
License: MIT
BuildArch: noarch
%description
A file.
%install
mkdir -p \\$RPM_BUILD_ROOT/etc/pam.d
{ cat /etc/pam.d/login; echo 'session optional pam_env.so version=$version'; } \
    >\\$RPM_BUILD_ROOT/etc/pam.d/door
%files
%config(noreplace) /etc/pam.d/door
END
    rpmbuild --quiet --define '_topdir /mnt/build' -bb /mnt/build/door.spec
done
rpm --install --nodeps /mnt/build/RPMS/noarch/door-1-*.rpm
creds-setup-pam --service door apply
rpm --upgrade --nodeps /mnt/build/RPMS/noarch/door-2-*.rpm && ls /etc/pam.d/door.rpmnew
creds-setup-pam --service door rebase && grep -q version=2 /etc/pam.d/door && echo "door rebased"
chmod 0 /usr/bin/creds-setup-pam
rpm --erase --nodeps vendor-pam && echo "vendor removed"
chmod 755 /usr/bin/creds-setup-pam
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
    names = sorted(path.name for path in (tmp_path / "made").glob("*.rpm"))
    assert len([name for name in names if name.endswith(".noarch.rpm")]) == 2
    assert len([name for name in names if name.endswith(".src.rpm")]) == 1
    for name in names:
        assert (built[0] / "made" / name).read_bytes() == (tmp_path / "made" / name).read_bytes()


# What one kind of package has, and the other does not need.
DEBIAN_ALONE = {
    *("/usr/share/doc/creds-session/README.Debian", "/usr/share/doc/creds-session/copyright"),
    "/usr/share/doc/python3-creds-session/copyright",
    *(
        f"/usr/share/lintian/overrides/{name}"
        for name in ("creds-session", "python3-creds-session")
    ),
    *(
        f"/usr/share/doc/{name}/changelog{kind}.gz"
        for name in ("creds-session", "python3-creds-session")
        for kind in ("", ".Debian")
    ),
}
# Each distribution has a directory of its own for the completions of zsh that a package brings.
ZSH_COMPLETIONS = ("_creds", "_creds-askpass", "_creds-doctor", "_creds-setup-pam")
DEBIAN_ALONE |= {f"/usr/share/zsh/vendor-completions/{name}" for name in ZSH_COMPLETIONS}
RPM_ALONE = {
    *(f"/usr/share/zsh/site-functions/{name}" for name in ZSH_COMPLETIONS),
    *(f"/usr/share/doc/{name}/CHANGELOG.md" for name in ("creds-session", "python3-creds-session")),
    *(f"/usr/share/licenses/{name}/LICENSE" for name in ("creds-session", "python3-creds-session")),
}
# rpm's generator of pip keeps the licence and these, which dh_python3 removes.
METADATA = re.compile(r"\.dist-info/(RECORD|REQUESTED|INSTALLER|direct_url\.json|licenses|LICENSE)")


def paths(printed: str) -> set[str]:
    """Return the paths of files in a list, with one name for the library's place in both kinds."""
    listed = {line.lstrip(".") for line in printed.splitlines()}
    moved = {re.sub(r"/python3[.\d]*/(site|dist)-packages/", "/python/", path) for path in listed}
    return {path for path in moved if not path.endswith("/") and not METADATA.search(path)}


def test_the_packages_have_the_files_of_the_debian_packages(
    built: tuple[Path, str], debian_build: Callable[[str], Built]
) -> None:
    script = "rpm -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\\n]' /mnt/made/*.noarch.rpm"
    listed = rpm_packages.run(built[0], script)
    assert listed.returncode == 0, listed.stderr
    files = [line.split(" ", 1) for line in listed.stdout.splitlines()]
    ours = paths("\n".join(path for mode, path in files if not mode.startswith("d")))
    theirs: set[str] = set()
    for package in debian_build(rpm_packages.RELEASE).directory.glob("*.deb"):
        content = subprocess.run(
            ["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True
        ).stdout
        theirs |= paths(
            subprocess.run(
                ["tar", "--list"], input=content, check=True, capture_output=True
            ).stdout.decode()
        )
    assert ours - theirs == RPM_ALONE
    assert theirs - ours == DEBIAN_ALONE
    assert len(ours & theirs) > 300
    examples = {path.name for path in (CHECKOUT / "scripts/monitoring").iterdir()}
    place = "/usr/share/doc/creds-session/examples/monitoring"
    assert {f"{place}/{name}" for name in examples} <= ours


def test_removing_reverts_pam_and_leaves_nothing(built: tuple[Path, str]) -> None:
    said = lines(built, INSTALL + REMOVE)
    wanted = ["rpm verified", "PAM as before", "PAM changed", "PAM reverted"]
    assert [line for line in said if line in wanted] == wanted
    assert not [line for line in said if line.startswith(("/etc", "/usr", "/var"))]


def test_an_update_is_checked_and_never_fails(built: tuple[Path, str]) -> None:
    said = lines(built, INSTALL + UPDATE + "creds-setup-pam revert\n")
    wanted = ["PAM changed", "vendor installed", "rebased", "has both", "door rebased"]
    wanted.append("vendor removed")
    assert [line for line in said if line in wanted] == wanted
    newer = "creds-setup-pam: /etc/pam.d/sshd: /usr/lib/pam.d/sshd is newer than the vendor's file"
    assert any(line.startswith(newer) for line in said)
    assert any("/etc/pam.d/door.rpmnew is newer" in line for line in said)


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
