"""Run a shell script in a file system of a release that is not booted: packages are built there."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.machine.support import rootfs

MOUNTS = """
mount -t tmpfs tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
mount -t proc proc "$2/root/proc"
mount --rbind /dev "$2/root/dev"
mkdir -p "$2/root/mnt/made" "$2/root/mnt/source"
mount --bind "$3" "$2/root/mnt/made"
mount --bind -o ro "$4" "$2/root/mnt/source"
root=$2/root script=$5
shift 5
exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \\
    sh -ec "$script" sh "$@"
"""


def run(
    layers: Sequence[Path], place: Path, script: str, *words: str
) -> subprocess.CompletedProcess[str]:
    """Run a shell script in these layers, the topmost first; nothing of what it changes is kept.

    The checkout is in /mnt/source. The directory ``place``/made is in /mnt/made, and is kept.
    ``words`` are the script's arguments.
    """
    for name in ("root", "made"):
        (place / name).mkdir(parents=True, exist_ok=True)
    lower = ":".join(map(str, layers))
    mounts = (lower, str(place / "root"), str(place / "made"), str(rootfs.CHECKOUT))
    return rootfs.in_mounts(MOUNTS, *mounts, script, *words)
