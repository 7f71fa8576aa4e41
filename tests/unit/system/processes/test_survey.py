from __future__ import annotations

import os
from pathlib import Path

from creds_session.system.processes.survey import resume, survey
from tests.unit.children import sleeping

ME = os.getuid()


def test_a_program_with_the_daemons_name_is_one_by_its_file(tmp_path: Path) -> None:
    with sleeping(tmp_path / "gnome-keyring-daemon") as process:
        found = survey(ME)
        listed = found.daemons if ME == 0 else found.others.impostors
        assert process.pid in {one.pid for one in listed}
    with sleeping(tmp_path / "gnome-keyring-d") as process:
        found = survey(ME)
        assert process.pid in {one.pid for one in found.others.impostors}
        assert process.pid not in {one.pid for one in found.daemons}


def test_a_zombie_is_no_daemon(tmp_path: Path) -> None:
    with sleeping(tmp_path / "gnome-keyring-daemon", seconds=0) as process:
        found = survey(ME)
        assert process.pid in {one.pid for one in found.others.zombies}
        assert process.pid not in {one.pid for one in found.daemons}


def test_a_bus_is_seen_with_its_state_and_another_users_is_not(tmp_path: Path) -> None:
    with sleeping(tmp_path / "dbus-broker") as process:
        (one,) = [bus for bus in survey(ME).others.buses if bus.pid == process.pid]
        assert (one.name, one.state) == ("dbus-broker", "S")
        assert process.pid not in {bus.pid for bus in survey(ME + 1).others.buses}


def test_a_bus_that_is_a_zombie_is_no_bus(tmp_path: Path) -> None:
    with sleeping(tmp_path / "dbus-broker", seconds=0) as process:
        assert process.pid not in {bus.pid for bus in survey(ME).others.buses}


def test_resume_wants_the_name_and_the_user(tmp_path: Path) -> None:
    with sleeping(tmp_path / "dbus-broker") as process:
        assert resume(process.pid, "dbus-broker", ME)
        assert not resume(process.pid, "dbus-daemon", ME)
        assert not resume(process.pid, "dbus-broker", ME + 1)
    assert not resume(process.pid, "dbus-broker", ME)
