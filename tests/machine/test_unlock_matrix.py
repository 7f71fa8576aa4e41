"""Every kind of session, with every state of the daemon, and every kind of password.

In a plain run every two of them meet; CREDS_MATRIX_ALL=1 is every combination, and
CREDS_MATRIX_TABLE=PATH writes what was seen as a table.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.depth import MATRIX_ALL
from tests.machine import unlock_cell
from tests.machine.machine import Boot, Machine
from tests.machine.unlock_cell import SECRET, Seen
from tests.machine.unlock_matrix import (
    DECLINED,
    UNLOCKED,
    Cell,
    Password,
    Session,
    State,
    every,
    expected,
    more_daemons,
    pairs,
)

WITH_PAM = Session.SSH_PASSWORD_PAM
CELLS = sorted(every() if MATRIX_ALL else pairs(), key=lambda cell: cell.session is WITH_PAM)
RELEASES = ("bookworm", "trixie")
seen_ends: dict[tuple[str, Cell], str] = {}


@pytest.fixture(scope="module", params=RELEASES)
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    files = {
        "/opt/cell": unlock_cell.CELL.encode(),
        "/opt/unlock-by-socket.py": unlock_cell.UNLOCK_BY_SOCKET.encode(),
    }
    booted = boot(request.param, files=files)
    booted.run("chmod", "755", "/opt/cell")
    unlock_cell.prepare(booted)
    booted.run("hostname", request.param)
    return booted


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    yield
    path = os.environ.get("CREDS_MATRIX_TABLE")
    if path and seen_ends:
        Path(path).write_text(as_table(), "utf-8")


@pytest.fixture(scope="module")
def set_up(machine: Machine) -> Machine:
    machine.run("creds-setup-pam", "apply")
    return machine


@pytest.mark.parametrize("cell", CELLS, ids=[cell.name for cell in CELLS])
def test_ends_open_or_with_its_cause(
    machine: Machine, cell: Cell, request: pytest.FixtureRequest
) -> None:
    release = machine.run("hostname").stdout.strip()
    if cell.session is WITH_PAM:
        request.getfixturevalue("set_up")
    seen = unlock_cell.run(machine, cell)
    seen_ends[release, cell] = name_of_end(cell, seen)
    end = expected(cell)
    assert (seen.got, seen.tool) == ((SECRET, SECRET) if end is UNLOCKED else ("", "")), seen
    assert end.words in seen.told, seen
    assert "Traceback" not in seen.told, seen
    assert "fault of this program" not in seen.told, seen
    if end is DECLINED:
        assert "creds: " not in seen.told, seen
    if seen.code is not None:
        assert seen.code == end.code, seen
    assert seen.daemons <= seen.daemons_before + more_daemons(cell), seen
    assert seen.same_files, seen


def name_of_end(cell: Cell, seen: Seen) -> str:
    """Return what was seen, in the words of the table."""
    if seen.got == seen.tool == SECRET:
        return UNLOCKED.name
    return expected(cell).name if expected(cell).words in seen.told else "fails"


def as_table() -> str:
    """Return what was seen: for each session and state, with the right password and a wrong one."""
    lines = ["| session | " + " | ".join(state.value for state in State) + " |"]
    lines.append("|---" * (len(State) + 1) + "|")
    for session in Session:
        cells = [_shown(session, state) for state in State]
        lines.append(f"| {session.value} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _shown(session: Session, state: State) -> str:
    told = []
    for password in (Password.RIGHT, Password.WRONG):
        ends = {seen_ends.get((r, Cell(session, state, password)), "") for r in RELEASES} - {""}
        told.append(" or ".join(sorted(ends)) or "-")
    return told[0] if told[0] == told[1] else " / ".join(told)


def test_every_two_values_meet() -> None:
    met = {pair for cell in pairs() for pair in itertools.combinations(cell, 2)}
    assert met == {pair for cell in every() for pair in itertools.combinations(cell, 2)}
    assert len(pairs()) < len(every()) / 3
    assert pairs() == pairs()
