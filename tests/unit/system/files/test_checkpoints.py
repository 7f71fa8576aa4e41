from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from creds_session.errors import CannotWrite, InvalidData
from creds_session.system.files import checkpoints
from creds_session.system.files.checkpoints import (
    FINAL,
    IN_PROGRESS,
    MANIFEST,
    MARK,
    Checkpoint,
    load_all,
    save,
    sweep,
)
from creds_session.system.files.directory import Directory
from creds_session.system.files.manifest import SavedEdit, SavedFile
from creds_session.system.files.replace import Attributes
from tests.unit.children import kill_myself, run_child, run_to_touch

ODD = bytes(range(256)) + "ü\n".encode()
FILES = (
    SavedFile(
        "/etc/pam.d/sshd",
        ODD,
        ODD + b"x",
        Attributes(0o640, 12, 34, (("user.a", b"\0\xff"), ("system.posix_acl_access", b"\x02"))),
        (SavedEdit(3, b"", b"new \xfe"), SavedEdit(5, b"old\xff", b"new\xff")),
    ),
    SavedFile("/etc/new", None, b"", None),
    SavedFile("/etc/empty", b"", b"more", Attributes(0, 0, 0, ())),
)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    """Return an empty directory for checkpoints, open."""
    path = tmp_path / "checkpoints"
    path.mkdir(mode=0o700)
    with Directory.open(path) as opened:
        yield opened


def path_of(checkpoint: Checkpoint) -> Path:
    return checkpoint.directory.path / checkpoint.name


def names(directory: Directory) -> list[str]:
    return sorted(one.name for one in directory.path.iterdir())


def test_save_and_load_give_the_same_values(directory: Directory) -> None:
    saved = save(directory, FILES, ("/etc/made", "/etc"), "a-timer")
    assert saved.manifest == (FILES, ("/etc/made", "/etc"), IN_PROGRESS, (), "a-timer")
    assert [*load_all(directory)] == [saved]


def test_finalized_is_kept(directory: Directory) -> None:
    final = save(directory, FILES, ()).finalized()
    assert final.manifest.state == FINAL
    assert [*load_all(directory)] == [final]


def test_with_written_is_kept_and_is_all_for_a_manifest_that_does_not_say(
    directory: Directory,
) -> None:
    recorded = save(directory, FILES, ()).with_written("/etc/new")
    assert recorded.manifest.written == ("/etc/new",)
    assert [*load_all(directory)] == [recorded]
    path = path_of(recorded) / MANIFEST
    manifest = json.loads(path.read_bytes())
    del manifest["written"]
    path.write_text(json.dumps(manifest))
    assert next(load_all(directory)).manifest.written == tuple(file.path for file in FILES)


def test_checkpoints_are_for_root_alone(tmp_path: Path) -> None:
    with Directory.open(tmp_path) as state, checkpoints.open_or_make(state) as directory:
        folder = path_of(save(directory, FILES, ()))
    assert [one.stat().st_mode & 0o777 for one in (folder.parent, folder)] == [0o700, 0o700]
    assert {one.stat().st_mode & 0o777 for one in folder.iterdir()} == {0o600}


def test_load_all_has_the_newest_first_also_past_a_gap(directory: Directory) -> None:
    made = [save(directory, FILES, ()) for _ in range(11)]
    made[3].discard()
    newest = save(directory, (), ())
    loaded = [*load_all(directory)]
    assert loaded[0] == newest
    assert [one.name for one in loaded] == sorted((one.name for one in loaded), reverse=True)
    assert len(loaded) == 11


def test_sweep_removes_what_is_marked_and_unfinished_and_nothing_else(
    directory: Directory,
) -> None:
    saved = save(directory, FILES, ())
    path = directory.path
    ours = ("000002.new", "000003.old", "000004.new")
    theirs = ("000005", "000006.new", "7.new", "000008.newer", "notes", "000009.old.new")
    for name in (*ours, *theirs):
        (path / name).mkdir(mode=0o700)
    for name in (*ours[:2], *theirs[2:]):
        (path / name / MARK).touch()
    for name in (*ours[:2], *theirs):
        (path / name / "0").write_bytes(b"x")
    (path / "000010.new").symlink_to(path / "notes")
    (path / "000011.old").touch()
    kept = [saved.name, *theirs, "000010.new", "000011.old"]
    sweep(directory)
    assert names(directory) == sorted(kept)
    assert all((path / name / "0").read_bytes() == b"x" for name in theirs)
    assert (path / "notes" / MARK).exists()


def test_what_others_put_into_a_checkpoint_is_never_removed(directory: Directory) -> None:
    saved = save(directory, FILES, ())
    folder = path_of(saved)
    (folder / "note of the admin").write_bytes(b"keep me")
    (folder / "7").mkdir()
    (folder / "8").symlink_to("note of the admin")
    saved.discard()
    sweep(directory)
    assert [*load_all(directory)] == []
    (left,) = directory.path.iterdir()
    assert sorted(one.name for one in left.iterdir()) == ["7", "8", MARK, "note of the admin"]
    assert save(directory, (), ()).name == "000002"


def test_a_name_that_somebody_took_is_not_used(directory: Directory) -> None:
    for name in ("000003", "000007.new", "000004.old", "00000099", "1000000"):
        (directory.path / name).mkdir()
    assert save(directory, FILES, ()).name == "000008"
    (directory.path / "999999").symlink_to("nothing")
    with pytest.raises(CannotWrite, match="no number is left"):
        save(directory, FILES, ())


def test_what_cannot_be_read_again_is_not_saved(directory: Directory) -> None:
    large = b"x" * (1 << 20)
    ok = SavedFile("/etc/a", large, b"", Attributes(0o600, 0, 0, ()))
    assert [*load_all(directory)] == []
    saved = save(directory, (ok,), ())
    assert [*load_all(directory)] == [saved]
    with pytest.raises(InvalidData, match="/etc/a: is too large"):
        save(directory, (ok._replace(before=large + b"x"),), ())
    with pytest.raises(InvalidData, match="the change: is too large"):
        save(directory, (ok._replace(after=b"\xff" * (1 << 21)),), ())
    assert [*load_all(directory)] == [saved]
    sweep(directory)
    assert names(directory) == [saved.name]


@pytest.mark.parametrize("content", [b"", ODD, ODD + b"\n"])
def test_load_all_refuses_a_damaged_copy(directory: Directory, content: bytes) -> None:
    folder = path_of(save(directory, FILES, ()))
    (folder / "0").write_bytes(content)
    if content == ODD:
        assert [*load_all(directory)]
        return
    with pytest.raises(
        InvalidData, match=r"000001/0: the saved copy of /etc/pam.d/sshd is damaged"
    ):
        [*load_all(directory)]


def test_load_all_refuses_a_missing_copy(directory: Directory) -> None:
    folder = path_of(save(directory, FILES, ()))
    (folder / "0").unlink()
    with pytest.raises(
        InvalidData, match=r"000001/0: the saved copy of /etc/pam.d/sshd is missing"
    ):
        [*load_all(directory)]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"schema": 1}', b'{"schema": 1, "files": [{}]}', b"\xff", b"7"],
)
def test_load_all_refuses_a_manifest_that_cannot_be_read(
    directory: Directory, content: bytes
) -> None:
    folder = path_of(save(directory, FILES, ()))
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(InvalidData, match=r"manifest\.json: not a manifest"):
        [*load_all(directory)]
    assert [*load_all(directory, state=IN_PROGRESS)] == []


def test_load_all_yields_the_others_before_it_refuses_one(directory: Directory) -> None:
    saved = [save(directory, FILES, ()) for _ in range(4)]
    (path_of(saved[3]) / MANIFEST).unlink()
    (path_of(saved[1]) / MANIFEST).write_bytes(b"{")
    loaded = []
    with pytest.raises(InvalidData, match=r"000004: manifest.json is missing.*000002"):  # noqa: PT012
        for one in load_all(directory):
            loaded.append(one)  # noqa: PERF402 - it raises after them
    assert loaded == [saved[2], saved[0]]


def test_load_all_refuses_a_newer_manifest(directory: Directory) -> None:
    path = path_of(save(directory, FILES, ())) / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "schema": 2}))
    with pytest.raises(InvalidData, match="newer"):
        [*load_all(directory)]


@pytest.mark.parametrize("has_mark", [True, False])
def test_discard_forgets_it(directory: Directory, has_mark: bool) -> None:
    saved = save(directory, FILES, ()).finalized()
    if not has_mark:  # as the version before made them
        (path_of(saved) / MARK).unlink()
        assert [*load_all(directory)] == [saved]
    saved.discard()
    assert [*load_all(directory)] == []
    assert names(directory) == []


def test_discard_needs_no_room_on_the_disk_for_a_mark(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save(directory, FILES, ())
    (path_of(saved) / MARK).unlink()

    def refuse(_directory: Directory, _name: str) -> None:
        raise CannotWrite("the disk is full")

    monkeypatch.setattr(Directory, "create", refuse)
    saved.discard()
    assert names(directory) == []


def make_and_discard(directory: Directory) -> None:
    save(directory, FILES, ()).with_written("/etc/new").finalized().discard()


def killed(directory: Directory, act: Callable[[Directory], object]) -> Iterator[int]:
    """Do the same again and again, killed at the first, second, ... last touch."""
    number = 0
    while True:
        number += 1
        told = directory.path.parent / f"{number}.told"
        code, is_touched = run_to_touch(number, kill_myself, partial(act, directory), told)
        if not is_touched:
            assert (code, number > 20) == (0, True)
            return
        assert code == -signal.SIGKILL
        yield number


def test_killed_anywhere_it_is_whole_or_swept(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    seen = set()
    for number in killed(directory, make_and_discard):
        sweep(directory)
        left = [*load_all(directory)]
        seen.add(len(left))
        assert names(directory) == [one.name for one in left], number
        for one in left:
            assert one.manifest.files == FILES
            one.discard()
        assert names(directory) == [], number
    assert seen == {0, 1}


def test_what_is_made_is_marked_before_anything_else_is_in_it(directory: Directory) -> None:
    def watched() -> None:
        opened: list[str] = []

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            if event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT:
                opened.append(str(arguments[0]))

        sys.addaudithook(watch)
        save(directory, FILES, ())
        assert opened[0] == MARK, opened
        assert opened[1].startswith(".0.creds-")

    assert run_child(watched) == 0
