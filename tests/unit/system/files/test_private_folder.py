from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from creds_session.errors import CannotWrite
from creds_session.system.files import private_folder as module
from creds_session.system.files.ownership import is_private
from creds_session.system.files.private_folder import (
    folder_unless_failed,
    private_folder,
    remove_tree,
    usable,
)
from tests.unit.children import background, kill_myself, run_child


def nothing(_path: str) -> None:
    pass


def test_folder_is_ours_alone_and_gone_afterwards(tmp_path: Path) -> None:
    with private_folder([str(tmp_path)], nothing) as path:
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o700
        assert is_private(path, os.getuid())
        Path(path, "deep", "er").mkdir(parents=True)
        Path(path, "deep", "file").touch()
    assert list(tmp_path.iterdir()) == []


def test_folder_that_the_block_removed_is_no_error(tmp_path: Path) -> None:
    with private_folder([str(tmp_path)], nothing) as path:
        Path(path).rmdir()


def test_folder_is_made_where_it_can_be(tmp_path: Path) -> None:
    with private_folder([f"{tmp_path}/gone", str(tmp_path)], nothing) as path:
        assert Path(path).parent == tmp_path
    with pytest.raises(CannotWrite, match="gone"), private_folder([f"{tmp_path}/gone"], nothing):
        raise AssertionError
    with pytest.raises(CannotWrite), private_folder([], nothing):
        raise AssertionError


def test_what_a_killed_process_left_is_swept_by_the_next(tmp_path: Path) -> None:
    def make_and_die() -> None:
        with private_folder([str(tmp_path)], nothing):
            kill_myself()

    assert run_child(make_and_die) == -9
    (left,) = tmp_path.iterdir()
    abandoned: list[str] = []
    with private_folder([str(tmp_path)], abandoned.append) as path:
        assert [one.name for one in tmp_path.iterdir()] == [Path(path).name]
    assert abandoned == [str(left)]


def test_folder_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    def make(wait: object) -> None:
        assert callable(wait)
        with private_folder([str(tmp_path)], nothing):
            wait()

    with background(make):
        (other,) = tmp_path.iterdir()
        abandoned: list[str] = []
        with private_folder([str(tmp_path)], abandoned.append):
            assert other.is_dir()
        assert (other.is_dir(), abandoned) == (True, [])


def test_sweeping_takes_no_link_and_no_file(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (tmp_path / "creds-exec-link").symlink_to("kept")
    (tmp_path / "creds-exec-file").touch()
    with private_folder([str(tmp_path)], nothing):
        pass
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        *("creds-exec-file", "creds-exec-link", "kept")
    ]


def test_lock_of_a_sweeper_means_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = module._locked
    taken: list[str] = []

    def sweep_first(path: str) -> int | None:
        if not taken:
            taken.append(path)
            remove_tree(path)
        return locked(path)

    monkeypatch.setattr(module, "_locked", sweep_first)
    with private_folder([str(tmp_path)], nothing) as path:
        assert path not in taken
        assert Path(path).is_dir()


def test_remove_tree_follows_no_link_and_opens_what_is_closed(tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    for folder in (tree / "closed" / "deep", outside):
        folder.mkdir(parents=True)
        (folder / "file").touch()
    outside.chmod(0o755)
    (tree / "link").symlink_to(outside)
    (tree / "closed").chmod(0)
    remove_tree(str(tree))
    assert not tree.exists()
    assert (outside / "file").exists()
    assert stat.S_IMODE(outside.stat().st_mode) == 0o755


def test_usable_are_those_whose_sockets_have_an_address() -> None:
    good = ["/tmp", "/run/user/1000", "/" + "a" * 60]
    bad = ["relative", "/with blank", "/with%41", "/with,comma", "/" + "a" * 90, ""]
    assert usable([*good, *bad]) == good


def test_is_private_takes_no_link_and_no_folder_of_others(tmp_path: Path) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir(mode=0o700)
    link.symlink_to(folder)
    assert is_private(str(folder), os.getuid())
    assert not is_private(str(folder), os.getuid() + 1)
    assert not is_private(str(link), os.getuid())
    folder.chmod(0o710)
    assert not is_private(str(folder), os.getuid())


def test_folder_unless_failed_stays_after_success_and_goes_after_a_failure(tmp_path: Path) -> None:
    with folder_unless_failed(str(tmp_path), "keyring-") as path:
        assert Path(path).parent == tmp_path
        assert Path(path).name.startswith("keyring-")
    assert is_private(path, os.getuid())

    def fail() -> None:
        with folder_unless_failed(str(tmp_path), "keyring-") as failed:
            Path(failed, "control").touch()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == [Path(path)]
    with pytest.raises(CannotWrite), folder_unless_failed(f"{tmp_path}/gone", "keyring-"):
        pass
