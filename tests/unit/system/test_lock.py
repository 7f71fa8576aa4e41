from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from creds_session.errors import Busy, CannotWrite
from creds_session.system.lock import exclusive
from tests.unit.children import background, run_child


def test_exclusive_is_busy_at_once_for_a_second_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"

    def hold(wait: Callable[[], None]) -> None:
        with exclusive(path):
            wait()

    with background(hold):
        begin = time.monotonic()
        with pytest.raises(Busy, match="another run holds the lock"), exclusive(path):
            pass
        assert time.monotonic() - begin < 1
    with exclusive(path):
        pass


def test_exclusive_is_free_when_its_holder_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"

    def hold_and_die() -> None:
        with exclusive(path):
            os.kill(os.getpid(), signal.SIGKILL)

    assert run_child(hold_and_die) == -signal.SIGKILL
    with exclusive(path):
        assert run_child(lambda: exclusive(path).__enter__()) == Busy.exit_code


def test_exclusive_is_free_after_an_error_and_keeps_its_file(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(ZeroDivisionError), exclusive(path):
        raise ZeroDivisionError
    with exclusive(path):
        assert path.stat().st_mode & 0o777 == 0o600
    assert path.exists()


def test_exclusive_follows_no_link_and_needs_its_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    for name in ("link", "no/lock"):
        with pytest.raises(CannotWrite), exclusive(tmp_path / name):
            pass
    assert not (tmp_path / "target").exists()
