from __future__ import annotations

from pathlib import Path

import pytest

from creds_session.errors import NotPermitted, Unavailable
from creds_session.session import user_units
from creds_session.system.processes.commands import Completed
from tests.unit.service import CHECKOUT

SOURCE = CHECKOUT / "scripts/profile"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What systemctl was asked to do, which it is said to have done."""
    told: list[str] = []

    def run(argv: list[str], **_: object) -> Completed:
        told.append(" ".join(argv))
        return Completed(0, "", "")

    monkeypatch.setattr("creds_session.system.systemd.systemctl.run", run)
    return told


@pytest.mark.parametrize("what", sorted(user_units.UNITS))
def test_units_come_whole_and_go_whole(tmp_path: Path, asked: list[str], what: str) -> None:
    place = tmp_path / "systemd/user"
    program = f"/opt/a b/{user_units.PROGRAMS[what]}"
    changed = user_units.install(what, SOURCE, place, program)
    assert [path.name for path in changed] == list(user_units.UNITS[what])
    assert user_units.install(what, SOURCE, place, program) == []
    assert f"systemctl --user enable --now {user_units.UNITS[what][0]}" in asked
    lines = [line for path in changed for line in path.read_text().splitlines()]
    texts = [line for line in lines if line.startswith("ExecStart=")]
    command = {"pam": "check --after-update"}.get(what, what)
    assert [f"{program} {command}" in line for line in texts] == [True]
    assert user_units.uninstall(what, place) == changed
    assert user_units.uninstall(what, place) == []
    assert list(place.iterdir()) == []
    assert asked[-1] == f"systemctl --user disable --now {user_units.UNITS[what][0]}"


def test_root_s_are_for_everybody(
    tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_units, "EVERYBODY", tmp_path)
    user_units.install("lock", SOURCE, tmp_path, "/usr/local/bin/creds")
    user_units.uninstall("lock", tmp_path)
    assert asked == [
        "systemctl --global enable creds-session-lock.path",
        "systemctl --global disable creds-session-lock.path",
    ]


@pytest.mark.parametrize("is_booted", [True, False])
def test_the_system_s_are_started_if_systemd_runs(
    tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch, *, is_booted: bool
) -> None:
    monkeypatch.setattr(user_units, "SYSTEM", tmp_path)
    monkeypatch.setattr(user_units, "BOOTED", tmp_path if is_booted else tmp_path / "nothing")
    user_units.install("pam", SOURCE, tmp_path, "/usr/local/bin/creds-setup-pam")
    user_units.uninstall("pam", tmp_path)
    now = "--now " if is_booted else ""
    assert asked == [
        *(["systemctl daemon-reload"] if is_booted else []),
        f"systemctl enable {now}creds-session-pam.path",
        f"systemctl disable {now}creds-session-pam.path",
    ]


@pytest.mark.parametrize("what", sorted(user_units.UNITS))
def test_root_s_units_run_only_what_root_alone_can_replace(
    monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr("os.getuid", lambda: 0)

    def checked(name: str, *, as_user: bool) -> str:
        return f"/checked/{name} {as_user}"

    monkeypatch.setattr(user_units, "path_for_root_later", checked)
    is_for_users = what != "pam"
    assert user_units.program_of(what) == f"/checked/{user_units.PROGRAMS[what]} {is_for_users}"


def test_the_program_that_runs_comes_before_another_one_on_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("os.getuid", lambda: 7)
    for place in ("running", "other"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "creds").touch(mode=0o755)
    running = str(tmp_path / "running/creds")
    monkeypatch.setenv("PATH", str(tmp_path / "other"))
    monkeypatch.setattr("sys.argv", [running, "hook"])
    assert user_units.program_of("lock") == running
    monkeypatch.setattr("sys.argv", [str(tmp_path / "running/__main__.py"), "hook"])
    assert user_units.program_of("lock") == str(tmp_path / "other/creds")


def test_a_unit_of_the_system_requires_root(monkeypatch: pytest.MonkeyPatch) -> None:
    assert user_units.folder({"HOME": "/h"}, "pam") == Path("/etc/systemd/system")
    monkeypatch.setattr("os.getuid", lambda: 7)
    with pytest.raises(NotPermitted):
        user_units.folder({"HOME": "/h"}, "pam")


@pytest.mark.parametrize(("uid", "place"), [(0, "/etc/systemd/user"), (7, "/c/systemd/user")])
def test_units_lie_where_systemd_looks(
    monkeypatch: pytest.MonkeyPatch, uid: int, place: str
) -> None:
    monkeypatch.setattr("os.getuid", lambda: uid)
    assert str(user_units.folder({"HOME": "/h", "XDG_CONFIG_HOME": "/c"})) == place


def test_no_user_manager_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "creds_session.system.systemd.systemctl.run", lambda *_, **__: Completed(1, "", "no bus")
    )
    with pytest.raises(Unavailable, match="no bus"):
        user_units.install("lock", SOURCE, tmp_path, "creds")


def test_without_a_user_manager_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    place = tmp_path / "systemd/user"
    with pytest.raises(Unavailable) as caught:
        user_units.install("lock", SOURCE, place, "creds")
    assert "systemctl --user" in caught.value.problem
    assert list(tmp_path.iterdir()) == []


def test_without_a_user_manager_older_units_stay_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    older = tmp_path / "creds-session-lock.service"
    older.write_text("[Service]\nExecStart=/old/creds lock\n")
    with pytest.raises(Unavailable):
        user_units.install("lock", SOURCE, tmp_path, "creds")
    assert list(tmp_path.iterdir()) == [older]
    assert older.read_text() == "[Service]\nExecStart=/old/creds lock\n"
