"""Signals, and SIGKILL, at a touch of the disk while a change is made, noted and reverted.

CREDS_KILL_ALL=1 takes every touch.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from creds_session.errors import CannotWrite
from creds_session.setup_pam import confirmation, recovery
from creds_session.setup_pam.pending_note import Pending, read_note
from creds_session.setup_pam.transaction import change, recover, revert
from creds_session.system.files.root import Root
from creds_session.system.files.state import state_directory_if_there
from creds_session.system.processes.commands import Completed
from creds_session.system.processes.deferred_signals import Interrupted, deferred_signals
from creds_session.system.systemd import logind, timers
from tests.depth import KILL_ALL
from tests.unit.children import at_event, kill_myself, run_child, run_to_touch
from tests.unit.setup_pam.test_transaction import (
    CHANGES,
    Files,
    Run,
    before_and_after,
    changing,
    checkpoints_left,
    files,
    make_tree,
    nothing,
    temporaries,
)

ENDING = (
    *(signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT, signal.SIGINT, signal.SIGUSR1),
    *(signal.SIGALRM, signal.SIGXCPU, signal.SIGRTMIN + 3),
)
TIMERS = "/run/timers"
STEP = 1 if KILL_ALL else 3  # a sample of the touches, or all of them
SEEN = {0, 1} if KILL_ALL else {0}  # a whole change is left at the last touches alone


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk: no power goes here."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture(autouse=True)
def timer_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep timers as files, so that they outlive the process that sets them, as systemd's do."""
    monkeypatch.setattr(timers, "run", run_systemd)
    monkeypatch.setattr("creds_session.system.systemd.systemctl.run", run_systemd)
    monkeypatch.setattr(confirmation, "for_root_later", lambda _name: ("/bin/sh",))
    monkeypatch.setattr(logind, "own", lambda: None)


PLACE: list[Path] = []


def run_systemd(argv: list[str], **_options: object) -> Completed:
    units = [word for word in argv if word.endswith(".timer")]
    if argv[0] == "systemd-run":
        (unit,) = (word.partition("=")[2] for word in argv if word.startswith("--unit="))
        (PLACE[-1] / f"{unit}.timer").touch()
    elif argv[1] == "stop":
        for unit in units:
            (PLACE[-1] / unit).unlink(missing_ok=True)
    elif argv[1] == "is-active":
        return Completed(0 if all((PLACE[-1] / unit).exists() for unit in units) else 3, "", "")
    return Completed(0, "", "")


@pytest.fixture
def states(tmp_path: Path) -> tuple[Files, Files]:
    return before_and_after(tmp_path / "reference")


def make_tree_with_timers(directory: Path) -> Root:
    root = make_tree(directory)
    PLACE.append(root.path(TIMERS))
    PLACE[-1].mkdir(parents=True)
    return root


def waiting(root: Root) -> None:
    within = partial(confirmation.waiting, root, limit=600, services=("sshd",))
    change(root, CHANGES, nothing, within)


def sent_anywhere(
    tmp_path: Path, act: Callable[[Root], object], *, again: bool = False
) -> Iterator[Run]:
    """Do the same again and again; let a signal come at the first, second, ... last touch."""
    for number, ending in zip(itertools.count(1, STEP), itertools.cycle(ENDING)):
        root = make_tree_with_timers(tmp_path / f"{act.__name__} {number}")
        if act is revert:
            changing(root)
        told = tmp_path / f"{number}.told"

        def send(ending: int = ending) -> None:
            os.kill(os.getpid(), ending)

        def run(
            number: int = number,
            root: Root = root,
            told: Path = told,
            send: Callable[[], None] = send,
        ) -> None:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # pytest-timeout has taken it
            if again:
                at_event(number + 1, send, told.with_suffix(".again"))
            act(root)

        code, is_touched = run_to_touch(number, send, run, told)
        if not is_touched:
            assert (code, number > 20) == (0, True)
            return
        yield Run(number, code, root)


@pytest.mark.parametrize("again", [False, True])
def test_a_signal_anywhere_leaves_nothing_or_the_whole_change(
    tmp_path: Path, states: tuple[Files, Files], *, again: bool
) -> None:
    ends = []
    for run in sent_anywhere(tmp_path, changing, again=again):
        now = files(run.root)
        assert now in states, run
        assert temporaries(run.root) == [], run
        assert (now == states[0]) == (checkpoints_left(run.root) == []), run
        ends.append((states.index(now), run.code > 128))
    # What came too early to begin, what was undone and said, and what came too late.
    assert {(0, True), *([(1, False)] if KILL_ALL else [])} <= set(ends)


def test_a_signal_anywhere_does_not_end_a_revert_half_way(
    tmp_path: Path, states: tuple[Files, Files]
) -> None:
    ends = set()
    for run in sent_anywhere(tmp_path, revert):
        now = files(run.root)
        assert now in states, run
        ends.add(states.index(now))
    assert 0 in ends


def note_of(root: Root) -> Pending | None:
    with state_directory_if_there(root) as state:
        return None if state is None else read_note(state)


def armed(root: Root) -> list[str]:
    return [path.stem for path in root.path(TIMERS).iterdir()]


def assert_all_or_nothing(run: Run, states: tuple[Files, Files]) -> int:
    """Assert that change, note, timer and unit for the next boot are all there, or none is."""
    pending = note_of(run.root)
    now = {path: value for path, value in files(run.root).items() if "multi-user" not in path}
    unit = now.pop(f"etc/systemd/system/{confirmation.BOOT_UNIT}.service", None)
    assert now in states, run
    if now == states[0]:
        assert (pending, armed(run.root), unit) == (None, [], None), run
        assert checkpoints_left(run.root) == [], run
        return 0
    assert pending is not None, run
    assert pending.since is not None, run
    assert (armed(run.root), unit is None) == ([pending.unit], False), run
    return 1


def test_a_signal_anywhere_leaves_no_timer_without_its_note_nor_a_note_without_its_timer(
    tmp_path: Path, states: tuple[Files, Files]
) -> None:
    ends = [assert_all_or_nothing(run, states) for run in sent_anywhere(tmp_path, waiting)]
    assert set(ends) >= SEEN


def test_a_kill_anywhere_is_repaired_by_the_next_command_and_by_the_timer_meanwhile(
    tmp_path: Path, states: tuple[Files, Files]
) -> None:
    ends = []
    for number in itertools.count(1, STEP):
        root = make_tree_with_timers(tmp_path / str(number))
        told = tmp_path / f"{number}.told"
        code, is_touched = run_to_touch(number, kill_myself, partial(waiting, root), told)
        if not is_touched:
            assert (code, number > 40) == (0, True)
            break
        assert code == -signal.SIGKILL
        killed = Run(number, code, root)
        pending = note_of(root)
        if files(root) != states[0] and any("creds" not in name for name in changed(root, states)):
            assert pending is not None, killed
            assert armed(root) == [pending.unit], killed
        recovery.recover(root)
        assert not recovery.is_left_behind(root), killed
        ends.append(assert_all_or_nothing(killed, states))
    assert set(ends) >= SEEN


def changed(root: Root, states: tuple[Files, Files]) -> list[str]:
    """Return the files of the change itself that are not as they were."""
    now = files(root)
    return [path for path in states[1] if now.get(path) != states[0].get(path)]


def test_the_program_of_a_timer_reverts_its_own_change_alone(tmp_path: Path) -> None:
    root = make_tree_with_timers(tmp_path / "root")
    change(root, CHANGES[:1], nothing)
    within = partial(confirmation.waiting, root, limit=600, services=("sshd",))
    change(root, CHANGES[1:2], nothing, within)
    (unit,) = armed(root)
    assert revert(root, timer="another") == ()
    assert revert(root, timer=unit) == (CHANGES[1].path,)
    assert revert(root) == (CHANGES[0].path,)


def test_a_change_that_cannot_be_undone_keeps_its_timer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nothing would take it back once the disk has room again."""
    root = make_tree_with_timers(tmp_path / "root")

    def full(*_arguments: object, **_options: object) -> None:
        raise CannotWrite("full")

    def fail() -> None:
        monkeypatch.setattr("creds_session.system.files.entry.Entry.replace", full)
        raise ValueError

    within = partial(confirmation.waiting, root, limit=600, services=("sshd",))
    with pytest.raises(CannotWrite, match="full"):
        change(root, CHANGES[:1], fail, within)
    pending = note_of(root)
    assert pending is not None
    assert armed(root) == [pending.unit]
    monkeypatch.undo()


def end_between_two_steps() -> None:
    with deferred_signals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        signals.raise_if_ended()


def test_signals_are_as_before_afterwards_and_in_what_is_started_meanwhile() -> None:
    def run() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup(1)
        before = {number: signal.getsignal(number) for number in signal.valid_signals()}
        with deferred_signals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            signals.raise_if_ended()
            os.kill(os.getpid(), signal.SIGTSTP)  # would stop us, and the lock with us
            signals.raise_if_ended()
            started = subprocess.run(["sh", "-c", "kill -TERM $$"], check=False)
            assert started.returncode == -signal.SIGTERM
            signals.arrived.clear()
        assert {number: signal.getsignal(number) for number in before} == before
        with pytest.raises(Interrupted, match="SIGTERM") as caught:
            end_between_two_steps()
        assert caught.value.exit_code == 143
        with deferred_signals():
            os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError

    assert run_child(run) == -signal.SIGTERM


def test_recovery_writes_nothing_where_nothing_was_left(tmp_path: Path) -> None:
    root = make_tree(tmp_path / "root")
    assert not recovery.is_left_behind(root)
    assert not root.path("/var").exists()
    change(root, CHANGES[:1], nothing)
    before = sorted(map(str, root.directory.rglob("*")))
    root.path("/var/lib/creds-session/lock").unlink()
    assert not recovery.is_left_behind(root)
    assert not root.path("/var/lib/creds-session/lock").exists()
    assert recover(root) == ()
    assert sorted(map(str, root.directory.rglob("*"))) == before
