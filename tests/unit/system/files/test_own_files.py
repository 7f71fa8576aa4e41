from __future__ import annotations

import os
from pathlib import Path

import pytest

from creds_session.errors import InvalidData, NotPermitted
from creds_session.system.files.own_files import change_mode, read_regular

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
ME = os.getuid()
ALICE = 4712


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_a_file_is_read_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        assert read_regular(str(tmp_path / name), 3, {ME}) == b"123"
    assert read_regular(str(tmp_path / "file"), 9) == b"12345"
    assert read_regular(str(tmp_path / "none"), 9) is None


@pytest.mark.parametrize("kind", ["folder", "fifo", "device"])
def test_what_is_no_regular_file_is_not_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "link"
    if kind == "fifo":
        os.mkfifo(tmp_path / "fifo")
    path.symlink_to({"folder": "/", "fifo": "fifo", "device": "/dev/zero"}[kind])
    assert read_regular(str(path), 9) is None


@needs_root
def test_a_file_of_another_user_is_not_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs")
    os.chown(tmp_path / "theirs", ALICE, ALICE)
    (tmp_path / "link").symlink_to("theirs")
    assert read_regular(str(tmp_path / "link"), 9, {0}) is None
    assert read_regular(str(tmp_path / "link"), 9, {0, ALICE}) == b"theirs"


@pytest.mark.parametrize(("wanted", "before", "after"), [("600", 0, 0o600), ("600", 0o4755, 0o600)])
def test_a_file_gets_its_mode_even_if_nobody_can_open_it(
    tmp_path: Path, wanted: str, before: int, after: int
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(before)
    change_mode(str(tmp_path / "file"), wanted, ME)
    assert mode(tmp_path / "file") == after


@pytest.mark.parametrize(
    ("wanted", "before", "after"),
    [("700", 0o2755, 0o2700), ("700", 0, 0o700), ("u+rwx", 0o050, 0o750)],
)
def test_a_directory_gets_its_mode(tmp_path: Path, wanted: str, before: int, after: int) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder").chmod(before)
    change_mode(str(tmp_path / "folder"), wanted, ME)
    assert mode(tmp_path / "folder") == after


def test_no_mode_is_changed_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o644)
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(InvalidData, match="is a link"):
        change_mode(str(tmp_path / "link"), "600", ME)
    assert mode(tmp_path / "file") == 0o644


def test_what_is_neither_a_file_nor_a_directory_keeps_its_mode(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o644)
    with pytest.raises(InvalidData, match="neither a file nor a directory"):
        change_mode(str(tmp_path / "fifo"), "600", ME)
    with pytest.raises(NotPermitted, match="No such file"):
        change_mode(str(tmp_path / "none"), "600", ME)
    assert mode(tmp_path / "fifo") == 0o644


@needs_root
def test_what_belongs_to_another_user_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "theirs").touch(mode=0o644)
    os.chown(tmp_path / "theirs", ALICE, ALICE)
    with pytest.raises(NotPermitted, match="belongs to user id 4712"):
        change_mode(str(tmp_path / "theirs"), "600", 0)
    assert mode(tmp_path / "theirs") == 0o644


@needs_root
def test_a_link_of_a_third_user_on_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").touch(mode=0o644)
    (tmp_path / "way").symlink_to("real")
    change_mode(str(tmp_path / "way" / "file"), "640", 0)
    os.chown(tmp_path / "way", ALICE, ALICE, follow_symlinks=False)
    with pytest.raises(InvalidData, match="is a link of user id 4712"):
        change_mode(str(tmp_path / "way" / "file"), "600", 0)
    assert mode(tmp_path / "real" / "file") == 0o640
