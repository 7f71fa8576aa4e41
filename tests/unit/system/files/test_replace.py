from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from creds_session.errors import CannotWrite, InvalidData
from creds_session.system.files.replace import (
    Attributes,
    back_up,
    digest,
    make_directory,
    refuse_unless_plain,
    remove,
    replace,
)

OLD, NEW = b"old\n", b"new\n" * 2000
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sshd"
    path.write_bytes(OLD)
    return path


def replaced(path: Path) -> None:
    replace(path, NEW, Attributes.read(path))


def assert_untouched(path: Path) -> None:
    assert path.read_bytes() == OLD
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o640, 0o444, 0o2755, 0o4711, 0o000])
def test_replace_keeps_the_mode(file: Path, mode: int) -> None:
    file.chmod(mode)
    replaced(file)
    assert file.stat().st_mode & 0o7777 == mode
    file.chmod(0o600)
    assert file.read_bytes() == NEW
    assert os.listdir(file.parent) == ["sshd"]  # noqa: PTH208


def test_replace_does_not_obey_the_umask(file: Path) -> None:
    file.chmod(0o666)
    before = os.umask(0o077)
    try:
        replaced(file)
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o666


@needs_root
def test_replace_keeps_the_owner_and_the_bits_that_chown_clears(file: Path) -> None:
    os.chown(file, 12, 34)
    file.chmod(0o6750)
    replaced(file)
    status = file.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (12, 34, 0o6750)


def test_replace_keeps_extended_attributes(file: Path) -> None:
    try:
        os.setxattr(file, "user.note", b"\0\xff")
        os.setxattr(file, "user.empty", b"")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    replaced(file)
    assert os.getxattr(file, "user.note") == b"\0\xff"
    assert sorted(os.listxattr(file)) == ["user.empty", "user.note"]


@pytest.mark.skipif(shutil.which("setfacl") is None, reason="needs setfacl")
def test_replace_keeps_the_acl(file: Path) -> None:
    subprocess.run(["setfacl", "-m", "u:12:rw,g:34:r", file], check=True)
    before = subprocess.check_output(["getfacl", "-nc", file])
    replaced(file)
    assert subprocess.check_output(["getfacl", "-nc", file]) == before


def test_attributes_leave_out_what_vouches_for_the_content(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["security.ima", "security.evm", "user.note"]
    monkeypatch.setattr(os, "listxattr", lambda *_, **__: names)
    monkeypatch.setattr(os, "getxattr", lambda _path, name, **__: name.encode())
    assert Attributes.read(file).extended == (("user.note", b"user.note"),)


def refusing(number: int) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize("function", ["lstat", "listxattr", "getxattr"])
def test_attributes_that_cannot_be_read_are_told_in_our_own_words(
    file: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    monkeypatch.setattr(os, "listxattr", lambda *_, **__: ["user.note"])
    monkeypatch.setattr(os, function, refusing(errno.EACCES))
    with pytest.raises(InvalidData, match="sshd: its attributes cannot be read: Permission"):
        Attributes.read(file)


def test_attributes_are_few_where_the_file_system_has_no_more(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "listxattr", refusing(errno.ENOTSUP))
    assert Attributes.read(file).extended == ()


def test_replace_tells_who_alone_may_keep_the_owner(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fchown", refusing(errno.EPERM))
    with pytest.raises(CannotWrite, match="for its owner") as caught:
        replaced(file)
    assert "only root may keep the owner" in caught.value.hint
    assert_untouched(file)


def test_replace_is_a_new_file_that_readers_of_the_old_one_do_not_see(file: Path) -> None:
    with file.open("rb") as reader:
        replaced(file)
        assert reader.read() == OLD
    assert file.read_bytes() == NEW


def test_replace_makes_a_file_that_was_not_there(tmp_path: Path) -> None:
    path = tmp_path / "new"
    replace(path, NEW, Attributes(0o644, os.getuid(), os.getgid(), ()))
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (NEW, 0o644)


def test_replace_leaves_no_temporary_where_an_attribute_is_refused(file: Path) -> None:
    wrong = Attributes(0o644, os.getuid(), os.getgid(), (("nonsense", b""),))
    with pytest.raises(CannotWrite):
        replace(file, NEW, wrong)
    assert_untouched(file)


def test_replace_refuses_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="No such file or directory"):
        replace(tmp_path / "no" / "file", NEW, Attributes(0o644, 0, 0, ()))


@contextmanager
def immutable(path: Path) -> Iterator[None]:
    if shutil.which("chattr") is None:
        pytest.skip("needs chattr")
    if subprocess.run(["chattr", "+i", path], check=False, capture_output=True).returncode:
        pytest.skip("this file system has no immutable attribute")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", path], check=True)


@needs_root
@pytest.mark.parametrize("of_folder", [False, True])
def test_replace_cannot_write_what_is_immutable(file: Path, of_folder: bool) -> None:
    with immutable(file.parent if of_folder else file):
        with pytest.raises(CannotWrite) as caught:
            replaced(file)
        assert "lsattr" in caught.value.hint
    assert_untouched(file)


IN_A_SMALL_MOUNT = """
import pathlib, sys
from creds_session.errors import CannotWrite
from creds_session.system.files.replace import Attributes, replace
path = pathlib.Path(sys.argv[1], "sshd")
try:
    replace(path, b"x" * 100_000, Attributes.read(path))
except CannotWrite as error:
    print(error.hint, path.read_bytes(), len(list(path.parent.iterdir())), sep="|")
"""
SMALL_MOUNT = 'mount -t tmpfs -o size=64k none "$1" && printf old > "$1/sshd" && '
READ_ONLY = 'mount -o remount,ro "$1" && '


@needs_root
@pytest.mark.parametrize(
    ("mount", "hint"),
    [(SMALL_MOUNT, "the disk is full"), (SMALL_MOUNT + READ_ONLY, "the file system is read-only")],
)
def test_replace_changes_nothing_on_a_full_or_read_only_disk(
    tmp_path: Path, python: list[str], mount: str, hint: str
) -> None:
    script = f'{mount} exec "$2" -I -c "$3" "$1"'
    argv = ["unshare", "--mount", "sh", "-c", script, "sh", str(tmp_path), python[0]]
    code = f"import sys; sys.path.insert(0, {python[1]!r})\n{IN_A_SMALL_MOUNT}"
    done = subprocess.run([*argv, code], check=False, capture_output=True, text=True)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no private mounts here: {done.stderr}")
    told, content, names = done.stdout.strip().split("|")
    assert told.startswith(hint)
    assert (content, names) == ("b'old'", "1")


def test_refuse_unless_plain_accepts_a_plain_file(file: Path) -> None:
    refuse_unless_plain(file, "/etc/pam.d/sshd")


@pytest.mark.parametrize("kind", ["symbolic link", "hard link", "not a regular file"])
def test_refuse_unless_plain_names_what_it_is(file: Path, kind: str) -> None:
    other = file.parent / "other"
    if kind == "symbolic link":
        other.symlink_to(file)
    elif kind == "hard link":
        os.link(file, other)
    else:
        other.mkdir()
    with pytest.raises(InvalidData, match=f"^/shown: .*{kind}"):
        refuse_unless_plain(other, "/shown")


def test_remove_removes_and_does_not_mind_what_is_gone(file: Path) -> None:
    remove(file)
    remove(file)
    assert not file.exists()
    remove(file.parent / "no such directory" / "file")
    with pytest.raises(CannotWrite):
        remove(file.parent)


def test_make_directory_returns_what_it_made_with_this_mode(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        made = make_directory(tmp_path / "a" / "b", 0o755)
    finally:
        os.umask(before)
    assert made == [tmp_path / "a", tmp_path / "a" / "b"]
    assert all(folder.stat().st_mode & 0o777 == 0o755 for folder in made)
    assert make_directory(tmp_path / "a" / "b", 0o700) == []


def test_make_directory_cannot_stand_on_a_file(file: Path) -> None:
    with pytest.raises(CannotWrite):
        make_directory(file / "folder", 0o755)


def test_digest_is_sha_256() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest(b"") == empty


def test_back_up_is_private_and_whole_and_over_nothing(tmp_path: Path) -> None:
    path, copy = tmp_path / "file", tmp_path / "copy"
    path.write_bytes(b"content\0\n")
    path.chmod(0o644)
    assert back_up(path, copy) == b"content\0\n" == copy.read_bytes()
    assert copy.stat().st_mode & 0o7777 == 0o600
    path.write_bytes(b"other")
    with pytest.raises(CannotWrite):
        back_up(path, copy)
    assert copy.read_bytes() == b"content\0\n"
    with pytest.raises(InvalidData):
        back_up(tmp_path / "missing", tmp_path / "second")
    with pytest.raises(CannotWrite):
        back_up(path, tmp_path / "missing" / "copy")


def test_back_up_that_is_not_durable_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "x")

    (tmp_path / "file").write_bytes(b"content")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(CannotWrite):
        back_up(tmp_path / "file", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
