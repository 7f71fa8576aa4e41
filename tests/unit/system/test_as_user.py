from __future__ import annotations

import os
import pwd
import time

import pytest

from creds_session.errors import NotPermitted, Unavailable
from creds_session.system.as_user import as_user
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
def test_a_long_answer_comes_whole() -> None:
    assert as_user(NOBODY, lambda: b"x" * 3_000_000, 10) == b"x" * 3_000_000


def test_only_root_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NotPermitted):
        as_user(NOBODY, lambda: b"x", 1)
