"""``creds-setup-pam --root DIR`` changes nothing outside DIR, and runs nothing: seen by strace."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from creds_session.setup_pam.plan import DROP_IN_TEXT
from tests.unit.small_disk import fill, small_disk
from tests.unit.system_tree import DROP_IN, PASSWD, SSHD, make_system, snapshot
from tests.unit.traces import (
    LOOKS,
    OPENS,
    STARTS,
    TAKES_PATHS,
    Call,
    python,
    require_strace,
    setup_pam,
    traced,
)

COMMANDS = {
    "check": 1,
    "diff": 1,
    "explain": 0,
    "explain --files": 0,
    "simulate --call authenticate": 0,
    "apply": 0,
    "apply --only-add --strict": 0,
    "": 1,
}
# What a command about another system must not even read of this one.
OF_THE_HOST = re.compile(
    r"/(etc|usr/lib|run|var/lib)/(pam\.d|pam\.conf|ssh|systemd|creds-session)\b"
)


@pytest.fixture
def system(tmp_path: Path) -> Path:
    return make_system(tmp_path / "system")


def run(system: Path, command: str, code: int) -> list[Call]:
    """Run a command about the system; assert its exit code, and that all stays in the folder."""
    place = system.parent / "trace"
    done, calls = traced(setup_pam("--root", str(system), *command.split()), place)
    assert done.returncode == code, done
    assert list(strays(system, calls)) == []
    assert list(resolved(system, calls)) == []
    assert list(system.rglob("*-was-run")) == []
    return calls


def strays(system: Path, calls: list[Call]) -> Iterator[str]:
    """Yield the calls that leave the folder, or start a program, or speak to another process."""
    first, *others = calls
    assert first.name == "execve"
    for call in others:
        outside = [path for path in call.paths if not Path(path).is_relative_to(system)]
        # A file that was opened before, by a path that was judged then.
        outside = [path for path in outside if not path.startswith("/proc/self/fd/")]
        written = [path for path in outside if call.changes_files and path != "/dev/null"]
        read = [path for path in outside if OF_THE_HOST.match(path) or "libpam.so" in path]
        if call.starts_a_program or call.name in {"connect", "sendto", "sendmsg"}:
            yield f"{call.name}({call.arguments})"
        elif written or read:
            yield f"{call.name}: {written or read}"


def resolved(system: Path, calls: list[Call]) -> Iterator[str]:
    """Yield the calls by which more than one name in the folder is looked up at once.

    Such a path was right when it was put together, and leads elsewhere if a link takes the place of
    one of its names meanwhile. One name in an open directory is what was judged. None of the
    directories on the way to the folder is opened by a longer path either, except ``/``.
    """
    for call in (one for one in calls if one.name in TAKES_PATHS | LOOKS - STARTS):
        for name, path in zip(call.names, call.paths):
            is_inside = Path(path).is_relative_to(system) and not path.startswith("/proc/")
            is_followed = call.name in OPENS and "O_NOFOLLOW" not in call.arguments and name != "."
            if is_inside and ("/" in name or is_followed):
                yield f"{call.name}({call.arguments})"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_about_another_root_stays_there_and_runs_nothing(
    system: Path, command: str
) -> None:
    before = snapshot(system)
    calls = run(system, command, COMMANDS[command])
    assert any(str(system / SSHD) in call.paths for call in calls)
    is_changed = snapshot(system) != before
    assert is_changed == command.startswith("apply")


def test_revert_of_another_root_stays_there_and_runs_nothing(system: Path) -> None:
    before = snapshot(system)
    run(system, "apply", 0)
    changed = snapshot(system)
    assert {name for name in changed if changed[name] != before.get(name)} == {
        *(SSHD, PASSWD, DROP_IN)
    }
    run(system, "revert", 0)
    assert snapshot(system) == before


def test_a_change_for_the_vendor_stays_in_usr_of_another_root(system: Path) -> None:
    vendor, library = system / "usr/lib/pam.d", system / "usr/lib/x86_64-linux-gnu/libpam.so.0"
    vendor.mkdir()
    (system / SSHD).rename(vendor / "sshd")
    library.write_bytes(b"\0/etc/pam.d/%s\0/usr/lib/pam.d/%s\0")
    before = snapshot(system)
    run(system, "diff --vendor", 1)
    run(system, "apply --vendor", 0)
    changed = snapshot(system)
    names = {name for name in changed if changed[name] != before.get(name)}
    assert len(names) == 2
    assert all(name.startswith("usr/lib/") for name in names)
    run(system, "revert", 0)
    assert snapshot(system) == before


@pytest.mark.parametrize("edited", [False, True])
def test_revert_of_another_root_stays_there_on_a_full_disk(tmp_path: Path, *, edited: bool) -> None:
    """The saved copy is linked into its place there; an edited file is overwritten as it is."""
    with small_disk(tmp_path / "system") as place:
        system = make_system(place)
        (system / DROP_IN).parent.mkdir(parents=True)
        (system / DROP_IN).write_bytes(DROP_IN_TEXT)  # removing it would make room
        before = snapshot(system)[SSHD]
        run(system, "--service sshd apply", 0)
        theirs = b"# edited\n" if edited else b""
        (system / SSHD).write_bytes(theirs + (system / SSHD).read_bytes())
        fill(place)
        names = {call.name for call in run(system, "--service sshd revert", 0)}
        assert (system / SSHD).read_bytes() == theirs + before
    assert ("linkat" in names, "pwrite64" in names) == (not edited, edited)


@pytest.mark.parametrize("command", ["check", "apply", "revert"])
def test_what_a_killed_run_left_is_undone_by_a_change_there(system: Path, command: str) -> None:
    before = snapshot(system)
    apply_it = setup_pam("--root", str(system), "apply")
    require_strace()
    # The last file of the change, whose directory was made.
    kill = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=renameat:signal=KILL:when=10"]
    subprocess.run([*kill, *apply_it], check=False, capture_output=True)
    assert snapshot(system)[SSHD] != before[SSHD]
    assert (system / DROP_IN).parent.exists()
    left = snapshot(system)
    run(system, command, {"check": 1}.get(command, 0))
    if command == "check":  # it only looks
        assert snapshot(system) == left
        return
    assert (snapshot(system) == before) == (command == "revert")
    assert (system / DROP_IN).parent.exists() == (command == "apply")


def test_a_path_that_was_resolved_before_is_seen(system: Path) -> None:
    """Show that the trace sees a file opened by its path, and one opened through a link."""
    place = system.parent / "trace"
    code = "import os; os.stat(sys.argv[1]); fd = os.open(sys.argv[2], os.O_PATH)\n"
    code += "os.open('etc', os.O_RDONLY, dir_fd=fd)\n"
    _, calls = traced(python(code, str(system / SSHD), str(system)), place)
    seen = "\n".join(resolved(system, calls))
    assert str(system / SSHD) in seen
    assert '"etc", O_RDONLY' in seen


@pytest.mark.parametrize("command", ["", "check", "apply", "revert"])
def test_an_empty_root_is_not_this_directory(
    system: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """``--root "$IMAGE"`` without a value is no reason to change what lies here."""
    monkeypatch.chdir(system)
    before = snapshot(system)
    done, _ = traced(setup_pam("--root", "", *command.split()), system.parent / "trace")
    assert done.returncode == 64
    assert "--root is empty" in done.stderr
    assert snapshot(system) == before


def test_what_leaves_the_folder_is_seen(system: Path) -> None:
    """Show that the trace sees a write outside, a read of the host's PAM, and a program."""
    place = system.parent / "trace"
    outside = system.parent / "outside"
    script = f'cat /etc/pam.d/other; : >"{outside}"; cat /etc/ssh/sshd_config; true'
    _, calls = traced(["sh", "-c", script], place)
    seen = "\n".join(strays(system, calls))
    assert str(outside) in seen
    assert "clone" in seen or "fork" in seen
    assert "execve" in seen
