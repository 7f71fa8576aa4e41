"""An image whose state directory is not what creds-setup-pam would have made.

Nothing outside the image may be read, written or deleted, and nothing may hang.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Union

import pytest

from creds_session.cli.setup_pam.main import main
from creds_session.errors import Busy, CannotWrite, InvalidData
from creds_session.setup_pam import apply
from creds_session.setup_pam.plan import DROP_IN, plan_setup
from creds_session.setup_pam.transaction import recover, revert
from creds_session.system.files.root import Root
from tests.depth import KILL_ALL
from tests.unit.children import end_within, run_child, run_to_touch
from tests.unit.examples import SSHD as WITH_RULES
from tests.unit.examples import WITHOUT_RULES
from tests.unit.images import SSHD, make_image, write
from tests.unit.setup_pam.test_transaction import BEFORE, changing, make_tree

STATE = "var/lib/creds-session"
CHECKPOINTS = f"{STATE}/checkpoints"
FIRST = f"{CHECKPOINTS}/000001"
COMPONENTS = ("var", "var/lib", STATE, CHECKPOINTS)
INVALID = InvalidData.exit_code
LONGEST = 20  # seconds
MEMORY = 4 << 30  # bytes of address space
EVERY = 1 if KILL_ALL else 12  # a sample of the moments, or all of them
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

Tree = dict[str, tuple[int, Union[bytes, str, int]]]
Act = Callable[[Root], object]
LIBRARY: dict[str, Act] = {
    "apply": lambda root: apply.apply(root, plan_setup(root, ["sshd"])),
    "prepare": apply.prepare,
    "recover": recover,
    "revert": apply.revert,
}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return make_image(tmp_path / "image")


@pytest.fixture
def applied(root: Root) -> Root:
    """Return an image with one change, which can be reverted."""
    apply.apply(root, plan_setup(root, ["sshd"]))
    assert root.read(SSHD) == WITH_RULES
    return root


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a directory beside the image, with directories that have decimal names."""
    directory = tmp_path / "outside"
    for name in ("1000", "2000", "000007"):
        (directory / name).mkdir(parents=True)
        (directory / name / "model.bin").write_bytes(b"weights")
        (directory / name / "0").write_bytes(b"weights")
    return directory


def tree(directory: Path) -> Tree:
    """Return everything below a directory, with modes and contents; nothing is followed."""
    found: Tree = {}
    for path in sorted(directory.rglob("*")):
        status = path.lstat()
        content: bytes | str | int = ""
        if stat.S_ISLNK(status.st_mode):
            content = os.readlink(path)  # noqa: PTH115 - the text
        elif stat.S_ISREG(status.st_mode):
            content = path.read_bytes() if status.st_size < 1 << 20 else status.st_size
        found[str(path.relative_to(directory))] = (status.st_mode, content)
    return found


def command(root: Root, *words: str) -> tuple[int, str]:
    """Run creds-setup-pam in a child with limits; return its exit code and all that it prints."""
    told = root.directory.with_name("told")

    def run() -> None:
        end_within(LONGEST)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        sys.argv = ["creds-setup-pam", "--root", str(root.directory), *words]
        with told.open("w") as output:
            sys.stdout = sys.stderr = output
            code = main()
        os._exit(code)

    code = run_child(run)
    return code, told.read_text()


def call(root: Root, name: str) -> int:
    """Call the library in a child with limits; return the exit code that its error has."""

    def run() -> None:
        end_within(LONGEST)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        LIBRARY[name](root)

    return run_child(run)


def every_way(root: Root) -> dict[str, int]:
    """Return the exit code of each command and each function that uses the state directory."""
    commands = {line: command(root, line)[0] for line in ("apply", "revert")}
    return {**commands, **{f"{name}()": call(root, name) for name in LIBRARY}}


def assert_looking_is_as_ever(root: Root) -> None:
    """Assert that check and diff say what they say of the same image without a state directory."""
    clean = make_image(root.directory.with_name("clean"))
    clean.path(SSHD).write_bytes(root.read(SSHD) or b"")
    if (condition := root.read(DROP_IN)) is not None:
        write(clean, DROP_IN, condition)
    for line in ("check", "diff"):
        assert command(root, line) == command(clean, line)


def move_out(root: Root, component: str, outside: Path) -> None:
    """Move a part of the image out of it, into ``outside``, and leave a link in its place."""
    place = root.directory / component
    below = outside / Path(CHECKPOINTS).relative_to(component)
    if place.exists():
        shutil.copytree(place, outside, dirs_exist_ok=True)
        shutil.rmtree(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(outside)
    below.mkdir(parents=True, exist_ok=True)
    for name in ("1000", "2000", "000007"):
        if not (below / name).exists():
            (outside / name).rename(below / name)


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("image", ["root", "applied"])
def test_a_link_above_the_checkpoints_is_refused_and_nothing_changes(
    request: pytest.FixtureRequest, outside: Path, component: str, image: str
) -> None:
    root: Root = request.getfixturevalue(image)
    move_out(root, component, outside)
    before = tree(outside), tree(root.directory)
    assert set(every_way(root).values()) == {INVALID}
    for line in ("apply", "revert"):
        code, told = command(root, line)
        assert f"{root.directory / component}: is a symbolic link, not a directory" in told
        assert code == INVALID
    assert (tree(outside), tree(root.directory)) == before
    assert_looking_is_as_ever(root)
    assert (tree(outside), tree(root.directory)) == before


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("kind", ["file", "FIFO", "link to nothing"])
def test_a_file_in_place_of_a_directory_above_the_checkpoints_is_refused(
    root: Root, component: str, kind: str
) -> None:
    place = root.directory / component
    place.parent.mkdir(parents=True, exist_ok=True)
    make: dict[str, Callable[[], None]] = {
        "file": place.touch,
        "FIFO": lambda: os.mkfifo(place),
        "link to nothing": lambda: place.symlink_to("nothing"),
    }
    make[kind]()
    before = tree(root.directory)
    codes = every_way(root)
    assert set(codes.values()) == {INVALID}, codes
    assert "not a directory" in command(root, "revert")[1]
    assert tree(root.directory) == before


@pytest.mark.parametrize("act", [changing, revert])
@pytest.mark.parametrize("component", [*COMPONENTS, FIRST, f"{FIRST}/manifest.json", f"{FIRST}/0"])
def test_a_link_that_is_put_in_place_at_any_moment_redirects_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, component: str, act: Act
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)  # the tests need no disk
    for number in itertools.count(1 + len(component) % EVERY, EVERY):
        root = make_tree(tmp_path / str(number))
        changing(root)
        if act is changing:
            revert(root)
        outside = tmp_path / f"{number}.outside"
        prepare_outside(root.directory / component, outside)
        before = tree(tmp_path / f"{number}.outside"), outside.stat().st_mtime_ns

        def swap(root: Root = root, outside: Path = outside) -> None:
            place = root.directory / component
            if place.exists():
                place.rename(root.directory / "moved")
            if place.parent.exists():
                place.symlink_to(outside)

        told = tmp_path / f"{number}.told"

        def run(root: Root = root) -> None:
            end_within(LONGEST)
            act(root)

        code, is_touched = run_to_touch(number, swap, run, told)
        assert (tree(outside), outside.stat().st_mtime_ns) == before, number
        assert code in {0, INVALID, CannotWrite.exit_code, Busy.exit_code}, number
        if not is_touched:
            assert number > 20
            return


def prepare_outside(place: Path, outside: Path) -> None:
    """Make what a link may lead to: the same as in the image, and more that must stay."""
    if place.name in {"manifest.json", "0"}:
        outside.write_bytes(b"of others")
        return
    if place.exists():
        shutil.copytree(place, outside)
    below = outside / "1000"
    below.mkdir(parents=True)
    (below / "0").write_bytes(b"weights")


def test_a_checkpoint_that_is_a_link_is_left_alone_and_named(applied: Root, outside: Path) -> None:
    first = applied.directory / FIRST
    shutil.copytree(first, outside / "000001")
    shutil.rmtree(first)
    first.symlink_to(outside / "000001")
    before = tree(outside)
    assert command(applied, "apply")[0] == 0
    code, told = command(applied, "revert")
    assert (code, call(applied, "revert")) == (INVALID, INVALID)
    assert f"{first}: is a symbolic link, not a directory" in told
    assert tree(outside) == before
    assert first.is_symlink()
    assert applied.read(SSHD) == WITH_RULES
    assert_looking_is_as_ever(applied)


def put_link_to_zero(place: Path, _outside: Path) -> None:
    place.symlink_to("/dev/zero")


def put_link_outside(place: Path, outside: Path) -> None:
    """Put a link to the very bytes that were there."""
    place.symlink_to(outside / "kept")


def put_fifo(place: Path, _outside: Path) -> None:
    os.mkfifo(place)


def put_directory(place: Path, _outside: Path) -> None:
    place.mkdir()


def put_endless_file(place: Path, _outside: Path) -> None:
    place.touch()
    os.truncate(place, 1 << 40)


def put_device(place: Path, _outside: Path) -> None:
    os.mknod(place, 0o600 | stat.S_IFCHR, os.makedev(1, 5))


def put_nested_json(place: Path, _outside: Path) -> None:
    place.write_bytes(b"[" * 1_000_000)


Put = Callable[[Path, Path], None]
NO_FILE = [
    put_link_to_zero,
    put_link_outside,
    put_fifo,
    put_directory,
    put_endless_file,
    pytest.param(put_device, marks=needs_root),
]


@pytest.mark.parametrize("name", ["manifest.json", "0"])
@pytest.mark.parametrize("put", [*NO_FILE, put_nested_json])
def test_a_file_of_a_checkpoint_that_is_no_plain_file_of_ours_is_not_read(
    applied: Root, outside: Path, name: str, put: Put
) -> None:
    place = applied.directory / FIRST / name
    place.rename(outside / "kept")
    put(place, outside)
    before = tree(outside), tree(applied.directory)
    assert command(applied, "apply")[0] == 0  # the rules are there already
    assert tree(applied.directory) == before[1]
    code, told = command(applied, "revert")
    assert (code, call(applied, "revert")) == (INVALID, INVALID)
    assert f"{place}: " in told
    assert (tree(outside), tree(applied.directory)) == before
    assert_looking_is_as_ever(applied)


def put_link_to_nothing(place: Path, outside: Path) -> None:
    place.symlink_to(outside / "nothing")


@pytest.mark.parametrize(
    "put",
    [
        put_link_to_zero,
        put_link_outside,
        put_link_to_nothing,
        put_fifo,
        put_directory,
        pytest.param(put_device, marks=needs_root),
    ],
)
@pytest.mark.parametrize("image", ["root", "applied"])
def test_a_lock_that_is_no_plain_file_is_not_opened(
    request: pytest.FixtureRequest, outside: Path, put: Put, image: str
) -> None:
    root: Root = request.getfixturevalue(image)
    state = root.directory / STATE
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    (outside / "kept").write_bytes(b"")
    (state / "lock").unlink(missing_ok=True)
    put(state / "lock", outside)
    before = tree(outside), tree(root.directory)
    assert set(every_way(root).values()) == {INVALID}
    code, told = command(root, "revert")
    assert code == INVALID
    assert f"{state / 'lock'}: is " in told
    assert "not a regular file" in told
    assert (tree(outside), tree(root.directory)) == before
    assert_looking_is_as_ever(root)


@pytest.mark.parametrize("put", [*NO_FILE, put_nested_json])
def test_a_note_of_a_waiting_change_that_is_no_plain_file_is_not_read(
    applied: Root, outside: Path, put: Put
) -> None:
    (outside / "kept").write_bytes(b"{}")
    state = applied.directory / STATE
    put(state / "pending.json", outside)
    before = tree(outside)
    applied.path(SSHD).write_bytes(WITHOUT_RULES)
    code, told = command(applied, "apply")
    assert code == INVALID
    assert f"{state / 'pending.json'}: " in told
    assert applied.read(SSHD) == WITHOUT_RULES
    code, told = command(applied, "revert")
    assert code == (CannotWrite.exit_code if put is put_directory else 0)
    assert f"{state / 'pending.json'}: " in told
    assert tree(outside) == before


@pytest.mark.parametrize(
    "fields",
    [
        {},
        [],
        {"unit": 1},
        {"unit": "u", "deadline": "soon", "services": [], "user": "", "login": "", "boot": ""},
        {"unit": "u", "deadline": 1, "services": 5, "user": "", "login": "", "boot": ""},
        {"unit": "u", "deadline": 1, "services": [5], "user": [], "login": "", "boot": ""},
    ],
)
def test_a_note_with_other_fields_is_reported_and_dropped(applied: Root, fields: object) -> None:
    note = applied.directory / STATE / "pending.json"
    note.write_text(json.dumps(fields))
    code, told = command(applied, "revert")
    assert (code, f"{note}: " in told) == (0, True), told
    assert applied.read(SSHD) == WITHOUT_RULES
    assert not note.exists()


ARABIC = "\u0660" * 5 + "\u0661"  # decimal digits too
FOREIGN = ("1", "1000", "2000", "0000001", "000042", "999998", ARABIC, "notes")


def test_directories_of_others_stay_as_they_are(root: Root) -> None:
    below = root.directory / CHECKPOINTS
    for name in FOREIGN:
        (below / name).mkdir(parents=True)
        (below / name / "model.bin").write_bytes(b"weights")
    below.parent.chmod(0o700)
    (below / "empty").mkdir()
    (below / "000043").mkdir()
    before = tree(below)
    for _ in range(2):
        for line in ("apply", "revert"):
            code, told = command(root, line)
            assert code == 0, told
    assert call(root, "recover") == 0
    assert tree(below) == before
    assert root.read(SSHD) == WITHOUT_RULES


def test_a_saved_copy_whose_manifest_is_lost_is_kept_and_reported(applied: Root) -> None:
    first = applied.directory / FIRST
    (first / "manifest.json").unlink()
    assert (first / "0").read_bytes() == WITHOUT_RULES
    before = tree(applied.directory)
    assert command(applied, "apply")[0] == 0
    for _ in range(2):
        code, told = command(applied, "revert")
        assert code == INVALID
        assert f"{first}: manifest.json is missing" in told
        assert call(applied, "revert") == INVALID
    assert tree(applied.directory) == before
    assert_looking_is_as_ever(applied)


def test_a_lost_manifest_keeps_nobody_from_reverting_the_other_changes(applied: Root) -> None:
    lost = applied.directory / CHECKPOINTS / "000005"
    lost.mkdir()
    (lost / "0").write_bytes(b"saved")
    assert command(applied, "revert")[0] == INVALID
    assert applied.read(SSHD) == WITHOUT_RULES
    assert (lost / "0").read_bytes() == b"saved"
    assert command(applied, "apply")[0] == 0
    assert (applied.directory / CHECKPOINTS / "000006" / "manifest.json").exists()


def test_a_run_that_died_and_cannot_be_undone_keeps_nobody_from_reverting_the_others(
    applied: Root,
) -> None:
    second = applied.directory / CHECKPOINTS / "000002"
    shutil.copytree(applied.directory / FIRST, second)
    manifest = json.loads((second / "manifest.json").read_bytes())
    (second / "manifest.json").write_text(json.dumps({**manifest, "state": "in progress"}))
    (second / "0").write_bytes(b"damaged")
    before = tree(second)
    applied.path(SSHD).write_bytes(b"# mine\n" + WITH_RULES)
    assert command(applied, "apply")[0] == INVALID
    assert applied.read(SSHD) == b"# mine\n" + WITH_RULES
    code, told = command(applied, "revert")
    assert (code, f"{second / '0'}: the saved copy of {SSHD} is damaged" in told) == (INVALID, True)
    assert applied.read(SSHD) == b"# mine\n" + WITHOUT_RULES
    assert tree(second) == before


def test_revert_names_what_it_reverted_of_a_run_that_died(applied: Root) -> None:
    place = applied.directory / FIRST / "manifest.json"
    manifest = json.loads(place.read_bytes())
    place.write_text(json.dumps({**manifest, "state": "in progress"}))
    code, told = command(applied, "revert")
    assert (code, f"reverted {SSHD}" in told) == (0, True), told
    assert applied.read(SSHD) == WITHOUT_RULES


@pytest.mark.parametrize("component", [STATE, CHECKPOINTS])
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_a_directory_that_others_can_write_to_is_refused(
    applied: Root, component: str, mode: int
) -> None:
    (applied.directory / component).chmod(mode)
    before = tree(applied.directory)
    assert set(every_way(applied).values()) == {INVALID}
    told = command(applied, "revert")[1]
    assert f"{applied.directory / component}: users other than its owner can write to it" in told
    assert tree(applied.directory) == before


def test_a_checkpoint_that_others_can_write_to_is_not_trusted(applied: Root) -> None:
    (applied.directory / FIRST).chmod(0o777)
    code, told = command(applied, "revert")
    assert (code, "can write to it" in told) == (INVALID, True)
    assert applied.read(SSHD) == WITH_RULES


@needs_root
@pytest.mark.parametrize("component", [STATE, CHECKPOINTS])
def test_a_directory_of_another_user_is_refused(applied: Root, component: str) -> None:
    os.chown(applied.directory / component, 4712, 4712)
    assert set(every_way(applied).values()) == {INVALID}
    told = command(applied, "revert")[1]
    assert f"{applied.directory / component}: belongs to user id 4712" in told
    assert applied.read(SSHD) == WITH_RULES


@needs_root
def test_the_owner_of_an_image_may_have_made_its_state_directory(applied: Root) -> None:
    for place in (applied.directory, *applied.directory.rglob("*")):
        os.chown(place, 4712, 4712, follow_symlinks=False)
    assert command(applied, "revert")[0] == 0
    assert applied.read(SSHD) == WITHOUT_RULES


@needs_root
def test_only_the_user_who_runs_may_own_the_state_directory_of_the_running_system(
    applied: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (applied.directory, *applied.directory.rglob("*")):
        os.chown(place, 4712, 4712, follow_symlinks=False)
    monkeypatch.setattr(Root, "is_running_system", True)
    with pytest.raises(InvalidData, match="belongs to user id 4712"):
        recover(applied)
    os.chown(applied.directory / STATE, 0, 0)
    with pytest.raises(InvalidData, match="checkpoints: belongs to user id 4712"):
        recover(applied)


def old_checkpoint(root: Root, manifest: dict[str, object]) -> Path:
    """Write a checkpoint as the version before this one did: with no mark in it."""
    directory = root.directory / CHECKPOINTS / "000003"
    directory.mkdir(parents=True, mode=0o700)
    (root.directory / STATE).chmod(0o700)
    (directory.parent).chmod(0o700)
    (directory / "0").write_bytes(BEFORE)
    (directory / "manifest.json").write_text(json.dumps(manifest))
    return directory


def old_manifest(state: str) -> dict[str, object]:
    file = {
        "path": SSHD,
        "existed": True,
        "digest_before": "",
        "after": "auth required new\n",
        "attributes": {"mode": 0o640, "uid": 0, "gid": 0, "extended": []},
        "edits": [],
    }
    manifest = {"schema": 1, "state": state, "files": [file], "made_directories": []}
    return {**manifest, "written": [SSHD]}


@pytest.mark.parametrize("state", ["final", "in progress"])
def test_a_checkpoint_of_the_version_before_can_be_reverted(root: Root, state: str) -> None:
    import hashlib

    manifest = old_manifest(state)
    manifest["files"][0]["digest_before"] = hashlib.sha256(BEFORE).hexdigest()  # type: ignore[index]
    directory = old_checkpoint(root, manifest)
    root.path(SSHD).write_bytes(b"auth required new\n")
    assert command(root, "revert")[0] == 0
    assert root.read(SSHD) == BEFORE
    assert list(directory.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("path", 5),
        ("path", "etc/pam.d/sshd"),
        ("path", "/etc/pam.d/\0"),
        ("path", None),
        ("existed", "no"),
        ("after", 5),
        ("attributes", 5),
        ("attributes", {"mode": "x", "uid": 0, "gid": 0, "extended": []}),
        ("edits", 5),
        ("edits", [{"line": "x", "old": "", "new": "auth"}]),
        ("edits", [{"line": 1, "old": "", "new": 5}]),
    ],
)
def test_a_manifest_with_other_fields_is_refused_in_words(
    applied: Root, field: str, value: object
) -> None:
    place = applied.directory / FIRST / "manifest.json"
    manifest = json.loads(place.read_bytes())
    manifest["files"][0][field] = value
    place.write_text(json.dumps(manifest))
    applied.path(SSHD).write_bytes(b"# mine\n" + WITH_RULES)
    code, told = command(applied, "revert")
    assert (code, f"{place}: " in told) == (INVALID, True), told
    assert applied.read(SSHD) == b"# mine\n" + WITH_RULES


@pytest.mark.parametrize("field", ["made_directories", "written"])
@pytest.mark.parametrize("value", [5, [5], ["\0"], ["etc"], None])
def test_a_manifest_with_other_paths_is_refused_in_words(
    applied: Root, field: str, value: object
) -> None:
    place = applied.directory / FIRST / "manifest.json"
    manifest = {**json.loads(place.read_bytes()), field: value}
    place.write_text(json.dumps(manifest))
    code, told = command(applied, "revert")
    assert (code, f"{place}: " in told) == (INVALID, True), told
