from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from creds_session.errors import Busy, InvalidData
from creds_session.system.files.directory import Directory
from creds_session.system.files.lock import exclusive
from tests.unit.children import background, run_child


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    with Directory.open(tmp_path) as opened:
        yield opened


def test_exclusive_is_busy_at_once_for_a_second_holder(directory: Directory) -> None:
    def hold(wait: Callable[[], None]) -> None:
        with exclusive(directory, "lock"):
            wait()

    with background(hold):
        begin = time.monotonic()
        with pytest.raises(Busy, match="another run holds the lock"):
            exclusive(directory, "lock").__enter__()
        assert time.monotonic() - begin < 1
    with exclusive(directory, "lock"):
        pass


def test_exclusive_is_free_when_its_holder_was_killed(directory: Directory) -> None:
    def hold_and_die() -> None:
        with exclusive(directory, "lock"):
            os.kill(os.getpid(), signal.SIGKILL)

    assert run_child(hold_and_die) == -signal.SIGKILL
    with exclusive(directory, "lock"):
        code = run_child(lambda: exclusive(directory, "lock").__enter__())
        assert code == Busy.exit_code


def test_exclusive_is_free_after_an_error_and_keeps_its_file(
    directory: Directory, tmp_path: Path
) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(directory, "lock"):
        raise ZeroDivisionError
    with exclusive(directory, "lock"):
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "lock").exists()


def test_exclusive_takes_a_file_that_is_there_as_it_is(
    directory: Directory, tmp_path: Path
) -> None:
    (tmp_path / "lock").write_bytes(b"content")
    with exclusive(directory, "lock"):
        pass
    assert (tmp_path / "lock").read_bytes() == b"content"


@pytest.mark.parametrize("target", ["target", "kept"])
def test_exclusive_follows_no_link(directory: Directory, tmp_path: Path, target: str) -> None:
    (tmp_path / "kept").touch()
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(InvalidData, match="link: is a symbolic link, not a regular file"):
        exclusive(directory, "link").__enter__()
    assert not (tmp_path / "target").exists()
