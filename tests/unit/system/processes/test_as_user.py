from __future__ import annotations

import os
import pwd
import time
from pathlib import Path

import pytest

from creds_session.errors import NotPermitted, Unavailable
from creds_session.system.processes.as_user import as_user
from tests.unit.children import run_child

NOBODY = pwd.getpwnam("nobody")
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root")


@needs_root
def test_the_child_is_that_user_for_good() -> None:
    def work() -> bytes:
        told = f"{os.getresuid()} {os.getresgid()} {os.getgroups()}"
        try:
            os.setuid(0)
        except PermissionError:
            return told.encode()
        return b"root again"

    def look() -> None:
        os.setgroups([0, 4])  # as root's login gives them
        uid, gid = NOBODY.pw_uid, NOBODY.pw_gid
        told = as_user(NOBODY, work, 5).decode()
        assert told.startswith(f"{(uid,) * 3} {(gid,) * 3}")
        groups = told.partition("[")[2].strip("]").split(", ")
        assert not {"0", "4"} & set(groups), told

    assert run_child(look) == 0


@needs_root
def test_a_child_that_hangs_or_fails_is_no_answer() -> None:
    def hang() -> bytes:
        time.sleep(30)
        return b""

    def fail() -> bytes:
        raise ValueError

    began = time.monotonic()
    for work in (hang, fail):
        with pytest.raises(Unavailable):
            as_user(NOBODY, work, 0.3)
    assert time.monotonic() - began < 5


@needs_root
def test_the_child_has_no_descriptor_of_roots(tmp_path: Path) -> None:
    """What it starts can be traced by that user, who would get a file that only root may open."""
    held = [os.open(tmp_path / name, os.O_RDWR | os.O_CREAT, 0o600) for name in ("one", "two")]
    os.set_inheritable(held[0], True)  # noqa: FBT003 - as of a script: exec 9<file

    def work() -> bytes:
        told = [os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)]  # noqa: PTH115
        numbers = [int(one) for one in os.listdir("/proc/self/fd")]  # noqa: PTH208
        places = [_target(number) for number in sorted(numbers)]
        listed = [one for one in places if one and not one.startswith("/proc/")]
        assert told == [os.devnull] * 3
        return " ".join(listed).encode()

    try:
        *null, pipe = as_user(NOBODY, work, 5).decode().split()
        assert null == [os.devnull] * 4  # standard ones, and the one that they were made from
        assert pipe.startswith("pipe:")
    finally:
        for number in held:
            os.close(number)


def _target(number: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115
    except FileNotFoundError:
        return ""


@needs_root
def test_a_long_answer_comes_whole() -> None:
    assert as_user(NOBODY, lambda: b"x" * 3_000_000, 10) == b"x" * 3_000_000


def test_only_root_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NotPermitted):
        as_user(NOBODY, lambda: b"x", 1)
