from __future__ import annotations

import pwd

import pytest

from creds_session.system import user_managers
from creds_session.system.commands import Completed

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
    monkeypatch.setattr(user_managers, "run", lambda *_, **__: Completed(0, listed, ""))
    assert [one.user for one in user_managers.running()] == users
