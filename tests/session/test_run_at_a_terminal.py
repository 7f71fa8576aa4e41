"""`creds run` and `creds put` as they are typed into scripts: in the background of a terminal."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest

import creds_session

CHECKOUT = Path(creds_session.__file__).parents[1]
CREDS = f"{shlex.quote(sys.executable)} -m creds_session"
SECRET = "canary-4713"
PROMPTER = "stty -echo; printf Password:; read x; stty echo; echo; echo got ${#x} letters"
NEVER = "echo up; exec sleep 60"


@pytest.fixture(autouse=True)
def stored(session: dict[str, str]) -> None:  # noqa: ARG001
    argv = [sys.executable, "-m", "creds_session", "put", "box", "alice"]
    subprocess.run(argv, input=SECRET.encode(), cwd=CHECKOUT, check=True)


def typed(script: str) -> tuple[str, float]:
    """Run a script at a terminal of its own; return what is shown, and the seconds it took."""
    begun = time.monotonic()
    line = f'before=$(stty -g); {script}; echo "code:$?"; [ "$before" = "$(stty -g)" ] && echo same'
    with pexpect.spawn("sh", ["-c", line], cwd=CHECKOUT, timeout=30) as child:
        child.expect(pexpect.EOF)
        told = (child.before or b"").decode()
    assert SECRET not in told
    assert told.rstrip().endswith("same"), told
    return told, time.monotonic() - begun


def test_timeout_in_a_script_types_the_password() -> None:
    run = f"{CREDS} run box alice --expect 'Password:$' -- sh -c {shlex.quote(PROMPTER)}"
    told, _ = typed(f"timeout 20 {run}")
    assert "got 11 letters" in told
    assert "code:0" in told


def test_timeout_in_a_script_ends_it() -> None:
    run = f"{CREDS} run box alice --expect 'never$' -- sh -c {shlex.quote(NEVER)}"
    told, took = typed(f"timeout 3 {run}")
    assert "up" in told
    assert "code:124" in told
    assert took < 10


@pytest.mark.parametrize("way", ["--expect 'never$'", "--fd 3", "--env PASSWORD", "--askpass"])
def test_our_own_time_limit_ends_it(way: str, tmp_path: Path) -> None:
    script = f"echo $$ >{tmp_path}/pid; {NEVER}"
    askpass = tmp_path / "creds-askpass"  # this checkout may have none installed
    askpass.write_text("#!/bin/sh\n")
    askpass.chmod(0o755)
    run = f"{CREDS} run box alice {way} --timeout 1 -- sh -c {shlex.quote(script)}"
    told, took = typed(f"PATH=$PATH:{tmp_path} {run}")
    told = " ".join(told.split())  # a message is broken at the width of the terminal
    assert "code:124" in told
    assert "did not end within 1 s (--timeout), so it was ended" in told
    assert ("the prompt did not appear" in told) is way.startswith("--expect")
    assert took < 8
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_a_command_that_ends_in_time_is_not_touched() -> None:
    for way in ("--expect 'Password:$'", "--fd 3"):
        script = PROMPTER if way.startswith("--expect") else "wc -c <&3"
        run = (
            f"{CREDS} run box alice {way} --timeout 20 -- sh -c {shlex.quote(f'{script}; exit 6')}"
        )
        told, _ = typed(run)
        assert "11" in told
        assert "code:6" in told


def test_a_password_is_not_asked_for_in_the_background() -> None:
    told, took = typed(f"timeout 20 {CREDS} put box alice")
    assert "runs in the background of the terminal" in told
    assert "code:69" in told
    assert took < 8
    done = subprocess.run(
        [sys.executable, "-m", "creds_session", "get", "box", "alice"],
        cwd=CHECKOUT,
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == f"{SECRET}\n"
