"""Ways in which whoever made an image can put something else in the place of what is read."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

LARGE = 1 << 33  # bytes of a file that takes no room
ZERO, MEMORY = os.makedev(1, 5), os.makedev(1, 1)  # null(4), mem(4)
RULE = b"auth required pam_unix.so\n"
DEPTH, MANY = 400, 21_000
Plant = Callable[[Path, Path], None]
"""Put it at a path, where nothing is; the second path is a directory outside of the image."""


def write(content: bytes) -> Plant:
    """Return what writes this content."""

    def plant(path: Path, _outside: Path) -> None:
        path.write_bytes(content)

    return plant


def link(target: str) -> Plant:
    """Return what makes a link; ``{}`` is the directory outside, ``[]`` the name of the path."""

    def plant(path: Path, outside: Path) -> None:
        path.symlink_to(target.replace("{}", str(outside)).replace("[]", path.name))

    return plant


def device(kind: int, number: int) -> Plant:
    """Return what makes a device; an ordinary user cannot, and makes nothing."""

    def plant(path: Path, _outside: Path) -> None:
        with suppress(PermissionError):
            os.mknod(path, kind | 0o666, number)

    return plant


def sparse(path: Path, _outside: Path) -> None:
    """Make a file of 8 GiB that takes no room."""
    path.touch()
    os.truncate(path, LARGE)


def listen(path: Path, _outside: Path) -> None:
    """Make a socket; its path may be long, so it is made elsewhere.

    Not below a name of this process: two runs side by side can have the same process ids.
    """
    with tempfile.TemporaryDirectory(dir="/tmp") as place, socket.socket(socket.AF_UNIX) as made:
        made.bind(f"{place}/socket")
        shutil.move(f"{place}/socket", path)


def crowd(path: Path, _outside: Path) -> None:
    """Make a directory with more entries than are listed."""
    path.mkdir()
    for number in range(MANY):
        os.link(path / "0", path / f"{number}.conf") if number else (path / "0").touch()


def nest(path: Path, _outside: Path) -> None:
    """Make directories one in the other, and a link to the innermost one beside them."""
    aside = path.with_name(f"{path.name}.nest")
    inside = aside
    for _ in range(DEPTH):
        inside = inside / "d"
    inside.mkdir(parents=True)
    path.symlink_to(f"{aside.name}/{'d/' * DEPTH}")


def chain(path: Path, _outside: Path) -> None:
    """Make links that lead from one to the next, more than are followed."""
    for number in range(60):
        path.with_name(f"{path.name}.{number}").symlink_to(f"{path.name}.{number + 1}")
    path.symlink_to(f"{path.name}.0")


def fan_out(path: Path, _outside: Path) -> None:
    """Make PAM files each of which includes the next one many times."""
    for number in range(16):
        text = f"auth include {path.name}.{number}\n" * 50
        path.with_name(f"{path.name}.{number - 1}" if number else path.name).write_text(text)


def another_name(path: Path, outside: Path) -> None:
    """Give a file outside another name in the image (a hard link)."""
    os.link(outside / "file", path)


PLANTS: Mapping[str, Plant] = {
    "link to the host": link("/"),
    "link outside": link("{}"),
    "link to a file outside": link("{}/file"),
    "link upwards": link("../../../../../../../../../..{}"),
    "link to the same name outside": link("{}/[]"),
    "link to itself": link("[]"),
    "link to nothing": link("/nowhere/at/all"),
    "link to an endless file": link("/dev/zero"),
    "link into proc": link("/proc/self/root{}/file"),
    "long chain of links": chain,
    "FIFO": lambda path, _outside: os.mkfifo(path),
    "socket": listen,
    "device of zeros": device(stat.S_IFCHR, ZERO),
    "block device": device(stat.S_IFBLK, MEMORY),
    "directory": lambda path, _outside: path.mkdir(),
    "many entries": crowd,
    "deep directories": nest,
    "8 GiB": sparse,
    "nothing in it": write(b""),
    "one long line": write(b"x" * 2_000_000),
    "many rules": write(RULE * 1_000),
    "many short lines": write(b"\n" * 60_000),
    "not text": write(bytes(range(256)) * 200),
    "a package again and again": write(b"Package: libpam0g\n" * 300_000),
    "nested JSON": write(b"[" * 60_000),
    "includes without end": fan_out,
    "hard link": another_name,
    "gone": lambda _path, _outside: None,
}


def plant(path: Path, kind: str, outside: Path) -> None:
    """Put this in the place of what is at the path, and make the directories above it."""
    with suppress(FileExistsError, NotADirectoryError):
        path.parent.mkdir(parents=True, exist_ok=True)
    if not path.parent.is_dir() or not path.parent.resolve().is_relative_to(outside.parent):
        return  # another plant is in its way
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    PLANTS[kind](path, outside)
