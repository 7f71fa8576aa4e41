"""Every command that meets a session without a keyring says the same next step."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.unit.cli.test_commands import run
from tests.unit.service import serving
from tests.unit.system.bus.test_connection import dbus_daemon

JOIN, START = 'eval "$(creds env)"', 'eval "$(creds env --start)"'
READERS = ("creds get svc me", "creds list", "creds delete svc me", "creds lock")
COMMANDS = (*READERS, "creds unlock", "creds rekey", "creds status", "creds unlock --explain")


def told(python: list[str], line: str, **environ: object) -> str:
    done = run(python, line, **environ)
    assert done.returncode == 69, done
    return done.stderr.decode()


@pytest.mark.parametrize("line", [*COMMANDS, "creds env"])
@pytest.mark.parametrize("named", [False, True])
def test_no_bus_is_told_to_start_one(
    python: list[str],
    short: Path,
    line: str,
    named: bool,
) -> None:
    gone = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={short}/gone"} if named else {}
    shown = told(python, line, HOME=short, **gone)
    assert START in shown
    assert "dbus-run-session" not in shown
    assert JOIN not in shown


@pytest.mark.parametrize("line", [one for one in COMMANDS if one != "creds unlock"])
def test_a_stale_bus_beside_one_that_answers_is_told_to_join_it(
    python: list[str], short: Path, line: str
) -> None:
    with dbus_daemon(short):
        environ = {"XDG_RUNTIME_DIR": short, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={short}/gone"}
        shown = told(python, line, HOME=short, **environ)
    assert JOIN in shown
    assert START not in shown


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
@pytest.mark.parametrize("line", [*COMMANDS, "creds env"])
def test_root_under_sudo_is_told_to_leave_sudo(python: list[str], short: Path, line: str) -> None:
    shown = told(python, line, HOME=short, SUDO_USER="alice")
    assert "without sudo" in shown
    assert "creds env" not in shown


@pytest.mark.parametrize(
    "line",
    [
        *(f"{one} --timeout 1" for one in READERS),
        "creds unlock --timeout 1",
        "creds rekey --timeout 1",
        "creds status --timeout 1",
    ],
)
def test_a_hung_daemon_is_not_a_missing_bus(python: list[str], short: Path, line: str) -> None:
    with dbus_daemon(short) as address, serving(address, short / "told", delay=60) as pid:
        environ = {"XDG_RUNTIME_DIR": short, "DBUS_SESSION_BUS_ADDRESS": address}
        shown = told(python, line, HOME=short, **environ)
    if "status" not in line:
        assert f"the keyring daemon (pid {pid}) does not answer; the session bus does" in shown
    assert "creds-doctor" in shown
    assert "creds env" not in shown


def test_the_bus_of_a_hung_daemon_is_one_that_env_finds(python: list[str], short: Path) -> None:
    with dbus_daemon(short) as address, serving(address, short / "told", delay=60):
        environ = {"XDG_RUNTIME_DIR": short, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={short}/gone"}
        done = run(python, "creds env", HOME=short, **environ)
    assert (done.returncode, address in done.stdout.decode()) == (0, True), done


def test_a_bus_that_listens_and_says_nothing_is_told_to_start_another(
    python: list[str], short: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as dumb:
        dumb.bind(f"{short}/dumb")
        dumb.listen()
        bus = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={short}/dumb"}
        shown = told(python, "creds list --timeout 1", HOME=short, **bus)
    assert START in shown
