"""Build images by the commands of docs/how-to/images.md: a layer over a release's file system."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tests import recipes
from tests.machine.support import rootfs

PAGE = "docs/how-to/images.md"
MOUNTS = """
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
mount --rbind /dev "$2/root/dev"
"""
# As a builder of containers does it: a process id 1 that is no init, and no systemd.
IN_CONTAINER = f"""{MOUNTS}
exec unshare --pid --fork --kill-child sh -ec '
mount -t proc proc "$1/proc"
exec chroot "$1" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/root sh -ec "$2"' sh "$2/root" "$3"
"""
FROM_OUTSIDE = f"""{MOUNTS}
cd "$4"
checkout=$4 python=$5
setup_pam() {{
    "$python" -I -B -c '
import sys
sys.path.insert(0, sys.argv.pop(1))
from creds_session.cli.setup_pam.main import main
sys.exit(main())' "$checkout" "$@"
}}
ln -s "$2/root" "$2/image"
eval "$3"
"""


def run_lines(holding: str) -> str:
    """Return the RUN lines with creds-setup-pam, and those beside them, of a Containerfile."""
    lines = recipes.block(PAGE, holding).replace("\\\n", "").splitlines()
    found = [line.removeprefix("RUN ") for line in lines if line.startswith("RUN ")]
    return "\n".join(line for line in found if not re.search(r"apt-get|scripts/install", line))


def built(layers: Sequence[Path], place: Path, script: str) -> Path:
    """Run a shell script in a container that is being built; return the layer with its changes."""
    return _built(layers, place, IN_CONTAINER, script)


def changed_from_outside(layers: Sequence[Path], place: Path, script: str) -> Path:
    """Run commands about the image ``/mnt/image`` outside it; return the layer with its changes."""
    script = script.replace("creds-setup-pam", "setup_pam").replace("/mnt/image", '"$2/image"')
    words = (str(rootfs.CHECKOUT), sys.executable)
    return _built(layers, place, FROM_OUTSIDE, script, *words)


def _built(layers: Sequence[Path], place: Path, mounts: str, script: str, *words: str) -> Path:
    for name in ("upper", "work", "root"):
        (place / name).mkdir(parents=True)
    lower = ":".join(map(str, layers))
    made = rootfs.in_mounts(mounts, lower, str(place), script, *words)
    assert made.returncode == 0, f"{script}\n{made.stdout}\n{made.stderr}"
    return place / "upper"
