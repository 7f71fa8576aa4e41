"""Every kind of session, with every state of the daemon, and every kind of password.

In a plain run every two of them meet, on one release or the other; CREDS_MATRIX_ALL=1
CREDS_ON_EVERY_RELEASE=1 is every combination on each, and CREDS_MATRIX_TABLE=PATH writes what was
seen as a table.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.depth import MATRIX_ALL
from tests.machine.support import situation_cell, unlock_cell
from tests.machine.support.machine import Boot, Machine
from tests.machine.support.situation_cell import Way
from tests.machine.support.unlock_cell import SECRET, Seen
from tests.machine.support.unlock_matrix import (
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
from tests.situations import ABOUT_THE_KEYRING, EXPECTED, PROGRAMS, Situation

WITH_PAM = Session.SSH_PASSWORD_PAM
CELLS = sorted(every() if MATRIX_ALL else pairs(), key=lambda cell: cell.session is WITH_PAM)
RELEASES = ("bookworm", "trixie")
LATER = "creds: to unlock it later: creds unlock"  # what the hook says to an empty answer
seen_ends: dict[tuple[str, Cell], str] = {}
seen_rows: dict[tuple[str, str], set[tuple[str, ...]]] = {}
SITUATIONS = [*Situation, None]  # None: another program serves, and gnome-keyring is not installed
SAMPLED = {
    "bookworm": (Situation.PLAIN_OTHER, Situation.OTHER_KEPT, Situation.HUNG),
    "trixie": (Situation.PLAIN_LOGIN, Situation.OTHER_LOCKED, None),
}


@pytest.fixture(scope="module", params=RELEASES)
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    files = {
        "/opt/cell": unlock_cell.CELL.encode(),
        "/opt/unlock-by-socket.py": unlock_cell.UNLOCK_BY_SOCKET.encode(),
        **situation_cell.FILES,
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
    if path and (seen_ends or seen_rows):
        Path(path).write_text(f"{as_table()}\n{as_table_of_situations()}", "utf-8")


@pytest.fixture(scope="module")
def set_up(machine: Machine) -> Machine:
    machine.run("creds-setup-pam", "apply")
    return machine


@pytest.fixture(scope="module")
def unchanged(machine: Machine) -> Machine:
    """PAM as it is installed: otherwise no login by ssh begins while the daemon hangs."""
    machine.run("creds-setup-pam", "revert")
    return machine


@pytest.mark.in_turn
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
        assert "creds: " not in seen.told.replace(LATER, ""), seen
    if seen.code is not None:
        assert seen.code == end.code, seen
    assert seen.daemons <= seen.daemons_before + more_daemons(cell), seen
    assert seen.same_files, seen


def all_programs_agree(machine: Machine, situation: Situation | None, way: Way) -> None:
    release = machine.run("hostname").stdout.strip()
    if situation is None:
        name, expected = situation_cell.NOT_INSTALLED, situation_cell.OTHER_PROGRAM
        answers = situation_cell.seen_without_gnome_keyring(machine, way)
    else:
        name, expected = situation.value, EXPECTED[situation]
        answers = situation_cell.seen(machine, situation, way)
    if situation is Situation.LOCKED and way is Way.SSH_KEY:
        expected = expected._replace(finding="login-without-password")
    seen_rows.setdefault((release, name), set()).add(answers.row)
    answers.require(expected, about=ABOUT_THE_KEYRING)


if MATRIX_ALL:

    @pytest.mark.parametrize("way", Way, ids=lambda way: way.name)
    @pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: one.name if one else "NONE")
    def test_every_program_says_the_same(
        unchanged: Machine, situation: Situation | None, way: Way
    ) -> None:
        all_programs_agree(unchanged, situation, way)

else:

    @pytest.mark.parametrize("number", range(3))
    def test_some_programs_say_the_same(unchanged: Machine, number: int) -> None:
        """In a commit some of the situations: tests/session asks about nearly all of them, too."""
        sampled = SAMPLED[unchanged.run("hostname").stdout.strip()]
        all_programs_agree(unchanged, sampled[number], Way.SERVICE)


def as_table_of_situations() -> str:
    """Return what every program said of each situation, on whichever release."""
    lines = ["| situation | " + " | ".join(PROGRAMS) + " |", "|---" * (len(PROGRAMS) + 1) + "|"]
    names = dict.fromkeys(name for _, name in seen_rows)
    for name in names:
        rows = set().union(*(rows for (_, other), rows in seen_rows.items() if other == name))
        cells = (" or ".join(sorted(set(column))) for column in zip(*rows))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


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
