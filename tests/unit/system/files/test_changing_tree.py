"""Nothing outside a root is touched while somebody changes its tree all the time.

Whoever is root in a container, or owns an image, can put a link in the place of a directory between
the moment when a path was judged and the moment when it is used. Here a process exchanges the two
without a pause (renameat2(2), RENAME_EXCHANGE) while changes are made and reverted.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from creds_session.errors import CannotWrite, CredsSessionError
from creds_session.setup_pam.transaction import FileChange, change, revert
from creds_session.system.files.entry import Entry
from creds_session.system.files.root import Root
from tests import depth
from tests.unit.system_tree import snapshot

EXCHANGE, AT_FDCWD = 2, -100  # renameat2(2)
RENAMEAT2 = ctypes.CDLL(None, use_errno=True).renameat2
SSHD, OTHER, NEW = "/etc/pam.d/sshd", "/etc/pam.d/other", "/etc/systemd/user/x.d/y.conf"
BEFORE, AFTER = b"auth include a\n", b"auth substack a\nauth optional b\n"
CHANGES = (
    FileChange(SSHD, BEFORE, AFTER),
    FileChange(OTHER, b"", AFTER),
    FileChange(NEW, None, AFTER),
)


def fill(directory: Path) -> None:
    """Make the files of CHANGES below a directory, as they are before the change."""
    for path, content in ((SSHD, BEFORE), (OTHER, b"")):
        place = directory / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (directory / NEW.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
    (directory / NEW.lstrip("/")).unlink(missing_ok=True)


def exchange(one: Path, other: Path) -> None:
    """Exchange two paths in one step."""
    if RENAMEAT2(AT_FDCWD, bytes(one), AT_FDCWD, bytes(other), EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextmanager
def exchanged(one: Path, other: Path) -> Iterator[None]:
    """Have another process exchange the two paths meanwhile, again and again."""
    pid = os.fork()
    if pid == 0:
        while os.getppid() != 1:
            exchange(one, other)
        os._exit(0)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        if one.is_symlink():
            exchange(one, other)


def no_room(*_arguments: object) -> None:
    """Fail as on a full disk, where nothing can be put beside a file."""
    raise CannotWrite("full") from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def make(root: Root, *, is_full: bool = False) -> str:
    """Make the change, and revert it, perhaps on a full disk; return how that ended."""
    try:
        change(root, CHANGES, lambda: None)
        with pytest.MonkeyPatch.context() as patch:
            if is_full:
                patch.setattr(Entry, "replace", no_room)
            revert(root)
    except CredsSessionError as error:
        return type(error).__name__
    return "done"


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("swapped", "rounds", "is_full"),
    [
        ("etc/pam.d", depth.TREE_SWAPS, False),
        ("etc/pam.d", depth.TREE_SWAPS // 5, True),
        ("etc/systemd/user/x.d", depth.TREE_SWAPS // 3, False),
        ("etc", depth.TREE_SWAPS // 3, False),
    ],
)
def test_a_tree_that_changes_meanwhile_leads_nobody_out(
    tmp_path: Path, swapped: str, rounds: int, *, is_full: bool
) -> None:
    image, outside = tmp_path / "image", tmp_path / "outside"
    copy = image / str(outside).lstrip("/")  # so that the link leads somewhere inside as well
    for place in (image, outside, copy):
        fill(place)
    (image / "aside").symlink_to(outside / swapped)
    root, before, ended = Root(image), snapshot(outside), []
    for _ in range(rounds):
        with exchanged(image / swapped, image / "aside"):
            ended.append(make(root, is_full=is_full))
        assert snapshot(outside) == before
        for place in (image, copy):
            fill(place)
        revert(root)
    assert set(ended) > {"done"}, "the exchange was never seen"
    assert make(root, is_full=is_full) == "done"
    assert {path.name for path in image.rglob("*.creds-*")} == set()
