"""Measure one credential by all clients, and lists of many."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from scripts.benchmarks.processes import PYTHON, command, is_installed, nothing, program
from scripts.benchmarks.resources import least, used
from scripts.benchmarks.scratch_session import scratch_session
from scripts.benchmarks.turns import Job, medians, print_ratios, print_table

ITEM = ("service", "bench", "username", "me")
MANY = (500, 2500, 5000)
IN_MEMORY = "/org/freedesktop/secrets/collection/session"  # no file to write 5,000 times
FILL = """\
import sys
from creds_session.credentials.access import USUAL, open_items
from creds_session.secret import Secret
items = open_items(USUAL._replace(timeout=600), sys.argv[3])
for number in range(int(sys.argv[1]), int(sys.argv[2])):
    items.create_item("of the bench", {"service": "many", "username": str(number)}, Secret(b"x"))
"""
LOOP = """\
import sys, keyring
for number in range(0, int(sys.argv[1]), 50):
    keyring.get_password("many", str(number))
"""
LOOPED = 50  # of so many items the keyring-based loop reads one


def measure(folder: Path, runs: int) -> None:
    """Measure ``creds get`` and ``creds put`` beside other clients, and ``creds list``."""
    with scratch_session(folder) as variables:
        if variables is None:
            return
        _measure_one_item(variables, runs)
        _measure_resources(variables, runs)
        _measure_lists(variables)


def _measure_one_item(variables: dict[str, str], runs: int) -> None:
    in_session = partial(command, variables=variables)
    creds, keyring = program("creds"), [PYTHON, "-m", "keyring"]
    in_session([*creds, "put", "bench", "me"], stdin=b"x")()
    get: dict[str, Job] = {
        "creds get": in_session([*creds, "get", "bench", "me"]),
        "creds get --encrypted": in_session([*creds, "get", "--encrypted", "bench", "me"]),
        "keyring get": in_session([*keyring, "get", "bench", "me"]),
        "Python that does nothing": nothing(),
    }
    put: dict[str, Job] = {
        "creds put": in_session([*creds, "put", "bench", "me"], stdin=b"x"),
        "keyring set": in_session([*keyring, "set", "bench", "me"], stdin=b"x"),
        "Python that does nothing": nothing(),
    }
    if is_installed("secret-tool", "libsecret-tools"):
        get["secret-tool lookup"] = in_session(["secret-tool", "lookup", *ITEM])
        store = ["secret-tool", "store", "--label=x", *ITEM]
        put["secret-tool store"] = in_session(store, stdin=b"x")
    print_ratios("whole process, one item read", "creds get", get, runs)
    print_ratios("whole process, one item replaced", "creds put", put, runs)


def _measure_resources(variables: dict[str, str], runs: int) -> None:
    words = {
        "creds get": [*program("creds"), "get", "bench", "me"],
        "keyring get": [PYTHON, "-m", "keyring", "get", "bench", "me"],
        "Python that does nothing": [PYTHON, "-c", "pass"],
    }
    turns = [{name: used(its, variables) for name, its in words.items()} for _ in range(runs)]
    found = {name: least(turn[name] for turn in turns) for name in words}
    print_table(
        ("one item read, the least of all turns", "ms of a processor", "peak memory in MiB"),
        ((name, f"{it.cpu * 1e3:.1f}", f"{it.peak / 1024:.1f}") for name, it in found.items()),
    )


def _measure_lists(variables: dict[str, str]) -> None:
    """Measure lists of more and more items; keyring lists nothing, and is asked for each name."""
    variables = {**variables, "KEYRING_PROPERTY_PREFERRED_COLLECTION": IN_MEMORY}
    rows, before = [], 0
    for count in MANY:
        fill = [PYTHON, "-c", FILL, str(before), str(count), IN_MEMORY]
        command(fill, variables)()
        before = count
        jobs = {
            "list": command([*program("creds"), "list", "many"], variables),
            "loop": command([PYTHON, "-c", LOOP, str(count)], variables),
        }
        found = medians(jobs, 3)
        own, loop = found["list"], found["loop"] * LOOPED
        rows.append((str(count), f"{own:.3f}", f"{loop:.1f}", f"{loop / own:.0f}"))
    print_table(("items", "creds list, seconds", "a loop over keyring", "creds list = 1"), rows)
    print(f"(the loop: of 1 in {LOOPED}, times {LOOPED})")
