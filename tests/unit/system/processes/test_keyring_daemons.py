from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from creds_session.facts.session import DAEMON_NAME, Daemon, DaemonRole
from creds_session.system.processes import keyring_daemons as module
from creds_session.system.processes.environment import environments
from creds_session.system.processes.keyring_daemons import (
    daemon_of,
    end,
    is_daemon,
    keyring_daemons,
)
from creds_session.system.processes.proc import name_of
from tests.unit.children import run_child, sleeping, state_of

ME = os.getuid()
# Only to root a program of one's own passes for the daemon.
needs_root = pytest.mark.skipif(ME != 0, reason="needs root")


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of that name: what is looked at is /proc, not the daemon."""
    with sleeping(tmp_path / DAEMON_NAME) as started:
        yield started


def mine(process: subprocess.Popen[bytes]) -> list[Daemon]:
    return [daemon for daemon in keyring_daemons(ME) if daemon.pid == process.pid]


@needs_root
def test_a_keyring_daemon_is_found_and_fully_described(
    process: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    (daemon,) = mine(process)
    program = str(tmp_path / DAEMON_NAME)
    assert (daemon.parent, daemon.parent_name) == (os.getpid(), name_of(os.getpid()))
    assert (daemon.uid, daemon.executable) == (ME, program)
    assert (daemon.arguments, daemon.role) == ((program, "60"), DaemonRole.BY_HAND)
    assert process.pid not in [one.pid for one in keyring_daemons(ME + 1)]
    assert name_of(process.pid) == DAEMON_NAME[:15]


@pytest.mark.parametrize(("name", "is_one"), [(DAEMON_NAME, True), ("systemd", False)])
def test_a_process_whose_file_is_hidden_is_judged_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, is_one: bool
) -> None:
    """The kernel hides the file of a user's systemd too, if it has a capability that users lack.

    That process bound the control socket if systemd starts the daemon, and nobody shall kill it.
    """
    monkeypatch.setattr(module, "executable_of", lambda _pid: None)
    with sleeping(tmp_path / name) as other:
        assert (daemon_of(other.pid, ME) is not None) is is_one


@needs_root
def test_keyring_daemons_leave_a_zombie_out(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert mine(process) == []


@needs_root
def test_end_ends_the_same_process(process: subprocess.Popen[bytes]) -> None:
    (daemon,) = mine(process)
    assert end(daemon._replace(started=daemon.started + 0.02)), "the clock was slewed meanwhile"
    assert process.wait() == -15
    assert end(daemon)


@needs_root
def test_end_spares_another_process(process: subprocess.Popen[bytes]) -> None:
    (daemon,) = mine(process)
    assert not end(daemon._replace(started=daemon.started - 5))
    assert not end(daemon._replace(arguments=("other",)))
    assert process.poll() is None


@needs_root
def test_end_accepts_a_daemon_that_has_already_ended(process: subprocess.Popen[bytes]) -> None:
    (daemon,) = mine(process)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert end(daemon)


@needs_root
def test_no_more_is_read_of_a_process_than_is_needed(tmp_path: Path) -> None:
    """The memory of a process holds its arguments: its user decides how many there are."""
    program = tmp_path / DAEMON_NAME
    shutil.copy(shutil.which("sleep") or "", program)
    words = [str(program), "60", *["0"] * 100_000]
    environ = {"HOME": "/", **{f"X{number}": "y" * 1000 for number in range(200)}}
    with subprocess.Popen(words, env=environ) as process:
        try:
            while name_of(process.pid) != DAEMON_NAME[:15] or state_of(process.pid) != "S":
                assert process.poll() is None
            (daemon,) = mine(process)
            assert daemon.arguments[:2] == (str(program), "60")
            assert len("\0".join(daemon.arguments)) < 1 << 16
            (read,) = [one for one in environments(ME) if "X0" in one]
            assert read["HOME"] == "/"
            assert 60 < len(read) < 70, "what was cut is left out"
            assert set(read.values()) == {"/", "y" * 1000}
        finally:
            process.kill()


NOBODY = 65_534


@needs_root
@pytest.mark.parametrize(("owner", "is_taken"), [(0, True), (NOBODY, False)])
def test_a_persons_own_program_of_that_name_is_not_taken_for_the_daemon(
    short: Path, owner: int, *, is_taken: bool
) -> None:
    """Any process of a person may be called so; only a file that they cannot replace counts."""
    program = short / DAEMON_NAME
    short.chmod(0o755)
    with sleeping(program, user=NOBODY) as process:
        os.chown(program, owner, -1)

        def look() -> None:
            os.setuid(NOBODY)
            assert is_daemon(process.pid, str(program)) == is_taken
            running = [daemon.pid for daemon in keyring_daemons(NOBODY)]
            assert (process.pid in running) == is_taken

        assert run_child(look) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may run a program as two users")
def test_a_daemon_whose_effective_user_is_another_is_not_that_users(tmp_path: Path) -> None:
    program = tmp_path / DAEMON_NAME
    shutil.copy(shutil.which("python3") or "", program)
    code = "import os, sys; os.setresuid(1234, 0, 0); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [program, "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as started:
        assert started.stdout is not None
        assert started.stdout.readline()
        for uid in (0, 1234):
            assert started.pid not in [one.pid for one in keyring_daemons(uid)]
        started.kill()
