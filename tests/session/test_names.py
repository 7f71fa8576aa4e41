"""What a shell offers at Tab, from a real keyring: names alone, and nothing while it is locked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import creds_session
from creds_session.cli.creds.main import NAMES
from tests.session.clients import secret_tool

CHECKOUT = Path(creds_session.__file__).parents[1]
CREDS = [sys.executable, "-m", "creds_session"]
SECRET = b"canary-9152"
HOSTILE = ["a$(touch PWNED)", "b two words", "c\nd", "e\x1b[2J", "--prompt"]
PATIENCE = 60.0  # seconds; a busy machine may need several attempts of 100 ms


def creds(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*CREDS, *words], input=stdin, cwd=CHECKOUT, capture_output=True, check=False
    )


@pytest.fixture(scope="module", autouse=True)
def stored(session: dict[str, str]) -> None:  # noqa: ARG001
    for name in HOSTILE:
        assert creds("put", "--", name, "alice", stdin=SECRET).returncode == 0
    secret_tool("store", "--label=other", "kind", "of another program", stdin=SECRET)


def offered(*words: str) -> list[str]:
    """Return what is offered, from the first run that had the time."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        done = creds(NAMES, *words)
        assert (done.returncode, done.stderr) == (0, b"")
        assert SECRET not in done.stdout
        if done.stdout.count(b"\n") >= (2 if words == ("services",) else 1):
            return done.stdout.decode().split("\n")[:-1]
    pytest.fail("nothing was offered")


def test_services_and_users_are_offered() -> None:
    assert offered("services") == ["a$(touch PWNED)", "b two words"]
    assert offered("users", "get", "b two words") == ["alice"]
    assert offered("users-quoted", "get", "--username-key", "k", r"a\$\(touch\ PWNED\)") == [
        "alice"
    ]


def test_no_daemon_is_started(tmp_path: Path) -> None:
    """On a bus that could start one."""
    daemons = subprocess.run(["pgrep", "-c", "gnome-keyring-d"], capture_output=True, check=False)
    environ = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    script = f"{sys.executable} -m creds_session {NAMES} services; pgrep -c gnome-keyring-d"
    argv = ["dbus-run-session", "--", "sh", "-c", script]
    done = subprocess.run(argv, cwd=CHECKOUT, env=environ, capture_output=True, check=False)
    assert done.stdout == daemons.stdout


def test_at_last_a_locked_keyring_offers_nothing_and_stays_locked() -> None:
    assert creds("lock").returncode == 0
    for _ in range(5):
        done = creds(NAMES, "services")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    state = creds("status").stdout.split(b":")[0]
    assert state in {b"locked", b"no-password"}
