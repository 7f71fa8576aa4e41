"""Build the Debian packages of the checkout, and boot machines on which they are installed.

They are built in the file system of a release that is not booted.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.machine.support import rootfs, scratch_root
from tests.machine.support.machine import Machine, booted

NEEDED = tuple(
    f"python3-{name}" for name in ("cryptography", "jeepney", "keyring", "pampy", "pexpect", "rich")
)
"""What the packages depend on and not every machine of the tests has."""
TOOLS = (
    *("debhelper", "dh-python", "build-essential", "dpkg-dev", "lintian"),
    *("pybuild-plugin-pyproject", "python3-all", "python3-setuptools"),
    *NEEDED,
)
AUTOPKGTEST = (*NEEDED, "autopkgtest", "dpkg-dev")
BUILD = "/mnt/source/scripts/package deb --output /mnt/made"


def build(release: str, place: Path, *, is_checked: bool = True) -> tuple[Path, str]:
    """Return a directory with the packages, and what was printed, lintian's report included.

    ``place`` is an empty directory. ``is_checked`` says whether lintian is run. Raises RuntimeError
    if a package cannot be built or lintian finds something that is not overridden.
    """
    layers = (rootfs.with_packages(release, TOOLS), rootfs.root_file_system(release))
    done = scratch_root.run(layers, place, BUILD if is_checked else f"{BUILD} --no-check")
    if done.returncode != 0:
        raise RuntimeError(f"scripts/package failed:\n{done.stdout}\n{done.stderr[-4000:]}")
    return place / "made", done.stderr


class Built(NamedTuple):
    """The packages of a release."""

    directory: Path
    report: str
    """What was printed while they were built and checked by lintian."""


def built(release: str, place: Path) -> Built:
    """Return the packages of a release; the first caller, of all processes, builds them."""
    with rootfs._alone(place):
        if not (place / "report").exists():
            shutil.rmtree(place, ignore_errors=True)
            _, printed = build(release, place)
            (place / "report").write_text(printed)
    return Built(place / "made", (place / "report").read_text())


PAM = """
cd /etc/pam.d
files=$(ls | grep -v '^creds-session')
sha256sum $files
stat -c '%n %a %u %g' $files
"""
"""Prints the content, the mode and the owner of each PAM file that another package owns."""
# All that an installation can change, but for the lists and logs that dpkg itself keeps, and what a
# running system writes.
TREE = """
find /etc /usr /opt /var/lib -xdev \\( -path /var/lib/dpkg -o -path /var/lib/systemd \\
    -o -path /var/lib/private -o -name __pycache__ \\) -prune \\
    -o -printf '%p %y %m %U %G %l\\n' | sort
find /etc /opt /usr/bin /usr/lib/systemd -xdev -type f -exec sha256sum {} + | sort
"""
"""Prints the tree of the machine, and the content of what is not unpacked from other packages."""
OLDER = """
cd /mnt/debs
for package in creds-session python3-creds-session; do
    dpkg-deb --raw-extract ${package}_*-1_all.deb /mnt/older
    sed -i -E 's/^(Version: |.*\\(= )[0-9.]+-1/\\10.0.1-1/' /mnt/older/DEBIAN/control
    [ ! -e /mnt/older/etc/profile.d ] ||
        echo '# of an older version' >>/mnt/older/etc/profile.d/creds-session.sh
    dpkg-deb -Zgzip -z1 --build /mnt/older /mnt/older-$package.deb
    sed -i 's/^Depends: /&no-such-package, /' /mnt/older/DEBIAN/control
    dpkg-deb -Zgzip -z1 --build /mnt/older /mnt/broken-$package.deb
    rm -r /mnt/older
done
"""
"""Makes an older version with another login hook, and one that needs what no network brings."""
INSTALL = (
    "DEBIAN_FRONTEND=noninteractive"
    " dpkg --force-unsafe-io --force-confdef --force-confold --install"
)
NEW = f"{INSTALL} /mnt/debs/*_all.deb"
LIMIT = 600.0
"""The seconds that a command of dpkg's may take on a busy machine."""


@contextlib.contextmanager
def machine(release: str, packages: Path, needed: Sequence[str] = NEEDED) -> Iterator[Machine]:
    """Boot a machine with what the packages need, and the packages as files, an older one too."""
    layer = rootfs.with_packages(release, needed)
    with booted(layer, rootfs.root_file_system(release)) as started:
        (started.root / "mnt/debs").mkdir()
        for package in packages.iterdir():
            shutil.copy(package, started.root / "mnt/debs")
        sh(started, OLDER)
        yield started


def sh(machine: Machine, script: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a shell script as root that may take long."""
    return machine.run("sh", "-c", script, check=check, timeout=LIMIT)


def refused(machine: Machine, command: str, *words: str) -> str:
    """Expect that dpkg ends with an error whose lines have these words, and changes no PAM file.

    Returns what was printed on standard error.
    """
    pam = machine.sh(PAM).stdout
    done = sh(machine, command, check=False)
    assert done.returncode != 0, done.stdout
    for word in words:
        assert word in done.stderr
    assert machine.sh(PAM).stdout == pam
    return done.stderr


def state(machine: Machine, package: str = "creds-session") -> str:
    """Return the state of a package, as dpkg-query(1) names it."""
    query = f"dpkg-query --show --showformat='${{db:Status-Status}}' {package} || :"
    return machine.sh(query).stdout
