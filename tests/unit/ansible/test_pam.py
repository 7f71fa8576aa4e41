"""``pam`` and ``pam_info`` on an image, with the program that the collection carries."""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from creds_session.setup_pam.transaction import FileChange, change
from creds_session.system.files.root import Root
from creds_session.version import __version__
from tests.unit.ansible.conftest import CHECKOUT, Ended, Run, StandIn
from tests.unit.children import run_child
from tests.unit.images import SSHD, make_image, write

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root may change PAM files")
LOCK = "var/lib/creds-session/lock"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    directory = tmp_path / "image"
    directory.mkdir()
    make_image(directory)
    return directory


def fingerprint(directory: Path) -> str:
    """Return a digest of everything in an image, without the lock that a change leaves."""
    found = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if not name.startswith("var"):
            found.update(f"{name} {path.lstat().st_mode:o}".encode())
            found.update(path.read_bytes() if path.is_file() else b"")
    return found.hexdigest()


def test_check_mode_says_what_would_change_and_changes_nothing(image: Path, run: Run) -> None:
    before = fingerprint(image)
    would = run("pam", check=True, root=str(image))
    assert (would.failed, would.result["changed"]) == (False, True)
    assert SSHD in would.result["changed_files"]
    assert "+auth       [default=ignore] pam_gnome_keyring.so" in would.result["diff"]["prepared"]
    assert fingerprint(image) == before
    assert not (image / LOCK).exists()


def test_it_changes_once_and_reverts_to_the_same_bytes(image: Path, run: Run) -> None:
    before = fingerprint(image)
    would = run("pam", check=True, root=str(image)).result
    made = run("pam", root=str(image)).result
    assert (made["changed"], made["complete"]) == (True, True)
    assert made["changed_files"] == would["changed_files"]
    assert made["diff"] == would["diff"]
    again = run("pam", root=str(image)).result
    assert (again["changed"], again["complete"]) == (False, True)
    judged = run("pam_info", root=str(image)).result
    assert (judged["judged"], judged["healthy"], judged["change_needed"]) == (True, True, False)
    changed = fingerprint(image)
    would = run("pam", check=True, root=str(image), state="absent").result
    assert fingerprint(image) == changed
    gone = run("pam", root=str(image), state="absent").result
    assert gone["changed"]
    assert sorted(gone["changed_files"]) == sorted(would["changed_files"])
    assert gone["diff"] == would["diff"]
    assert "-session    [default=ignore] pam_gnome_keyring.so" in gone["diff"]["prepared"]
    assert fingerprint(image) == before
    assert run("pam", root=str(image), state="absent").result == {"changed": False}


def test_the_program_runs_once_to_look_and_once_to_change(image: Path, run: Run) -> None:
    """The proof is the costly part, so the module does not look before a change that looks too."""
    for check, action in ((True, "diff"), (False, "apply"), (False, "apply")):
        ended = run("pam", check=check, root=str(image))
        assert [action in command for command in ended.commands] == [True]


def test_a_host_that_needs_no_change_needs_no_right_to_change(
    image: Path, run: Run, tmp_path: Path
) -> None:
    run("pam", root=str(image))
    program = tmp_path / "program"
    source = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r})\n"
    program.write_text(f"#!/usr/bin/python3\n{source}{NOT_PERMITTED}")
    program.chmod(0o755)
    again = run("pam", root=str(image), executable=str(program))
    assert (again.failed, again.result["changed"]) == (False, False)
    run("pam", root=str(image), state="absent")
    failed = run("pam", root=str(image), executable=str(program))
    assert (failed.failed, failed.result["rc"]) == (True, 77)
    assert "requires root" in failed.result["msg"]


NOT_PERMITTED = """\
from creds_session.cli.setup_pam.main import main

if "apply" in sys.argv:
    print("creds-setup-pam: this requires root", file=sys.stderr)
    sys.exit(77)
sys.exit(main())
"""
KILLED = """\
import os

from creds_session.cli.setup_pam.main import main

if "apply" not in sys.argv:
    sys.exit(main())
if WRITES:
    main()
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("writes", [True, False])
def test_an_apply_that_was_killed_is_not_said_to_have_changed_nothing(
    image: Path, run: Run, tmp_path: Path, writes: bool
) -> None:
    program = tmp_path / "program"
    source = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r})\nWRITES = {writes}\n"
    program.write_text(f"#!/usr/bin/python3\n{source}{KILLED}")
    program.chmod(0o755)
    before = fingerprint(image)
    failed = run("pam", root=str(image), executable=str(program))
    assert (failed.failed, failed.result["rc"]) == (True, -9)
    assert (fingerprint(image) != before) == writes
    assert failed.result["changed"] == writes


UNSAFE = b"""\
auth     sufficient pam_unix.so
auth     sufficient pam_unix.so
auth     [success=2 default=die] pam_unix.so
session  required   pam_unix.so
"""


def test_a_refusal_has_its_reason_in_the_message(image: Path, run: Run) -> None:
    write_unsafe(image)
    before = fingerprint(image)
    refused = run("pam", root=str(image))
    assert refused.failed
    assert refused.result["changed"] is False
    assert fingerprint(image) == before
    for one in refused.result.get("refused", []):
        assert one["reason"] in refused.result["msg"]
    assert refused.result["msg"]


def test_an_incomplete_change_is_made_on_request_only(image: Path, run: Run) -> None:
    place = image / SSHD.lstrip("/")
    place.write_bytes(IN_PART)
    refused = run("pam", root=str(image))
    assert (refused.failed, refused.result["changed"]) == (True, False)
    assert refused.result["refused"][0]["group"] == "password"
    assert place.read_bytes() == IN_PART
    made = run("pam", root=str(image), accept_incomplete=True)
    assert (made.failed, made.result["changed"], made.result["complete"]) == (False, True, False)
    assert made.result["refused"] == refused.result["refused"]
    again = run("pam", root=str(image), accept_incomplete=True)
    assert (again.failed, again.result["changed"]) == (False, False)


IN_PART = b"""\
auth     [success=1 default=ignore] pam_unix.so
auth     requisite  pam_deny.so
auth     required   pam_permit.so
account  required   pam_unix.so
password sufficient pam_unix.so
session  required   pam_unix.so
session  optional   pam_systemd.so
"""


def write_unsafe(image: Path) -> None:
    write(Root(image), SSHD, UNSAFE)


def test_a_file_that_libpam_refuses_is_a_fact_for_pam_info(image: Path, run: Run) -> None:
    (image / SSHD.lstrip("/")).write_bytes(b"nonsense\n")
    seen = run("pam_info", root=str(image))
    assert not seen.failed
    assert seen.result["judged"] is False
    assert f"{SSHD}:1" in seen.result["problem"]
    failed = run("pam", root=str(image))
    assert (failed.failed, failed.result["rc"]) == (True, 65)
    assert failed.result["msg"] == seen.result["problem"]


def end_after_writing(image: Path) -> None:
    """End a run that has written a file, and has not finished its change."""

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    whole = (image / SSHD.lstrip("/")).read_bytes()
    files = (FileChange(SSHD, whole, whole + b"# written\n"),)
    assert run_child(lambda: change(Root(image), files, die)) == -signal.SIGKILL


def test_looking_leaves_what_an_interrupted_run_left(image: Path, run: Run) -> None:
    run("pam", root=str(image))
    end_after_writing(image)
    checkpoints = image / "var/lib/creds-session/checkpoints"
    state = sorted((path.name, path.stat().st_mtime_ns) for path in checkpoints.rglob("*"))
    before = fingerprint(image)
    seen = run("pam_info", root=str(image)).result
    assert (seen["unfinished_run"], seen["healthy"]) == (True, False)
    assert run("pam", check=True, root=str(image)).result["changed"]
    run("pam", check=True, root=str(image), state="absent")
    after = sorted((path.name, path.stat().st_mtime_ns) for path in checkpoints.rglob("*"))
    assert (after, fingerprint(image)) == (state, before)


def test_a_change_that_was_not_finished_is_made_again(image: Path, run: Run) -> None:
    run("pam", root=str(image))
    whole = fingerprint(image)
    end_after_writing(image)
    assert not run("pam", root=str(image)).failed
    assert fingerprint(image) == whole
    assert run("pam_info", root=str(image)).result["healthy"]


def test_the_files_can_be_kept_for_a_later_comparison(image: Path, run: Run) -> None:
    files = run("pam_info", root=str(image), with_files=True).result["files"]
    (sshd,) = [file for file in files if file["path"] == SSHD]
    content = (image / SSHD.lstrip("/")).read_bytes()
    assert sshd["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_files_of_every_directory_that_libpam_may_read_are_kept(image: Path, run: Run) -> None:
    places = [
        f"/{place}/login" for place in ("usr/lib/pam.d", "usr/etc/pam.d", "usr/share/pam/pam.d")
    ]
    for place in places:
        write(Root(image), place, b"auth required pam_unix.so\n")
    files = run("pam_info", root=str(image), with_files=True).result["files"]
    assert {file["path"] for file in files} == {SSHD, *places}


def test_a_service_that_does_not_exist_is_a_fact_too(image: Path, run: Run) -> None:
    seen = run("pam_info", root=str(image), services=["nothing"])
    assert (seen.failed, seen.result["judged"]) == (False, False)
    assert "nothing" in seen.result["problem"]
    assert run("pam", root=str(image), services=["nothing"]).result["rc"] == 66


def test_a_link_in_an_image_leads_nowhere_else(image: Path, run: Run, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "sshd").write_bytes(b"auth required pam_secret.so\n")
    (image / "etc/pam.d/other").symlink_to(elsewhere / "sshd")
    files = run("pam_info", root=str(image), with_files=True).result["files"]
    assert {file["path"] for file in files} == {SSHD}
    (image / "etc/pam.d").rename(image / "etc/kept")
    (image / "etc/pam.d").symlink_to(elsewhere)
    assert run("pam_info", root=str(image), with_files=True).result["files"] == []
    gone = run("pam", root=str(image), state="absent", check=True)
    assert "pam_secret" not in str(gone.result)


@pytest.mark.parametrize("mode", [0o775, 0o757])
def test_the_copy_is_kept_only_where_root_alone_can_write(
    plugin: Callable[[str], Any], mode: int
) -> None:
    root_only = plugin("module_utils.root_only")
    with tempfile.TemporaryDirectory(dir="/root") as place:
        path = Path(place, "creds-session/ansible-1")
        path.parent.mkdir()
        path.parent.chmod(0o755)
        assert root_only.weak_part(str(path)) == ""
        Path(place).chmod(mode)
        assert root_only.weak_part(str(path)) == place
        Path(place).chmod(0o755)
        os.chown(path.parent, 1000, 0)
        assert root_only.weak_part(str(path)) == str(path.parent)


def test_a_directory_of_others_is_a_refusal_by_the_module_itself(
    plugin: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rollout takes a failure without a meaning for a host that no longer answers."""
    setup_pam = plugin("module_utils.setup_pam")
    monkeypatch.setattr(setup_pam, "PREFIX", "/tmp/creds-session")
    monkeypatch.setattr(StandIn, "arguments", {})
    with pytest.raises(Ended) as ended:
        setup_pam.command_of(StandIn({"executable": {}}), keep=True)
    assert ended.value.result["changed"] is False
    assert "nothing was changed" in ended.value.result["msg"]
    assert ended.value.result["meaning"]


@pytest.fixture
def prefix(plugin: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a directory of root below which the copy is kept."""
    with tempfile.TemporaryDirectory(dir="/root") as place:
        monkeypatch.setattr(plugin("module_utils.setup_pam"), "PREFIX", place)
        yield Path(place)


def command_of(plugin: Callable[[str], Any], directory: Path, *, keep: bool) -> list[str]:
    """Return what the modules start; ``directory`` is the temporary one of a module."""
    directory.mkdir(exist_ok=True)
    module = StandIn({"executable": {}})
    module.tmpdir = str(directory)
    return plugin("module_utils.setup_pam").command_of(module, keep=keep)  # type: ignore[no-any-return]


def version_of(command: list[str]) -> str:
    line = [*command, "--version"]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout


def test_to_look_only_two_files_are_written(
    plugin: Callable[[str], Any], prefix: Path, tmp_path: Path
) -> None:
    command = command_of(plugin, tmp_path / "module", keep=False)
    assert version_of(command) == f"creds-setup-pam {__version__}\n"
    names = {path.name for path in (tmp_path / "module").iterdir()}
    assert names == {"creds-setup-pam", "creds-setup-pam.json"}
    assert not list(prefix.iterdir())


def test_what_is_kept_is_compiled_and_only_root_can_change_it(
    plugin: Callable[[str], Any], prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mask = os.umask(0)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "elsewhere"))  # by a variable
    try:
        command = command_of(plugin, tmp_path / "module", keep=True)
    finally:
        os.umask(mask)
    assert sys.pycache_prefix is None
    assert version_of(command) == f"creds-setup-pam {__version__}\n"
    (kept,) = prefix.iterdir()
    for path in kept.rglob("*"):
        assert path.lstat().st_mode & 0o022 == 0, path
    for source in kept.rglob("*.py"):
        compiled = Path(importlib.util.cache_from_source(str(source)))
        assert str(source).encode() in compiled.read_bytes()  # not where it was unpacked
    started = subprocess.run(
        [command[0], "-v", *command[1:], "--version"], capture_output=True, text=True, check=True
    )
    loaded = [line for line in started.stderr.splitlines() if "code object from" in line]
    ours = [line.rstrip("'") for line in loaded if str(kept) in line]
    assert ours
    assert [line for line in ours if not line.endswith(".pyc")] == []


def test_what_is_kept_is_run_to_look_too_unless_others_can_change_it(
    plugin: Callable[[str], Any], prefix: Path, tmp_path: Path
) -> None:
    kept = command_of(plugin, tmp_path / "first", keep=True)
    assert command_of(plugin, tmp_path / "second", keep=False) == kept
    assert not list((tmp_path / "second").iterdir())
    prefix.chmod(0o777)
    assert command_of(plugin, tmp_path / "third", keep=False)[-1].startswith(str(tmp_path))


@pytest.mark.parametrize(
    "rights", [(0o755, 0), (0o777, 0), (0o755, 1000)], ids=["root's", "mode", "owner"]
)
@pytest.mark.parametrize("links", [1, 2])
def test_each_link_on_the_way_is_looked_at(
    plugin: Callable[[str], Any],
    prefix: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rights: tuple[int, int],
    links: int,
) -> None:
    """Others can replace a link in a directory of theirs, or one that is theirs."""
    mode, owner = rights
    kept = command_of(plugin, tmp_path / "first", keep=True)
    (prefix / "shared").mkdir()
    (prefix / "shared/link").symlink_to("..")
    os.chown(prefix / "shared/link", owner, owner, follow_symlinks=False)
    (prefix / "shared").chmod(mode)
    (prefix / "way").symlink_to(prefix / "shared/link")
    named = prefix / ("shared/link" if links == 1 else "way")
    monkeypatch.setattr(plugin("module_utils.setup_pam"), "PREFIX", str(named))
    is_weak = rights != (0o755, 0)
    command = command_of(plugin, tmp_path / "second", keep=False)
    assert Path(command[-1]).samefile(kept[-1]) is not is_weak
    if is_weak:
        with pytest.raises(Ended, match="can be changed by others than root"):
            command_of(plugin, tmp_path / "second", keep=True)


def test_a_link_to_itself_is_weak(plugin: Callable[[str], Any], prefix: Path) -> None:
    (prefix / "way").symlink_to("way")
    assert plugin("module_utils.root_only").weak_part(str(prefix / "way/x")) == str(prefix / "way")


def test_a_directory_that_cannot_be_entered_is_not_used(prefix: Path) -> None:
    """By a user who is not root, in whose process nothing may fail because of it."""
    code = (
        "import os, runpy, sys; module = runpy.run_path(sys.argv[1]);"
        " os.setgroups([]); os.setgid(1000); os.setuid(1000);"
        " print(module['weak_part'](sys.argv[2]))"
    )
    root_only = CHECKOUT / "scripts/ansible/plugins/module_utils/root_only.py"
    argv = [sys.executable, "-c", code, str(root_only), str(prefix / "x/y")]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.strip() in {"/root", str(prefix)}


def test_a_damaged_copy_is_not_run_and_can_be_removed(
    plugin: Callable[[str], Any], prefix: Path, tmp_path: Path
) -> None:
    command = command_of(plugin, tmp_path / "first", keep=True)
    setup_pam = plugin("module_utils.setup_pam")
    module = StandIn({"executable": {}})
    module.tmpdir = str(tmp_path / "first")
    absent = setup_pam.command_of(module, keep=False, use_kept=False)
    assert absent[-1].startswith(str(tmp_path))
    Path(command[-1]).unlink()
    assert command_of(plugin, tmp_path / "second", keep=False)[-1].startswith(str(tmp_path))
    setup_pam.remove_kept()
    assert not list(prefix.iterdir())


def test_another_run_may_make_the_directory_first(
    plugin: Callable[[str], Any], prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was not there when this run looked, and it is there when this run makes it."""
    is_directory, looks = os.path.isdir, [str(prefix)]

    def not_yet(path: str) -> bool:
        if path in looks:
            looks.remove(path)
            return False
        return is_directory(path)

    with monkeypatch.context() as patch:
        patch.setattr(os.path, "isdir", not_yet)
        command = command_of(plugin, tmp_path / "module", keep=True)
    assert not looks
    assert version_of(command) == f"creds-setup-pam {__version__}\n"
    assert Path(command[-1]).is_relative_to(prefix)


def test_nothing_is_left_of_a_copy_that_could_not_be_written(
    plugin: Callable[[str], Any], prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: object, **_more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(plugin("module_utils.setup_pam").compileall, "compile_dir", full)
    with pytest.raises(OSError, match="No space left"):
        command_of(plugin, tmp_path / "module", keep=True)
    assert not list(prefix.iterdir())


@pytest.mark.usefixtures("prefix")
def test_an_error_in_the_program_names_the_module_and_the_line(
    plugin: Callable[[str], Any], tmp_path: Path
) -> None:
    command = command_of(plugin, tmp_path / "module", keep=False)
    modules = Path(f"{command[-1]}.json")
    texts = json.loads(modules.read_text("utf-8"))
    texts["creds_session/cli/setup_pam/main.py"] += "\nraise RuntimeError\n"
    modules.write_text(json.dumps(texts), "utf-8")
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    lines = texts["creds_session/cli/setup_pam/main.py"].count("\n")
    assert f'creds_session/cli/setup_pam/main.py", line {lines}' in done.stderr
