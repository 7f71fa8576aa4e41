from __future__ import annotations

import os
import pwd

import pytest

from creds_session.system.processes.commands import Completed
from creds_session.system.processes.user_ids import usual_runtime_directory
from creds_session.system.systemd import systemctl, user_managers
from tests.unit.children import run_child

SOMEONE = pwd.getpwall()[1]
LISTED = f"""\
user@0.service loaded active running User Manager for UID 0
user@{SOMEONE.pw_uid}.service loaded active running User Manager for UID {SOMEONE.pw_uid}
user@4000000001.service loaded active running User Manager for UID 4000000001
user@99999999999999999999.service loaded active running User Manager
"""


@pytest.mark.parametrize(("listed", "users"), [(LISTED, [SOMEONE.pw_name]), ("", [])])
def test_running_takes_people_whom_systemd_names(
    monkeypatch: pytest.MonkeyPatch, listed: str, users: list[str]
) -> None:
    monkeypatch.setattr(systemctl, "run", lambda *_, **__: Completed(0, listed, ""))
    assert [one.user for one in user_managers.running()] == users


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_what_is_run_for_a_person_is_run_as_that_person() -> None:
    """Root reads nothing below a home with root's rights: a link there leads anywhere."""
    nobody = pwd.getpwnam("nobody")
    manager = user_managers.UserManager("nobody", nobody.pw_uid, nobody.pw_gid, nobody.pw_dir)

    def look() -> None:
        os.setgroups([0, 4])
        told = manager.run("sh", "-c", "id -u; id -g; id -G; echo $HOME $XDG_RUNTIME_DIR")
        uid, gid, groups, places = told.output.splitlines()
        assert (uid, gid) == (str(nobody.pw_uid), str(nobody.pw_gid))
        assert not {"0", "4"} & set(groups.split())
        assert places == f"{nobody.pw_dir} {usual_runtime_directory(nobody.pw_uid)}"

    assert run_child(look) == 0
