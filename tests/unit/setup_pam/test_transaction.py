from __future__ import annotations

import errno
import itertools
import os
import signal
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from creds_session.errors import Busy, CannotWrite, InvalidData
from creds_session.setup_pam.transaction import FileChange, change, recover, revert
from creds_session.system.files import checkpoints
from creds_session.system.files.directory import Directory
from creds_session.system.files.entry import Entry
from creds_session.system.files.manifest import SavedEdit
from creds_session.system.files.replace import Attributes, make_directory
from creds_session.system.files.root import Root
from creds_session.system.files.state import STATE, state_directory
from tests.unit.children import CRASHED, background, kill_myself, run_child, run_to_touch

SSHD, OTHER, NEW = "/etc/pam.d/sshd", "/etc/pam.d/other", "/etc/systemd/user/x.d/y.conf"
RULE = b"auth optional pam_gnome_keyring.so"
BEFORE = b"auth include a\nsession required b\n"
AFTER = b"auth substack a\n" + RULE + b"\nsession required b\n"
UNIT = b"[Unit]\nConditionX=y\n"
EDITS = (SavedEdit(1, b"auth include a", b"auth substack a"), SavedEdit(2, b"", RULE))
CHANGES = (
    FileChange(SSHD, BEFORE, AFTER, EDITS),
    FileChange(OTHER, b"x\n", b"y\n", (SavedEdit(1, b"x", b"y"),)),
    FileChange(NEW, None, UNIT),
)


Files = dict[str, tuple[int, bytes]]


def is_changed(root: Root) -> bool:
    with state_directory(root) as state, checkpoints.open_or_make(state) as directory:
        return any(checkpoints.load_all(directory))


def nothing() -> None:
    """Find nothing wrong."""


def refuse() -> None:
    raise InvalidData("not proved")


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return make_tree(tmp_path / "root")


def make_tree(directory: Path) -> Root:
    root = Root(directory)
    root.path("/etc/pam.d").mkdir(parents=True)
    for path, content, mode in ((SSHD, BEFORE, 0o640), (OTHER, b"x\n", 0o604)):
        root.path(path).write_bytes(content)
        root.path(path).chmod(mode)
    return root


def tree(root: Root) -> Files:
    """Return all files and folders outside the state directory, temporary ones left out."""
    found = {}
    for folder, folders, files in os.walk(root.path("/etc")):
        for name in folders + [name for name in files if not name.startswith(".")]:
            path = Path(folder, name)
            content = path.read_bytes() if path.is_file() else b""
            found[str(path.relative_to(root.directory))] = (path.lstat().st_mode, content)
    return found


def temporaries(root: Root) -> list[Path]:
    return [path for path in root.directory.rglob(".*") if path.is_file()]


def checkpoints_left(root: Root) -> list[Path]:
    return list(root.path(f"{STATE}/checkpoints").glob("*"))


def test_change_and_revert_are_exact_opposites(root: Root) -> None:
    before = tree(root)
    change(root, CHANGES, nothing)
    after = tree(root)
    assert after[SSHD[1:]] == (0o100640, AFTER)
    assert after[NEW[1:]] == (0o100644, UNIT)
    assert is_changed(root)
    assert set(revert(root)) == {SSHD, OTHER, NEW}
    assert tree(root) == before
    assert not is_changed(root)
    assert revert(root) == ()
    assert temporaries(root) == []


def test_revert_goes_through_every_change(root: Root) -> None:
    before = tree(root)
    change(root, CHANGES[:1], nothing)
    again = AFTER + b"session optional c\n"
    change(root, (FileChange(SSHD, AFTER, again),), nothing)
    assert revert(root) == (SSHD,)
    assert tree(root) == before


@pytest.mark.parametrize("error", [InvalidData("not proved"), KeyboardInterrupt(), MemoryError()])
def test_change_restores_everything_when_verify_raises(root: Root, error: BaseException) -> None:
    before = tree(root)

    def verify() -> None:
        assert tree(root) != before
        raise error

    with pytest.raises(type(error)):
        change(root, CHANGES, verify)
    assert tree(root) == before
    assert checkpoints_left(root) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_change_keeps_and_restores_the_owner(root: Root) -> None:
    os.chown(root.path(SSHD), 12, 34)
    with pytest.raises(InvalidData):
        change(root, CHANGES, refuse)
    for act in (lambda: change(root, CHANGES, nothing), lambda: revert(root)):
        act()
        status = root.path(SSHD).stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (12, 34, 0o640)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_change_is_busy_when_a_file_is_not_what_the_plan_was_made_from(
    root: Root, number: int
) -> None:
    place = root.path(CHANGES[number].path)
    make_directory(place.parent, 0o755)
    place.write_bytes(b"someone else's\n")
    before = tree(root)
    with pytest.raises(Busy, match="another program changed it"):
        change(root, CHANGES, nothing)
    assert tree(root) == before


@pytest.mark.parametrize("kind", ["symbolic link", "hard link"])
def test_change_refuses_links_and_touches_no_other_file(root: Root, kind: str) -> None:
    place = root.path(OTHER)
    target = root.path("/etc/target")
    place.rename(target)
    if kind == "hard link":
        os.link(target, place)
    else:
        place.symlink_to("../target")
    before = tree(root)
    with pytest.raises(InvalidData, match=kind):
        change(root, CHANGES, nothing)
    assert tree(root) == before


@dataclass(frozen=True)
class Run:
    """A run in which something happened at one touch of the file system."""

    number: int
    code: int
    root: Root


def interrupted(
    tmp_path: Path, act: Callable[[Root], object], what: Callable[[], None]
) -> Iterator[Run]:
    """Do the same again and again; let ``what`` happen at the first, second, ... last touch."""
    for number in itertools.count(1):
        root = make_tree(tmp_path / str(number))
        if act is revert:
            changing(root)
        told = tmp_path / f"{number}.told"
        code, is_touched = run_to_touch(number, what, partial(act, root), told)
        if not is_touched:
            assert (code, number > 20) == (0, True)
            return
        yield Run(number, code, root)


def changing(root: Root) -> None:
    change(root, CHANGES, nothing)


def files(root: Root) -> Files:
    return {path: value for path, value in tree(root).items() if stat.S_ISREG(value[0])}


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk: no power goes here."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def states(tmp_path: Path) -> tuple[Files, Files]:
    return before_and_after(tmp_path / "reference")


def before_and_after(directory: Path) -> tuple[Files, Files]:
    """Return the files of a tree before the change and after it."""
    root = make_tree(directory)
    old = files(root)
    changing(root)
    return old, files(root)


def assert_whole(run: Run, states: tuple[Files, Files]) -> None:
    """Assert that every file that was there is there, the old one or the new one."""
    old, new = states
    now = files(run.root)
    assert set(old) <= set(now) <= set(new), run
    for path, value in now.items():
        assert value in {old.get(path), new[path]}, run


@pytest.mark.usefixtures("fast")
def test_change_that_is_killed_anywhere_is_recovered_by_the_next_run(
    tmp_path: Path, states: tuple[Files, Files]
) -> None:
    ends = []
    for run in interrupted(tmp_path, changing, kill_myself):
        assert run.code == -signal.SIGKILL
        assert_whole(run, states)
        recover(run.root)  # any next run
        assert files(run.root) in states, run
        ends.append(files(run.root))
        revert(run.root)
        assert files(run.root) == states[0], run
    assert {states.index(end) for end in ends} == {0, 1}


@pytest.mark.usefixtures("fast")
def test_recovery_removes_the_temporary_files_of_a_run_that_was_killed(tmp_path: Path) -> None:
    old = tree(make_tree(tmp_path / "old"))
    for run in interrupted(tmp_path, changing, kill_myself):
        revert(run.root)
        assert tree(run.root) == old, run
        assert temporaries(run.root) == [], run


@pytest.mark.usefixtures("fast")
def test_revert_that_is_killed_anywhere_is_finished_by_the_next_run(
    tmp_path: Path, states: tuple[Files, Files]
) -> None:
    for run in interrupted(tmp_path, revert, kill_myself):
        assert run.code == -signal.SIGKILL
        assert_whole(run, states)
        revert(run.root)
        assert files(run.root) == states[0], run


def out_of_space() -> None:
    raise OSError(errno.ENOSPC, "no space")


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("failure", [out_of_space, interrupt])
def test_change_that_fails_anywhere_changes_nothing(
    tmp_path: Path, states: tuple[Files, Files], failure: Callable[[], None]
) -> None:
    for run in interrupted(tmp_path, changing, failure):
        assert files(run.root) == states[run.code == 0], run
        assert temporaries(run.root) == [], run


@pytest.mark.usefixtures("fast")
def test_change_that_fails_is_undone_by_the_next_run_at_the_latest(
    tmp_path: Path, states: tuple[Files, Files]
) -> None:
    for run in interrupted(tmp_path, changing, out_of_space):
        revert(run.root)
        assert files(run.root) == states[0], run


@pytest.mark.usefixtures("fast")
def test_change_that_fails_anywhere_reports_it_in_our_own_words(tmp_path: Path) -> None:
    codes = {run.code for run in interrupted(tmp_path, changing, out_of_space)}
    assert CannotWrite.exit_code in codes
    assert CRASHED not in codes


def test_concurrent_runs_are_refused_and_change_nothing(root: Root) -> None:
    def hold(wait: Callable[[], None]) -> None:
        change(root, CHANGES[:1], wait)

    with background(hold):
        for act in (lambda: change(root, CHANGES[1:], nothing), lambda: revert(root)):
            with pytest.raises(Busy):
                act()
        assert root.read(OTHER) == b"x\n"
        assert root.read(SSHD) == AFTER
    before = tree(make_tree(root.directory / "fresh"))
    with pytest.raises(Busy, match="ended before its change was done"):
        change(root, CHANGES[1:2], nothing)
    assert recover(root) == (SSHD,)
    assert recover(root) == ()
    assert tree(root) == before


EDITED = b"# mine\n" + AFTER.replace(b"required b", b"optional b") + b"session required c\n"


@pytest.mark.parametrize(
    ("now", "left"),
    [
        (EDITED, b"# mine\nauth include a\nsession optional b\nsession required c\n"),
        (
            EDITED.replace(RULE + b"\n", b""),
            b"# mine\nauth include a\nsession optional b\nsession required c\n",
        ),
        (AFTER.replace(b"substack a", b"substack z"), b"auth substack z\nsession required b\n"),
        (b"auth required everything-else\n", b"auth required everything-else\n"),
        (b"", b""),
        (b"\xff\0\n" + RULE, b"\xff\0\n"),
    ],
)
def test_revert_takes_only_our_lines_from_a_file_that_others_edited(
    root: Root, now: bytes, left: bytes
) -> None:
    change(root, CHANGES[:1], nothing)
    root.path(SSHD).write_bytes(now)
    assert revert(root) == ((SSHD,) if now != left else ())
    assert root.read(SSHD) == left
    assert root.path(SSHD).stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_revert_leaves_the_end_of_the_file_as_it_was(root: Root, end: bytes) -> None:
    before, after = b"a" + end, b"a\n" + RULE + end
    root.path(SSHD).write_bytes(before)
    change(root, (FileChange(SSHD, before, after, (SavedEdit(2, b"", RULE),)),), nothing)
    root.path(SSHD).write_bytes(b"# mine\n" + after)
    revert(root)
    assert root.read(SSHD) == b"# mine\n" + before


def test_revert_leaves_what_became_theirs(root: Root) -> None:
    change(root, CHANGES, nothing)
    root.path(NEW).write_bytes(b"[Unit]\nmine=now\n")
    root.path(OTHER).unlink()
    assert revert(root) == (SSHD,)
    assert root.read(NEW) == b"[Unit]\nmine=now\n"
    assert root.read(OTHER) is None


@pytest.mark.parametrize("edited", [False, True])
def test_revert_makes_no_link_a_file(root: Root, edited: bool) -> None:
    change(root, CHANGES[:1], nothing)
    place, target = root.path(SSHD), root.path("/etc/managed")
    target.write_bytes(EDITED if edited else AFTER)
    place.unlink()
    place.symlink_to("../managed")
    with pytest.raises(InvalidData, match="symbolic link"):
        revert(root)
    assert place.is_symlink()
    assert is_changed(root)


def test_revert_restores_the_others_where_one_file_became_a_link(root: Root) -> None:
    change(root, CHANGES, nothing)
    place = root.path(OTHER)
    place.unlink()
    place.symlink_to("../managed")
    root.path("/etc/managed").write_bytes(b"y\n")
    with pytest.raises(InvalidData, match=f"^{OTHER}: a symbolic link") as caught:
        revert(root)
    assert caught.value.hint == "make it a plain file again, then revert"
    assert (root.read(SSHD), root.read(NEW), is_changed(root)) == (BEFORE, None, True)
    theirs = b"# mine\n" + RULE + b"\n"
    root.path(SSHD).write_bytes(theirs)
    place.unlink()
    place.write_bytes(b"y\n")
    assert revert(root) == (OTHER,)
    assert (root.read(SSHD), root.read(OTHER), is_changed(root)) == (theirs, b"x\n", False)


def test_revert_names_every_file_that_it_could_not_restore(root: Root) -> None:
    change(root, CHANGES, nothing)
    for path in (SSHD, OTHER):
        root.path(path).rename(root.path("/etc/managed"))
        root.path(path).symlink_to("../managed")
    with pytest.raises(InvalidData, match=f"{OTHER}: .*{SSHD}: "):
        revert(root)


def test_revert_names_the_file_and_not_the_note_where_the_disk_is_full(root: Root) -> None:
    change(root, CHANGES[:1], nothing)

    def full(directory: Directory, name: str, *_arguments: object, **_look: object) -> None:
        path = directory.path / name
        raise CannotWrite(f"{path}: cannot be written: No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Directory, "replace", full)
        with pytest.raises(CannotWrite, match=f"{SSHD}: cannot be written"):
            revert(root)
    assert root.read(SSHD) == AFTER
    assert revert(root) == (SSHD,)
    assert (root.read(SSHD), is_changed(root)) == (BEFORE, False)


def test_revert_does_nothing_unless_it_is_wanted(root: Root) -> None:
    change(root, CHANGES[:1], nothing)
    done: list[str] = []
    assert revert(root, then=lambda _state: done.append("then"), only_if=lambda _state: False) == ()
    assert (root.read(SSHD), is_changed(root), done) == (AFTER, True, [])


def test_revert_leaves_a_folder_of_ours_that_became_a_link(root: Root) -> None:
    change(root, CHANGES, nothing)
    folder = root.path(NEW).parent
    folder.rename(root.path("/etc/moved"))
    folder.symlink_to("/etc/moved")
    assert NEW in revert(root)
    assert folder.is_symlink()
    assert checkpoints_left(root) == []


def test_change_refuses_to_replace_a_link_to_nothing(root: Root) -> None:
    place = root.path(NEW)
    make_directory(place.parent, 0o755)
    place.symlink_to("/gone")
    with pytest.raises(InvalidData, match=f"{NEW}: a symbolic link to /gone"):
        change(root, CHANGES, nothing)
    assert place.is_symlink()
    assert root.read(SSHD) == BEFORE


def test_recovery_leaves_a_line_like_ours_in_a_file_that_was_not_written_yet(root: Root) -> None:
    def die(*_arguments: object) -> None:
        kill_myself()

    def begin() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Entry, "replace", die)
            change(root, (CHANGES[1], CHANGES[0]), nothing)

    assert run_child(begin) == -signal.SIGKILL
    theirs = RULE + b"\nsomeone else's\n"
    root.path(SSHD).write_bytes(theirs)
    assert revert(root) == ()
    assert root.read(SSHD) == theirs
    assert checkpoints_left(root) == []


def test_revert_keeps_the_mode_that_an_admin_gave_the_file_since(root: Root) -> None:
    change(root, CHANGES[:1], nothing)
    root.path(SSHD).chmod(0o600)
    revert(root)
    assert root.path(SSHD).stat().st_mode & 0o777 == 0o600


def test_revert_writes_no_file_that_has_nothing_of_ours(root: Root) -> None:
    change(root, CHANGES[:1], nothing)
    root.path(SSHD).write_bytes(b"all theirs\n")
    inode = root.path(SSHD).stat().st_ino
    assert revert(root) == ()
    assert root.path(SSHD).stat().st_ino == inode


def test_change_that_is_busy_leaves_a_line_like_ours_that_someone_else_wrote(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = RULE + b"\nsomeone else's\n"
    replace = Entry.replace

    def race(
        entry: Entry, content: bytes, attributes: Attributes, look: Callable[[], None]
    ) -> None:
        monkeypatch.setattr(Entry, "replace", replace)
        replace(entry, content, attributes, look)
        root.path(SSHD).write_bytes(theirs)

    monkeypatch.setattr(Entry, "replace", race)
    with pytest.raises(Busy, match="another program changed it"):
        change(root, (CHANGES[1], CHANGES[0]), nothing)
    assert root.read(SSHD) == theirs


def meanwhile(monkeypatch: pytest.MonkeyPatch, path: Path, act: Callable[[], object]) -> None:
    """Have someone act when the new content lies beside a file, and before it takes its place."""
    real = os.fsync

    def fsync(descriptor: int) -> None:
        real(descriptor)
        beside = Path(f"/proc/self/fd/{descriptor}").readlink()
        if beside.parent == path.parent and beside.name.startswith(f".{path.name}."):
            monkeypatch.setattr(os, "fsync", real)
            act()

    monkeypatch.setattr(os, "fsync", fsync)


def test_change_loses_nothing_that_was_written_right_before_the_rename(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = root.path(SSHD)
    theirs = BEFORE + b"session optional theirs\n"
    meanwhile(monkeypatch, place, lambda: place.write_bytes(theirs))
    with pytest.raises(Busy, match="another program changed it"):
        change(root, CHANGES[:1], nothing)
    assert root.read(SSHD) == theirs
    assert temporaries(root) == []


def test_change_gives_no_file_back_the_mode_that_was_taken_from_it_right_before_the_rename(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = root.path(SSHD)
    meanwhile(monkeypatch, place, lambda: place.chmod(0o600))
    with pytest.raises(Busy, match="another program changed its mode or owner"):
        change(root, CHANGES[:1], nothing)
    assert (root.read(SSHD), place.stat().st_mode & 0o777) == (BEFORE, 0o600)


def test_revert_loses_nothing_that_was_written_right_before_the_rename(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(root, CHANGES[:1], nothing)
    place = root.path(SSHD)
    theirs = AFTER + b"session optional theirs\n"
    meanwhile(monkeypatch, place, lambda: place.write_bytes(theirs))
    with pytest.raises(Busy, match="another program changed it"):
        revert(root)
    assert root.read(SSHD) == theirs
    assert revert(root) == (SSHD,)
    assert root.read(SSHD) == BEFORE + b"session optional theirs\n"
