from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from creds_session.errors import Busy, CannotWrite, InvalidData, NoSuchFile, NotPermitted
from creds_session.system.files.directory import Directory
from creds_session.system.files.regular_file import open_regular
from creds_session.system.files.replace import Attributes
from tests.unit.children import end_within, run_child

PRIVATE = Attributes(0o600, os.getuid(), os.getgid(), ())
LIMIT = 100
NULL = os.makedev(1, 3)  # null(4); 0:0 is a whiteout of overlayfs, and cannot be made there
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "place"
    path.mkdir()
    return path


@pytest.fixture
def directory(place: Path) -> Iterator[Directory]:
    with Directory.open(place) as opened:
        yield opened


@pytest.fixture
def moved(directory: Directory, place: Path, tmp_path: Path) -> Path:
    """Move the open directory away and put a link to another one in its place."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_bytes(b"of others")
    (tmp_path / "other" / "below").mkdir()
    place.rename(tmp_path / "moved")
    place.symlink_to("other")
    assert directory.path == place
    return tmp_path / "moved"


def test_open_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NoSuchFile, match="nothing: no such directory"):
        Directory.open(tmp_path / "nothing")
    with pytest.raises(InvalidData, match="file: cannot be opened: Not a directory"):
        Directory.open(tmp_path / "file")


def test_whatever_is_put_in_its_place_it_stays_the_directory_that_was_opened(
    directory: Directory, moved: Path, tmp_path: Path
) -> None:
    assert directory.read("file", LIMIT) is None
    directory.replace("file", b"mine", PRIVATE)
    directory.create("new")
    with directory.make("below", 0o700) as below:
        below.create("deep")
    directory.rename("new", "renamed")
    assert sorted(path.name for path in moved.rglob("*")) == ["below", "deep", "file", "renamed"]
    assert directory.names() == ["below", "file", "renamed"]
    directory.remove("file", "renamed")
    with directory.directory("below") or pytest.fail("it is gone") as below:
        below.remove("deep")
    directory.remove_directory("below")
    assert list(moved.iterdir()) == []
    assert (tmp_path / "other" / "file").read_bytes() == b"of others"
    assert sorted(path.name for path in (tmp_path / "other").iterdir()) == ["below", "file"]


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("a symbolic link", lambda path: path.symlink_to(".")),
        ("a symbolic link", lambda path: path.symlink_to("nothing")),
        ("a regular file", lambda path: path.touch()),
        ("a FIFO", os.mkfifo),
        pytest.param("a device", lambda path: os.mknod(path, stat.S_IFCHR, NULL), marks=needs_root),
    ],
)
def test_what_is_no_directory_is_not_opened_as_one(
    directory: Directory, place: Path, kind: str, make: Callable[[Path], object]
) -> None:
    make(place / "name")
    acts: list[Callable[[], object]] = [
        lambda: directory.directory("name"),
        lambda: directory.directory_or_make("name", 0o700),
        lambda: directory.trusted("name"),
    ]
    for act in acts:
        with pytest.raises(InvalidData, match=f"place/name: is {kind}, not a directory"):
            act()
    with pytest.raises(CannotWrite, match="File exists"):
        directory.make("name", 0o700)


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("a symbolic link", lambda path: path.symlink_to("there")),
        ("a symbolic link", lambda path: path.symlink_to("/dev/zero")),
        ("a directory", lambda path: path.mkdir()),
        ("a FIFO", os.mkfifo),
        pytest.param("a device", lambda path: os.mknod(path, stat.S_IFCHR, NULL), marks=needs_root),
    ],
)
def test_what_is_no_regular_file_is_not_read(
    directory: Directory, place: Path, kind: str, make: Callable[[Path], object]
) -> None:
    (place / "there").write_bytes(b"x")
    make(place / "name")

    def read() -> None:
        end_within(10)
        for act in (Directory.open_or_create, lambda one, name: one.read(name, LIMIT)):
            with pytest.raises(InvalidData, match=f"place/name: is {kind}, not a regular file"):
                act(directory, "name")
        assert not directory.is_file("name")

    assert run_child(read) == 0


def test_a_file_is_read_up_to_its_limit(directory: Directory, place: Path) -> None:
    (place / "file").write_bytes(b"x" * LIMIT)
    assert directory.read("file", LIMIT) == b"x" * LIMIT
    assert directory.is_file("file")
    assert (directory.read("none", LIMIT), directory.is_file("none")) == (None, False)
    os.truncate(place / "file", 1 << 40)
    with pytest.raises(InvalidData, match=f"file: is larger than {LIMIT} bytes"):
        directory.read("file", LIMIT)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc", "../a", "a\0b"])
def test_a_name_is_the_name_of_one_entry(directory: Directory, name: str) -> None:
    for act in (
        lambda: directory.read(name, LIMIT),
        lambda: directory.directory(name),
        lambda: directory.directory_or_make(name, 0o700),
        lambda: directory.make(name, 0o700),
        lambda: directory.create(name),
        lambda: directory.replace(name, b"", PRIVATE),
        lambda: directory.rename(name, "x"),
        lambda: directory.rename("x", name),
        lambda: directory.remove(name),
        lambda: directory.remove_directory(name),
        lambda: directory.open_or_create(name),
    ):
        with pytest.raises(InvalidData, match="is not the name of one entry"):
            act()


def test_made_directories_have_their_mode_whatever_the_umask(
    directory: Directory, place: Path
) -> None:
    before = os.umask(0o077)
    try:
        directory.make("a", 0o755).close()
        directory.directory_or_make("b", 0o700).close()
        directory.replace("c", b"", PRIVATE)
    finally:
        os.umask(before)
    modes = [(place / name).stat().st_mode & 0o777 for name in "abc"]
    assert modes == [0o755, 0o700, 0o600]
    directory.directory_or_make("a", 0o700).close()
    assert (place / "a").stat().st_mode & 0o777 == 0o755


def test_two_may_make_a_directory_at_once(
    directory: Directory, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.mkdir

    def late(name: str, mode: int, *, dir_fd: int) -> None:
        real(name, mode, dir_fd=dir_fd)
        real(name, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "mkdir", late)
    directory.directory_or_make("a", 0o700).close()
    assert (place / "a").is_dir()


def test_replace_leaves_nothing_behind_when_it_fails(directory: Directory, place: Path) -> None:
    (place / "file").write_bytes(b"old")

    def refuse() -> None:
        raise Busy("not now")

    with pytest.raises(Busy):
        directory.replace("file", b"new", PRIVATE, last_look=refuse)
    assert [path.name for path in place.iterdir()] == ["file"]
    assert (place / "file").read_bytes() == b"old"
    (place / "file").unlink()
    (place / "file").mkdir()
    with pytest.raises(CannotWrite, match="place/file: cannot be written: Is a directory"):
        directory.replace("file", b"new", PRIVATE)
    assert [path.name for path in place.iterdir()] == ["file"]


def test_replace_puts_a_file_in_place_of_a_link_and_follows_it_not(
    directory: Directory, place: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_bytes(b"of others")
    (place / "file").symlink_to(tmp_path / "outside")
    directory.replace("file", b"new", PRIVATE)
    assert (place / "file").read_bytes() == b"new"
    assert not (place / "file").is_symlink()
    assert (tmp_path / "outside").read_bytes() == b"of others"


def test_create_and_make_take_nothing_that_is_there(directory: Directory, place: Path) -> None:
    (place / "link").symlink_to("target")
    for act in (directory.create, lambda name: directory.make(name, 0o700)):
        with pytest.raises(CannotWrite, match="File exists"):
            act("link")
    assert not (place / "target").exists()


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_trusted_refuses_what_others_can_write_to(
    directory: Directory, place: Path, mode: int
) -> None:
    (place / "below").mkdir()
    opened = directory.trusted("below")
    assert opened is not None
    opened.close()
    (place / "below").chmod(mode)
    with pytest.raises(InvalidData, match="below: users other than its owner can write to it"):
        directory.trusted("below")
    assert directory.trusted("nothing") is None


@pytest.mark.skipif(shutil.which("setfacl") is None, reason="needs setfacl")
def test_trusted_sees_what_an_access_control_list_allows(directory: Directory, place: Path) -> None:
    (place / "below").mkdir(mode=0o700)
    subprocess.run(["setfacl", "-m", "u:4712:rwx", place / "below"], check=True)
    with pytest.raises(InvalidData, match="below: users other than its owner can write to it"):
        directory.trusted("below")
    subprocess.run(["setfacl", "-d", "-m", "u:4712:rwx", place], check=True)
    directory.make("made", 0o700).close()
    opened = directory.trusted("made")
    assert opened is not None
    opened.close()


@needs_root
def test_trusted_refuses_what_another_user_owns(directory: Directory, place: Path) -> None:
    (place / "below").mkdir()
    os.chown(place / "below", 4712, 0)
    with pytest.raises(InvalidData, match="below: belongs to user id 4712"):
        directory.trusted("below")
    os.chown(place, 4712, 0)
    opened = directory.trusted("below")
    assert opened is not None
    opened.close()
    assert directory.owner == 4712


@needs_root
def test_what_may_not_be_read_is_77(directory: Directory, place: Path) -> None:
    (place / "below").mkdir(mode=0o700)
    (place / "file").touch(mode=0o600)
    place.chmod(0o755)

    def ask() -> None:
        os.setuid(65_534)
        for act in (lambda: directory.directory("below"), lambda: directory.read("file", LIMIT)):
            with pytest.raises(NotPermitted, match="cannot be opened: Permission denied"):
                act()

    assert run_child(ask) == 0


def test_a_file_that_is_created_and_removed_all_the_time_is_busy(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def contrary(_path: str, flags: int, *_mode: int, **_options: int) -> int:
        raise FileExistsError if flags & os.O_CREAT else FileNotFoundError

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", contrary)
        with pytest.raises(Busy, match="created and removed all the time"):
            directory.open_or_create("lock")
    os.close(directory.open_or_create("lock"))


def test_an_error_of_the_disk_is_told_as_one(
    directory: Directory, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (place / "file").touch()
    (place / "below").mkdir()
    monkeypatch.setattr(os, "fsync", full)
    for act in (
        lambda: directory.create("new"),
        lambda: directory.replace("file", b"", PRIVATE),
        lambda: directory.make("made", 0o700),
        lambda: directory.rename("file", "other"),
        lambda: directory.remove("other"),
        lambda: directory.remove_directory("below"),
    ):
        with pytest.raises(
            CannotWrite, match=r"place(/\w+)?: cannot be written: No space left"
        ) as e:
            act()
        assert e.value.hint == "the disk is full"


def test_no_descriptor_is_left_open(directory: Directory, place: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    (place / "link").symlink_to("x")
    (place / "open").mkdir()
    (place / "open").chmod(0o777)
    (place / "file").write_bytes(b"x" * (LIMIT + 1))
    for act in (
        lambda: directory.trusted("open"),
        lambda: directory.read("link", LIMIT),
        lambda: directory.read("file", LIMIT),
        lambda: directory.open_or_create("open"),
        lambda: open_regular(place / "link", "x"),
    ):
        with pytest.raises(InvalidData):
            act()
    directory.replace("new", b"", PRIVATE)
    directory.names()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
