"""Build the Debian packages of the checkout in the file system of a release that is not booted."""

from __future__ import annotations

from pathlib import Path

from tests.machine.support import rootfs

NEEDED = tuple(
    f"python3-{name}" for name in ("cryptography", "jeepney", "keyring", "pampy", "pexpect", "rich")
)
"""What the packages depend on and not every machine of the tests has."""
TOOLS = (
    *("debhelper", "dh-python", "build-essential", "dpkg-dev", "lintian"),
    *("pybuild-plugin-pyproject", "python3-all", "python3-setuptools"),
    *NEEDED,
)
BUILD = """
mount -t tmpfs tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
mount -t proc proc "$2/root/proc"
mount --rbind /dev "$2/root/dev"
mkdir -p "$2/root/mnt/made" "$2/root/mnt/source"
mount --bind "$3" "$2/root/mnt/made"
mount --bind -o ro "$4" "$2/root/mnt/source"
exec chroot "$2/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root sh -ec '
exec /mnt/source/scripts/package deb --output /mnt/made $1' sh "$5"
"""


def build(release: str, place: Path, *, is_checked: bool = True) -> tuple[Path, str]:
    """Return a directory with the packages, and what was printed, lintian's report included.

    ``place`` is an empty directory. ``is_checked`` says whether lintian is run. Raises RuntimeError
    if a package cannot be built or lintian finds something that is not overridden.
    """
    for name in ("root", "made"):
        (place / name).mkdir(parents=True)
    layers = (rootfs.with_packages(release, TOOLS), rootfs.root_file_system(release))
    lower = ":".join(map(str, layers))
    words = (str(place / "root"), str(place / "made"), str(rootfs.CHECKOUT))
    done = rootfs.in_mounts(BUILD, lower, *words, "" if is_checked else "--no-check")
    if done.returncode != 0:
        raise RuntimeError(f"scripts/package failed:\n{done.stdout}\n{done.stderr[-4000:]}")
    return place / "made", done.stderr
