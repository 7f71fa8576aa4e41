"""When the login of this process ran, by what logind and /proc show."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from creds_session.system.processes.commands import Completed
from creds_session.system.processes.proc import stat_of
from creds_session.system.systemd import login_time
from creds_session.system.systemd.login_time import own_login_time

UNKNOWN = 999_999_999  # a pid that no process has


def logind(
    monkeypatch: pytest.MonkeyPatch, *sessions: tuple[str, float], manager: str = ""
) -> float:
    """Let logind know these sessions: each has a name and an age in seconds; return the time.

    ``manager`` is the name of the one that the user manager has.
    """
    now, clock = time.time(), time.clock_gettime(time.CLOCK_MONOTONIC)
    blocks = [
        f"Id={name}\nLeader={UNKNOWN}\nTimestampMonotonic={int((clock - age) * 1e6)}\n"
        f"Class={'manager' if name == manager else 'user'}\n"
        for name, age in sessions
    ]

    def run(argv: list[str], **_options: object) -> Completed:
        names = " ".join(name for name, _ in sessions)
        return Completed(0, names if "show-user" in argv else "\n".join(blocks), "")

    monkeypatch.setattr(login_time, "run", run)
    monkeypatch.setattr(login_time, "name_of_session", lambda _proc: "3")
    return now


def test_a_login_ends_when_the_first_process_of_its_user_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = logind(monkeypatch, ("3", 4))
    found = own_login_time()
    assert found is not None
    assert found.session == "3"
    assert found.begin == pytest.approx(now - 4, abs=0.2)
    stat = stat_of(os.getpid())
    assert stat is not None
    uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert found.end <= time.time() - uptime + stat.started_after_boot + 0.2


def test_a_login_ends_when_the_next_one_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    now = logind(monkeypatch, ("2", 9), ("3", 4), ("5", 1), ("4", 2))
    monkeypatch.setattr(login_time, "_first_own_start", lambda _proc: time.time())
    found = own_login_time()
    assert found is not None
    assert found.end == pytest.approx(now - 2, abs=0.2)


def test_a_login_does_not_end_when_it_starts_the_user_manager(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Since systemd 256, the manager has a session too; it begins before PAM has ended."""
    now = logind(monkeypatch, ("3", 4), ("4", 3), manager="4")
    monkeypatch.setattr(login_time, "_first_own_start", lambda _proc: now - 1)
    found = own_login_time()
    assert found is not None
    assert found.end == pytest.approx(now - 1, abs=0.2)


def test_a_login_by_ssh_begins_before_its_session(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It begins when the leader starts: this process stands for sshd's."""
    logind(monkeypatch, ("3", 0))
    monkeypatch.setattr(login_time, "is_sshd", lambda _process: True)
    made = time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
    mine = login_time.Started(int(made), os.getpid())
    by_ssh = login_time._begin(mine, Path("/proc"))
    assert by_ssh < time.time()
    monkeypatch.setattr(login_time, "is_sshd", lambda _process: False)
    assert login_time._begin(mine, Path("/proc")) > by_ssh
    assert login_time._begin(mine, tmp_path) == pytest.approx(time.time(), abs=2)


def test_who_has_no_session_has_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    logind(monkeypatch, ("2", 5))
    assert own_login_time() is None
    logind(monkeypatch)
    assert own_login_time() is None
    monkeypatch.setattr(login_time, "name_of_session", lambda _proc: "")
    assert own_login_time() is None
