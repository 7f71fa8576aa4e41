from __future__ import annotations

import os
import select
import shutil
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from creds_session.errors import Unavailable
from creds_session.facts.collection_state import CollectionState
from creds_session.secret import Secret
from creds_session.session.private_session import CONTROL, inside, private_session
from creds_session.session.unlock.new_daemon import start_daemon
from creds_session.system.bus import dbus_daemon
from creds_session.system.bus.connection import Bus
from creds_session.system.bus.peer_process import listener
from creds_session.system.files.private_folder import places, private_folder
from creds_session.system.secret_service.service import secret_service
from tests.unit.children import has_ended, kill_myself, run_child

OUTER = {
    "HOME": "/home/alice",
    "XDG_RUNTIME_DIR": "/run/user/1000",
    "XDG_DATA_HOME": "/home/alice/data",
    "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus",
    "DBUS_SESSION_BUS_PID": "7",
    "GNOME_KEYRING_CONTROL": "/home/alice/.cache/keyring-X",
}


def test_inside_has_nothing_of_the_outer_session() -> None:
    assert inside(OUTER, "/tmp/own") == {
        "HOME": "/home/alice",
        "XDG_RUNTIME_DIR": "/tmp/own",
        "XDG_DATA_HOME": "/tmp/own/data",
        "DBUS_SESSION_BUS_ADDRESS": "unix:path=/tmp/own/bus",
    }


@pytest.mark.parametrize(
    ("agent", "stays"),
    [
        ("/tmp/ssh-x/agent.1", True),
        ("/run/user/1000/gcr/ssh", True),
        ("/run/user/1000/keyring/ssh", False),
        ("/run/user/1000/keyring/.ssh", False),
        ("/home/alice/.cache/keyring-X/ssh", False),
    ],
)
def test_inside_has_the_ssh_agent_unless_it_is_the_outer_keyrings(
    agent: str,
    stays: bool,
) -> None:
    assert ("SSH_AUTH_SOCK" in inside({**OUTER, "SSH_AUTH_SOCK": agent}, "/tmp/own")) is stays
    assert inside({"SSH_AUTH_SOCK": agent}, "/tmp/own")["SSH_AUTH_SOCK"] == agent


def test_places_are_those_that_are_ours(tmp_path: Path) -> None:
    runtime, temporary = tmp_path / "runtime", tmp_path / "temporary"
    runtime.mkdir(mode=0o700)
    temporary.mkdir(mode=0o755)
    environ = {"XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(temporary)}
    assert places(environ) == [str(runtime), str(temporary), "/tmp"]
    runtime.chmod(0o755)
    temporary.chmod(0o777)
    assert places(environ) == ["/tmp"]
    temporary.chmod(0o1777)
    assert places(environ) == [str(temporary), "/tmp"]
    assert places({"XDG_RUNTIME_DIR": "/gone", "TMPDIR": "/gone"}) == ["/tmp"]
    assert places({}) == ["/tmp"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_places_are_none_of_another_user_who_could_rename_what_is_made_there(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o1777)
    assert places({"TMPDIR": str(tmp_path)}) == [str(tmp_path), "/tmp"]
    os.chown(tmp_path, 65_534, -1)
    assert places({"TMPDIR": str(tmp_path)}) == ["/tmp"]


needs_daemon = pytest.mark.skipif(
    not (shutil.which("dbus-daemon") and shutil.which("gnome-keyring-daemon")),
    reason="needs dbus-daemon and gnome-keyring-daemon",
)


@needs_daemon
def test_private_session_serves_an_open_keyring_and_leaves_nothing(short: Path) -> None:
    environ = {"HOME": str(short), "PATH": os.defpath, "TMPDIR": str(short)}
    with private_session(environ) as own:
        assert Path(own["XDG_RUNTIME_DIR"]).parent == short
        with Bus(own["DBUS_SESSION_BUS_ADDRESS"], 5) as bus:
            service = secret_service(bus)
            assert service is not None
            assert service.state(service.alias("login")) is CollectionState.UNLOCKED
            pid = service.owner.pid
        assert [path.name for path in short.iterdir()] == [Path(own["XDG_RUNTIME_DIR"]).name]
    assert list(short.iterdir()) == []
    assert has_ended(pid)


@needs_daemon
def test_private_session_is_cleared_away_when_its_block_fails(short: Path) -> None:
    environ = {"HOME": str(short), "PATH": os.defpath, "TMPDIR": str(short)}
    with pytest.raises(KeyboardInterrupt), private_session(environ):
        raise KeyboardInterrupt
    assert list(short.iterdir()) == []


@needs_daemon
def test_daemon_of_a_killed_session_that_had_no_bus_yet_ends_with_the_next_session(
    short: Path,
) -> None:
    """On its bus it would have ended with that; the control socket is all that leads to it."""

    def begin() -> None:
        with private_folder([str(short)], lambda _folder: None) as folder:
            own = inside({"HOME": str(short), "PATH": os.defpath}, folder)
            start_daemon(Secret(b"canary"), own["DBUS_SESSION_BUS_ADDRESS"], own, 10)
            kill_myself()

    assert run_child(begin) == -signal.SIGKILL
    (left,) = short.iterdir()
    with listener(f"{left}/{CONTROL}") as daemon:
        assert daemon is not None
        try:
            assert not select.select([daemon], [], [], 0)[0]  # it runs
            with private_session({"HOME": str(short), "PATH": os.defpath, "TMPDIR": str(short)}):
                assert select.select([daemon], [], [], 0)[0]
        finally:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(daemon, signal.SIGKILL)
    assert list(short.iterdir()) == []


def test_private_session_without_a_bus_daemon_says_so_and_leaves_nothing(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {"TMPDIR": str(short)}
    for program, words in ((None, "not installed"), ("/bin/false", "did not start")):
        monkeypatch.setattr(dbus_daemon, "find_program", lambda _, found=program: found)
        with pytest.raises(Unavailable, match=words), private_session(environ):
            raise AssertionError
        assert list(short.iterdir()) == []
