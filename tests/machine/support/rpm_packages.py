"""Build the RPM packages of the checkout on Debian, and install them into a directory.

What a real Enterprise Linux or Fedora makes of the packages is not seen here: rpm does not look for
the packages that they require.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.machine.support import debian_packages, rootfs

RELEASE = "trixie"
TOOLS = ("rpm", "rpmlint", "cpio", "python3-pip", "python3-setuptools", "python3-wheel")
MOUNTS = """
mount -t tmpfs tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
mount -t proc proc "$2/root/proc"
mount --rbind /dev "$2/root/dev"
mkdir -p "$2/root/mnt/made" "$2/root/mnt/source"
mount --bind "$3" "$2/root/mnt/made"
mount --bind -o ro "$4" "$2/root/mnt/source"
exec chroot "$2/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
    sh -ec "$5"
"""


def run(place: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in a file system with rpm, rpmlint and the commands' Python packages.

    The checkout is in /mnt/source. The directory ``place``/made is in /mnt/made, and is kept.
    """
    for name in ("root", "made"):
        (place / name).mkdir(parents=True, exist_ok=True)
    layers = (
        rootfs.with_packages(RELEASE, TOOLS),
        rootfs.with_packages(RELEASE, debian_packages.NEEDED),
        rootfs.root_file_system(RELEASE),
    )
    lower = ":".join(map(str, layers))
    words = (str(place / "root"), str(place / "made"), str(rootfs.CHECKOUT))
    return rootfs.in_mounts(MOUNTS, lower, *words, script)
