"""Build the RPM packages of the checkout on Debian, and install them into a directory.

What a real Enterprise Linux or Fedora makes of the packages is not seen here: rpm does not look for
the packages that they require.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.machine.support import debian_packages, rootfs, scratch_root

RELEASE = "trixie"
TOOLS = ("rpm", "rpmlint", "cpio", "python3-pip", "python3-setuptools", "python3-wheel")


def run(place: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in a file system with rpm, rpmlint and the commands' Python packages.

    The checkout is in /mnt/source. The directory ``place``/made is in /mnt/made, and is kept.
    """
    layers = (
        rootfs.with_packages(RELEASE, TOOLS),
        rootfs.with_packages(RELEASE, debian_packages.NEEDED),
        rootfs.root_file_system(RELEASE),
    )
    return scratch_root.run(layers, place, script)
