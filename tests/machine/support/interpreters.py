"""Pythons that are installed on this machine, for the versions that no Debian release has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.machine.support import rootfs

PYTHONS = tuple(f"3.{minor}" for minor in range(9, 15))
"""What setup.cfg supports, as far as versions are pinned."""

ASK = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2], sys.base_prefix)"


class NoInterpreter(Exception):  # the reason a test fails
    """No interpreter of a version works on this machine."""


def named(words: str) -> tuple[str, ...]:
    """Return the versions that CREDS_PYTHONS names.

    Raises ValueError for a word that is not a version that is supported.
    """
    asked = tuple(words.split())
    for word in asked:
        if word not in PYTHONS:
            msg = f"CREDS_PYTHONS: {word}: not a Python that is supported: {' '.join(PYTHONS)}"
            raise ValueError(msg)
    return asked


def find(python: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the prefix of an installed interpreter of this version, such as ``3.10``.

    Raises NoInterpreter if there is none that works, with the places that were looked at.
    """
    looked_at = list(_places(python, environ))
    broken = []
    for path in looked_at:
        if path.is_file():
            prefix = _prefix(path, python)
            if prefix:
                return prefix
            broken.append(str(path))
    msg = (
        f"Python {python}: no interpreter works here. python{python} was looked for on PATH, and"
        " among those that pyenv and uv have installed."
        + (f" These do not run, or lack ensurepip: {', '.join(broken)}." if broken else "")
        + f" Install Python {python}, or put the directory of python{python} on PATH."
        " CREDS_PYTHONS names the versions to run."
    )
    raise NoInterpreter(msg)


def _places(python: str, environ: Mapping[str, str]) -> Iterator[Path]:
    name = f"python{python}"
    for directory in environ.get("PATH", "").split(":"):
        if directory:
            yield Path(directory, name)
    home = Path(environ.get("HOME") or "/nonexistent")
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local/share")
    pyenv = Path(environ.get("PYENV_ROOT") or home / ".pyenv", "versions")
    uv = Path(environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv/python")
    for folder, pattern in ((pyenv, f"{python}.*"), (uv, f"cpython-{python}.*")):
        for version in sorted(folder.glob(pattern), key=_numbers, reverse=True):
            yield version / "bin" / name


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in re.findall("[0-9]+", path.name)]


def _prefix(path: Path, python: str) -> Path | None:
    """Return where an interpreter is installed; None if it does not run, or is another version."""
    try:
        done = subprocess.run(
            [str(path), "-I", "-c", ASK],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version, _, prefix = done.stdout.strip().partition(" ")
    return Path(prefix) if done.returncode == 0 and version == python else None


# The interpreter is mounted where every user can reach it: tests run programs as other users. They
# cannot read the place that it names for its own library, so that is in the cache of ld.so(8).
TEST_WITH = """
mount -t tmpfs -o mode=0755 tmpfs "$1"
mkdir "$1/python"
mount --bind -o ro "$2" "$1/python"
ldconfig -X -C "$1/ld.so.cache" "$1/python/lib"
mount --bind "$1/ld.so.cache" /etc/ld.so.cache
"$1/python/bin/python$3" -I -m venv "$1/test"
"$1/test/bin/pip" install --quiet --no-index --find-links="$4" --require-hashes --requirement="$5"
place=$1
cd "$6"
shift 6
exec env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LC_ALL=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 "$place/test/bin/python" -m pytest -q -p no:cacheprovider \
    -r fE -o filterwarnings=default "$@"
"""


def run_pure_tests(python: str) -> subprocess.CompletedProcess[str]:
    """Run the unit and property tests on this machine with an interpreter that is installed here.

    Raises NoInterpreter if there is none.
    """
    prefix = find(python)
    wheels, pins = rootfs.wheels_for(python), rootfs.pins_for(python)
    place = Path(tempfile.mkdtemp(prefix="creds-python-", dir="/tmp"))
    place.chmod(0o755)
    try:
        words = (place, prefix, python, wheels, pins, rootfs.CHECKOUT)
        return rootfs.in_mounts(TEST_WITH, *map(str, words), *rootfs.PURE_TESTS)
    finally:
        shutil.rmtree(place)
