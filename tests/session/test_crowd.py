"""Many processes put and get at once: nothing lost, nothing mixed.

CREDS_CROWD_SECONDS=60 for longer than a commit waits for.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import secretstorage

from creds_session.credentials import list_credentials
from tests.depth import CROWD_SECONDS
from tests.unit.service import CHECKOUT

PROCESSES = 8
WORK = """\
import sys, time
from creds_session import Secret, get, put
me, until, turn = sys.argv[1], time.monotonic() + float(sys.argv[2]), 0
while time.monotonic() < until:
    mine = f"{me} in turn {turn} " + "x" * (turn % 7 * 1000)
    put("crowd", me, Secret(mine.encode()))
    put("crowd", "all", Secret(f"{me}|{me * (turn % 50)}".encode()))
    found = get("crowd", me).password.reveal().decode()
    assert found == mine, (found[:20], mine[:20])
    whose, _, text = get("crowd", "all").password.reveal().decode().partition("|")
    assert text == whose * (len(text) // len(whose)), text
    turn += 1
print(turn)
"""


@pytest.mark.timeout(CROWD_SECONDS * 2 + 60)
def test_eight_processes_lose_and_mix_nothing(collection: secretstorage.Collection) -> None:
    argv = [sys.executable, "-c", WORK]
    running = [
        subprocess.Popen(
            [*argv, f"p{number}", str(CROWD_SECONDS)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )
        for number in range(PROCESSES)
    ]
    told = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0] * PROCESSES, told
    assert all(int(out) > 0 for out, _ in told), told
    names = [f"p{number}" for number in range(PROCESSES)]
    assert list_credentials("crowd") == sorted(("crowd", name) for name in ["all", *names])
    assert len(list(collection.get_all_items())) == PROCESSES + 1, "no item is there twice"
    print(f"{sum(int(out) for out, _ in told)} turns in {CROWD_SECONDS:g} s")
