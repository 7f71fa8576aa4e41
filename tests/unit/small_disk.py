"""A file system that can be filled."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """Mount an empty file system of 256 KiB at a directory that is made for it."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    if shutil.which("mount") is None:
        pytest.skip("needs mount")
    place.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=256k,mode=755", "tmpfs", str(place))
    subprocess.run(mount, check=True)
    try:
        yield place
    finally:
        subprocess.run(("umount", "--lazy", str(place)), check=True)


def fill(place: Path) -> None:
    """Leave no room in the file system of this directory: a file named filler takes it."""
    with suppress(OSError), (place / "filler").open("wb", 0) as filler:
        while filler.write(b"x" * 512):
            pass
    assert os.statvfs(place).f_bavail == 0
