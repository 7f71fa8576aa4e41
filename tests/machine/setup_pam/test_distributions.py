"""What `pip install` makes of the source distribution and of the wheel, without a network.

Both are built and installed in the file system of a Debian release that is not booted.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.machine.support import rootfs
from tests.machine.support.capability import why_no_machine

BUILD_AND_INSTALL = """
export PIP_NO_INDEX=1 PIP_FIND_LINKS=/mnt/wheels
cp -r /mnt/source /tmp/source
cd /tmp/source
rm -rf build dist ./*.egg-info
python3 -m venv /tmp/build
/tmp/build/bin/pip install --quiet setuptools wheel
hook='import sys, setuptools.build_meta as hooks; getattr(hooks, sys.argv[1])("/tmp/dist")'
mkdir /tmp/dist
/tmp/build/bin/python -c "$hook" "$1" >&2
cd /
rm -rf /tmp/source # what was forgotten must not be found there
python3 -m venv /tmp/fresh
/tmp/fresh/bin/pip install --quiet /tmp/dist/*
PATH=/tmp/fresh/bin:$PATH
for name in creds creds-doctor creds-setup-pam; do "$name" --version; done
creds-askpass 2>&1 | sed -n "1s/:.*//p"
export HOME=/tmp/home
mkdir /tmp/home
for shell in sh fish; do creds hook print --shell "$shell" | cksum; done
for unit in lock unlock; do creds hook print --unit "$unit" | grep ^Description; done
creds-setup-pam --root /mnt/nowhere check 2>&1 || echo "ended with $?"
python3 - <<'END'
import importlib.metadata, sys
sys.path[:0] = ["/tmp/fresh/lib/python3.%d/site-packages" % sys.version_info[1]]
meta = importlib.metadata.metadata("creds-session")
print(meta["Version"], meta["License-File"])
END
"""


@pytest.mark.parametrize("kind", ["build_sdist", "build_wheel"])
def test_commands_hooks_and_units_are_in_it(kind: str, tmp_path: Path) -> None:
    reason = why_no_machine()
    if reason:
        pytest.fail(f"no root file system can be made: {reason}")
    done = rootfs.run_in("bookworm", tmp_path, BUILD_AND_INSTALL, kind)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-4000:]}"
    assert done.stdout.splitlines() == expected()


OF_DEBIAN = tuple(
    f"python3-{name}"
    for name in (
        *("cryptography", "jeepney", "keyring", "pexpect"),
        *("pampy", "rich", "setuptools", "wheel"),
    )
)
SYSTEM_PACKAGES = """
/mnt/source/scripts/install --system-site-packages
for name in creds creds-doctor creds-setup-pam; do "/usr/local/bin/$name" --version; done
/opt/creds-session/current/bin/python -c 'import keyring; print(keyring.__file__)'
"""


@pytest.mark.nightly
def test_the_distribution_s_python_packages_are_enough(tmp_path: Path) -> None:
    """Without a network. The names are those of docs/how-to/install-offline.md."""
    page = (rootfs.CHECKOUT / "docs" / "how-to" / "install-offline.md").read_text()
    assert all(name in page for name in OF_DEBIAN)
    done = rootfs.run_in("bookworm", tmp_path, SYSTEM_PACKAGES, packages=OF_DEBIAN)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-4000:]}"
    assert done.stdout.splitlines()[-1] == "/usr/lib/python3/dist-packages/keyring/__init__.py"


def expected() -> list[str]:
    version = (
        rootfs.CHECKOUT.joinpath("setup.cfg").read_text().partition("version = ")[2].split()[0]
    )
    profile = rootfs.CHECKOUT / "scripts" / "profile"
    sums = [
        subprocess.run(
            ["cksum"], input=(profile / name).read_bytes(), capture_output=True, check=True
        ).stdout.decode()
        for name in ("creds-session.sh", "creds-session.fish")
    ]
    units = ("lock.path", "lock.service", "unlock.service")
    return [
        *(f"{name} {version}" for name in ("creds", "creds-doctor", "creds-setup-pam")),
        "creds-askpass",
        *(line.strip() for line in sums),
        *(
            line
            for name in units
            for line in (profile / f"creds-session-{name}").read_text().splitlines()
            if line.startswith("Description")
        ),
        "creds-setup-pam: /mnt/nowhere: no such directory",
        "ended with 66",
        f"{version} LICENSE",
    ]
