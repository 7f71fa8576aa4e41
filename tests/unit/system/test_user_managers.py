from __future__ import annotations

import os
import pwd
import socket
from pathlib import Path

import pytest

from creds_session.system import user_managers


def test_running_takes_folders_of_numbers_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone = pwd.getpwall()[1]
    monkeypatch.setattr(user_managers, "RUNTIME", tmp_path)
    before = Path.cwd()
    for name in (str(someone.pw_uid), "0", "1abc", "1²", "keep", "4000000001"):
        (tmp_path / name / "systemd").mkdir(parents=True)
        with socket.socket(socket.AF_UNIX) as private:
            os.chdir(tmp_path / name / "systemd")
            private.bind("private")
    os.chdir(before)
    (tmp_path / str(someone.pw_uid + 1)).mkdir()
    found = user_managers.running()
    assert [(one.user, one.uid) for one in found] == [(someone.pw_name, someone.pw_uid)]


def test_running_is_empty_where_nobody_is_logged_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_managers, "RUNTIME", tmp_path / "gone")
    assert user_managers.running() == ()
