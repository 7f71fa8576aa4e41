"""What was saved of a file is forgotten only if nothing of ours is in the file any more."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from creds_session.errors import CannotWrite, CredsSessionError, InvalidData
from creds_session.setup_pam.apply import apply, revert
from creds_session.setup_pam.plan import DROP_IN, DROP_IN_TEXT, plan_setup
from creds_session.setup_pam.transaction import FileChange, Waiting, change, saved_edits
from creds_session.setup_pam.transaction import revert as revert_changes
from creds_session.system.files.checkpoints import Checkpoint
from creds_session.system.files.directory import Directory
from creds_session.system.files.entry import Entry
from creds_session.system.files.replace import Attributes
from creds_session.system.files.root import Root
from tests.unit.children import kill_myself, run_child
from tests.unit.examples import WITHOUT_RULES
from tests.unit.images import SSHD, make_image, write
from tests.unit.setup_pam.test_transaction import checkpoints_left, nothing, temporaries
from tests.unit.small_disk import fill, small_disk

THEIRS = b"# precious\n[Unit]\nConditionHost=here\n"
HEADING, CONDITION = b"[Unit]\n", b"ConditionPathExists=%h/.local/share/keyrings/login.keyring\n"
EARLIER_TEXT = b"""\
# Written by creds-setup-pam; `creds-setup-pam revert` takes it back.
# A login keyring that is created through this socket is not served until the daemon is
# restarted. Where there is no keyring yet, PAM shall start the daemon itself.
[Unit]
ConditionPathExists=%h/.local/share/keyrings/login.keyring
"""
"""What earlier versions wrote, which is on machines."""
INVALID = InvalidData.exit_code
CANNOT_WRITE = CannotWrite.exit_code


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return make_image(tmp_path / "image")


def reverted(root: Root) -> int:
    try:
        revert(root)
    except CredsSessionError as error:
        return error.exit_code
    return 0


EDITED = {
    DROP_IN_TEXT + b"# note\n": b"# note\n",
    b"# note\n" + DROP_IN_TEXT: b"# note\n",
    DROP_IN_TEXT + b"\n\n": None,
    DROP_IN_TEXT + b"[Socket]\nX=1\n": b"[Socket]\nX=1\n",
    HEADING + b"X=1\n": HEADING + b"X=1\n",
    b"": None,
}
REFUSED = (
    DROP_IN_TEXT + b"X=1\n",
    DROP_IN_TEXT.replace(CONDITION, b""),
    DROP_IN_TEXT.replace(HEADING, HEADING + b"X=1\n"),
    HEADING + CONDITION,
    HEADING + CONDITION.replace(b"=", b"= "),
)


@pytest.mark.parametrize("now", EDITED)
def test_a_drop_in_that_was_edited_loses_our_lines_alone(root: Root, now: bytes) -> None:
    apply(root, plan_setup(root, ["sshd"]))
    assert root.read(DROP_IN) == DROP_IN_TEXT
    write(root, DROP_IN, now)
    assert reverted(root) == 0
    assert root.read(DROP_IN) == EDITED[now]
    assert checkpoints_left(root) == []


@pytest.mark.parametrize("now", REFUSED)
def test_a_drop_in_whose_lines_cannot_be_told_apart_is_refused(root: Root, now: bytes) -> None:
    apply(root, plan_setup(root, ["sshd"]))
    write(root, DROP_IN, now)
    assert reverted(root) == INVALID
    assert (root.read(DROP_IN), root.read(SSHD)) == (now, WITHOUT_RULES)
    assert len(checkpoints_left(root)) == 1
    write(root, DROP_IN, DROP_IN_TEXT)
    assert reverted(root) == 0
    assert root.read(DROP_IN) is None


def test_a_drop_in_with_the_words_of_an_earlier_version_is_kept_and_reverted(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert EARLIER_TEXT != DROP_IN_TEXT
    with monkeypatch.context() as patched:
        for module in ("plan", "apply"):
            patched.setattr(f"creds_session.setup_pam.{module}.DROP_IN_TEXT", EARLIER_TEXT)
        apply(root, plan_setup(root, ["sshd"]))
    assert root.read(DROP_IN) == EARLIER_TEXT
    assert not plan_setup(root, ["sshd"]).is_needed
    assert reverted(root) == 0
    assert root.read(DROP_IN) is None


@pytest.mark.parametrize("now", [*EDITED, *REFUSED])
def test_what_an_administrator_had_in_the_drop_in_is_restored_or_kept(
    root: Root, now: bytes
) -> None:
    write(root, DROP_IN, THEIRS)
    apply(root, plan_setup(root, ["sshd"]))
    write(root, DROP_IN, now)
    code = reverted(root)
    left = root.read(DROP_IN) or b""
    if code == INVALID:
        assert left == now
        assert (checkpoints_left(root)[0] / "1").read_bytes() == THEIRS
        return
    assert (code, checkpoints_left(root)) == (0, [])
    assert CONDITION not in left
    if CONDITION in now:
        assert all(line in left.splitlines() for line in THEIRS.splitlines())


@pytest.mark.parametrize(
    "ours",
    [
        b"auth  optional\tpam_gnome_keyring.so",
        b"auth optional pam_gnome_keyring.so debug",
        b"-auth optional pam_gnome_keyring.so",
        b"AUTH optional pam_gnome_keyring.so",
    ],
)
def test_a_rule_of_ours_with_other_blanks_or_more_words_is_not_taken_for_gone(
    root: Root, ours: bytes
) -> None:
    apply(root, plan_setup(root, ["sshd"]))
    applied = root.read(SSHD) or b""
    rule = next(line for line in applied.splitlines() if b"gnome_keyring" in line)
    write(root, SSHD, applied.replace(rule, ours))
    with pytest.raises(InvalidData, match="this line of ours was edited since"):
        revert(root)
    assert root.read(SSHD) == applied.replace(rule, ours)
    (saved,) = checkpoints_left(root)
    assert (saved / "0").read_bytes() == WITHOUT_RULES
    write(root, SSHD, applied)
    assert SSHD in revert(root)[0]
    assert root.read(SSHD) == WITHOUT_RULES


def test_a_directory_that_is_away_for_a_while_is_not_taken_for_reverted(root: Root) -> None:
    apply(root, plan_setup(root, ["sshd"]))
    applied, place = root.read(SSHD), root.path(SSHD).parent
    away = place.rename(place.with_name("away"))
    with pytest.raises(InvalidData, match="its directory does not exist"):
        revert(root)
    assert len(checkpoints_left(root)) == 1
    away.rename(place)
    assert root.read(SSHD) == applied
    revert(root)
    assert root.read(SSHD) == WITHOUT_RULES
    assert checkpoints_left(root) == []


@pytest.mark.parametrize("mine", [b"", b"# mine\n"])
def test_a_rule_like_ours_of_somebody_else_is_not_ours(root: Root, mine: bytes) -> None:
    own = b"auth optional pam_gnome_keyring.so only_if=gdm\n"
    write(root, SSHD, own + WITHOUT_RULES)
    apply(root, plan_setup(root, ["sshd"]))
    more = b"auth optional pam_gnome_keyring.so only_if=lightdm\n" if mine else b""
    write(root, SSHD, mine + (root.read(SSHD) or b"") + more)
    revert(root)
    assert root.read(SSHD) == mine + own + WITHOUT_RULES + more


def test_revert_says_what_it_did_before_it_says_what_it_could_not_do(root: Root) -> None:
    apply(root, plan_setup(root, ["sshd"]))
    write(root, DROP_IN, DROP_IN_TEXT + b"X=1\n")
    told: list[tuple[str, ...]] = []
    with pytest.raises(InvalidData, match="this line is in our section"):
        revert(root, tell=lambda touched, _told: told.append(touched))
    assert told == [(SSHD,)]
    assert root.read(SSHD) == WITHOUT_RULES


def test_an_earlier_change_of_a_file_that_could_not_be_restored_stays_too(root: Root) -> None:
    files = [WITHOUT_RULES, WITHOUT_RULES + b"auth one x\n", WITHOUT_RULES + b"auth two x\n"]
    for before, after in zip(files, files[1:]):
        edits = saved_edits(before, after)
        change(root, (FileChange(SSHD, before, after, edits),), nothing)
    now = WITHOUT_RULES + b"auth two x y\n"
    write(root, SSHD, now)
    for _ in range(2):
        with pytest.raises(InvalidData, match="auth two x y"):
            revert_changes(root)
        assert (root.read(SSHD), len(checkpoints_left(root))) == (now, 2)
    write(root, SSHD, files[2])
    assert revert_changes(root) == (SSHD,)
    assert root.read(SSHD) == WITHOUT_RULES


# --- a disk that is full ---


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Root]:
    """Make an image on a file system of its own, with the change, which a test then fills."""
    with small_disk(tmp_path / "mounted") as place:
        root = make_image(place)
        write(root, DROP_IN, DROP_IN_TEXT)  # removing it would make room
        apply(root, plan_setup(root, ["sshd"]))
        yield root


@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize("length", [0, 700])
def test_a_full_disk_does_not_prevent_reverting(
    full_disk: Root, length: int, *, edited: bool
) -> None:
    """The saved copy is used where it is what goes back; else the file itself is overwritten."""
    more = b"# mine\n" * length
    revert(full_disk)
    before = WITHOUT_RULES + more
    write(full_disk, SSHD, before)
    apply(full_disk, plan_setup(full_disk, ["sshd"]))
    theirs = b"# edited\n" if edited else b""
    applied = theirs + (full_disk.read(SSHD) or b"")
    full_disk.path(SSHD).write_bytes(applied)
    attributes = Attributes.read(full_disk.path(SSHD))
    fill(full_disk.directory)
    if edited and length:  # no copy, and no overwriting in one step
        with pytest.raises(CannotWrite, match=f"{SSHD}: cannot be written: No space left"):
            revert(full_disk)
        assert full_disk.read(SSHD) == applied
        full_disk.path("/filler").unlink()
    assert revert(full_disk)[0] == (SSHD,)
    assert full_disk.read(SSHD) == theirs + before
    assert Attributes.read(full_disk.path(SSHD)) == attributes
    assert full_disk.path(SSHD).stat().st_nlink == 1
    assert (checkpoints_left(full_disk), temporaries(full_disk)) == ([], [])


def test_a_copy_on_another_file_system_is_not_used(
    full_disk: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EXDEV, "two file systems")

    monkeypatch.setattr(os, "link", link)
    inode = full_disk.path(SSHD).stat().st_ino
    fill(full_disk.directory)
    assert revert(full_disk)[0] == (SSHD,)
    assert (full_disk.read(SSHD), full_disk.path(SSHD).stat().st_ino) == (WITHOUT_RULES, inode)


@pytest.mark.parametrize("moment", ["pwrite", "ftruncate"])
def test_a_kill_while_a_full_disk_is_overwritten_leaves_a_file_that_is_one_or_the_other(
    tmp_path: Path, moment: str
) -> None:
    root = make_image(tmp_path)
    apply(root, plan_setup(root, ["sshd"]))
    applied = root.read(SSHD) or b""

    def full(*_arguments: object, **_options: object) -> None:
        error = OSError(errno.ENOSPC, "full")
        raise CannotWrite("full") from error

    def die() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Entry, "replace", full)
            patch.setattr(Checkpoint, "put_copy", lambda *_: False)
            patch.setattr(os, moment, lambda *_: kill_myself())
            revert(root)

    assert run_child(die) < 0
    padded = WITHOUT_RULES.ljust(len(applied), b"\n")
    assert root.read(SSHD) == (applied if moment == "pwrite" else padded)
    revert(root)
    assert root.read(SSHD) == WITHOUT_RULES
    assert checkpoints_left(root) == []


def test_what_needs_more_room_or_has_changed_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"now")
    with Directory.open(tmp_path) as directory:
        entry = Entry(directory, "file")
        assert not entry.overwrite(b"now", b"longer")
        assert not entry.overwrite(b"n" * 4097, b"")
        assert not entry.overwrite(b"new", b"")
        assert path.read_bytes() == b"now"
        assert entry.overwrite(b"now", b"n\n")
    assert path.read_bytes() == b"n\n"


def test_attributes_stay_on_a_full_disk(full_disk: Root) -> None:
    place = full_disk.path(SSHD)
    place.chmod(0o600)
    shutil.chown(place, 12, 34)
    before = Attributes.read(place)
    fill(full_disk.directory)
    revert(full_disk)
    assert (full_disk.read(SSHD), Attributes.read(place)) == (WITHOUT_RULES, before)


@pytest.mark.parametrize(("timer", "left"), [("unit", b"old\nours\n"), (None, b"new\nmine\n")])
def test_only_a_timer_takes_back_the_lines_that_a_vendor_brought(
    tmp_path: Path, timer: str | None, left: bytes
) -> None:
    root = Root(tmp_path)
    write(root, SSHD, b"old\nours\n")
    edits = saved_edits(b"new\nmine\n", b"new\nmine\nours\n")
    file = FileChange(SSHD, b"old\nours\n", b"new\nmine\nours\n", edits, b"new\n")
    file = file._replace(keeps_vendor=True)
    change(root, (file,), nothing, lambda _: nullcontext(Waiting("unit")))
    assert revert_changes(root, timer=timer) == (SSHD,)
    assert root.read(SSHD) == left
    assert not checkpoints_left(root)


def test_an_older_change_takes_no_line_that_a_vendor_has_adopted(tmp_path: Path) -> None:
    root = Root(tmp_path)
    write(root, SSHD, b"old\n")
    ours = b"old\nours\n"
    change(root, (FileChange(SSHD, b"old\n", ours, saved_edits(b"old\n", ours)),), nothing)
    adopted = FileChange(SSHD, ours, b"new\nours\n", (), b"new\nours\n")
    change(root, (adopted._replace(keeps_vendor=True),), nothing)
    revert_changes(root)
    assert root.read(SSHD) == b"new\nours\n"
    assert not checkpoints_left(root)
