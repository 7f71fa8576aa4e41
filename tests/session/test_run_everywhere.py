"""`creds run` wherever people put it: it gives the password, ends, and leaves nothing stopped."""

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
SECRET = "canary-4719"
LIMIT = 20  # seconds; each takes about one
PROMPTER = "stty -echo; printf Password:; read x; stty echo; echo; echo got ${#x} letters"
READER = "read x </dev/fd/3; echo got ${#x} letters"
VARIABLE = "echo got ${#PASSWORD} letters"
WAYS = {
    "typed": f"{CREDS} run box alice --expect 'Password:$' -- sh -c {shlex.quote(PROMPTER)}",
    "descriptor": f"{CREDS} run box alice --fd 3 -- sh -c {shlex.quote(READER)}",
    "variable": f"{CREDS} run box alice --env PASSWORD -- sh -c {shlex.quote(VARIABLE)}",
}
PLACES = {
    "timeout": "timeout 15 {}",
    "timeout --foreground": "timeout --foreground 15 {}",
    "nohup": "nohup {} 2>/dev/null; cat nohup.out 2>/dev/null; rm -f nohup.out",
    "setsid": "setsid --wait {}",
    "in the background": "{} & wait $!",
    "a pipe behind it": "{} | cat",
    "a pipe before it": "echo no | {}",
    "no standard input": "{} </dev/null",
    "a closed standard input": "{} <&-",
    "a subshell": "({})",
    "a command substitution": 'echo "$({})"',
    "timeout, nohup and setsid": "timeout 15 setsid --wait nohup {} 2>/dev/null;"
    " cat nohup.out 2>/dev/null; rm -f nohup.out",
}


@pytest.fixture(autouse=True)
def stored(session: dict[str, str]) -> None:  # noqa: ARG001
    argv = [sys.executable, "-m", "creds_session", "put", "box", "alice"]
    subprocess.run(argv, input=SECRET.encode(), cwd=CHECKOUT, check=True)


def script(way: str, place: str, folder: Path) -> Path:
    path = folder / "script"
    line = PLACES[place].format(WAYS[way])
    path.write_text(f"PYTHONPATH={shlex.quote(str(CHECKOUT))}; export PYTHONPATH\n{line}\n")
    return path


@pytest.mark.parametrize(
    ("way", "place"),
    [
        *(("typed", place) for place in PLACES),
        *((way, place) for way in ("descriptor", "variable") for place in list(PLACES)[:6:2]),
    ],
)
def test_a_script_at_a_terminal_ends(way: str, place: str, tmp_path: Path) -> None:
    begun = time.monotonic()
    with pexpect.spawn(
        "sh", [str(script(way, place, tmp_path))], cwd=tmp_path, timeout=LIMIT
    ) as child:
        child.expect(pexpect.EOF)
        shown = (child.before or b"").decode()
    assert f"got {len(SECRET)} letters" in shown, shown
    assert SECRET not in shown
    assert time.monotonic() - begun < LIMIT


@pytest.mark.parametrize("place", list(PLACES))
def test_a_script_without_a_terminal_ends(place: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", str(script("typed", place, tmp_path))],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
        start_new_session=True,
    )
    assert f"got {len(SECRET)} letters" in done.stdout, done
    assert SECRET not in done.stdout + done.stderr
