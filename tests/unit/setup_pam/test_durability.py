"""After a power cut a file is the old one or the new one, whole: what is synced, and when.

fsync(2): the content of a file is durable after an fsync of that file, and its name after an fsync
of its folder. rename(2) alone promises neither.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.durable import Disk
from tests.unit.service import LOCKED, UNLOCKED, serving
from tests.unit.system.bus.test_connection import dbus_daemon
from tests.unit.system_tree import DROP_IN, SSHD, make_system
from tests.unit.traces import Call, python, setup_pam, traced

STATE = "var/lib/creds-session"
BACK_UP = "from pathlib import Path; from creds_session.system.files.replace import back_up\n"
BACK_UP += "back_up(Path(sys.argv[1]), Path(sys.argv[2]))"
REKEY = """
import os
from creds_session.errors import CredsSessionError
from creds_session.secret import Secret
from creds_session.session.rekey import rekey
try:
    rekey(os.environ, lambda _: (Secret(b"old"), Secret(b"new")))
except CredsSessionError as error:
    print(error.problem)
"""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    return make_system(tmp_path / "system")


def run(system: Path, command: str) -> list[Call]:
    argv = setup_pam("--root", str(system), command)
    done, calls = traced(argv, system.parent / "trace")
    assert done.returncode == 0, done
    return calls


def first_touch(system: Path, calls: list[Call]) -> int:
    """Return the number of the first call that changes a file or a folder of /etc itself."""
    etc = system / "etc"
    return next(
        number
        for number, call in enumerate(calls)
        if call.changes_files and any(Path(path).is_relative_to(etc) for path in call.paths)
    )


def test_apply_writes_nothing_before_what_it_saved_is_durable(system: Path) -> None:
    calls = run(system, "apply")
    before = calls[: first_touch(system, calls)]
    disk = Disk(system)
    disk.see(before)
    saved = str(system / STATE)
    assert any(call.changes_files and saved in str(call.paths) for call in before)
    assert disk.below(system / STATE) == set()


@pytest.mark.parametrize("command", ["apply", "revert"])
def test_every_file_is_synced_before_it_gets_its_name_and_its_folder_after(
    system: Path, command: str
) -> None:
    calls = run(system, "apply")
    if command == "revert":
        calls = run(system, "revert")
    disk = Disk(system)
    disk.see(calls)
    assert str(system / SSHD) in disk.renamed
    assert disk.renamed_unsynced == []
    assert disk.unsynced == set()
    assert (system / DROP_IN).exists() == (command == "apply")


def test_what_apply_wrote_is_durable_before_the_change_is_called_finished(system: Path) -> None:
    """Else the next run would not take back what a power cut left half-made."""
    calls = run(system, "apply")
    state = str(system / STATE)
    written = [n for n, call in enumerate(calls) if str(system / DROP_IN) in call.paths]
    finished = next(
        number
        for number, call in enumerate(calls)
        if number > max(n for n in written if calls[n].name.startswith("rename"))
        and call.name.startswith("rename")
        and call.paths[-1].startswith(state)
    )
    disk = Disk(system)
    disk.see(calls[:finished])
    assert disk.below(system / "etc") == set()


def test_the_backup_is_durable_before_anything_is_done(tmp_path: Path) -> None:
    keyring, copy = tmp_path / "login.keyring", tmp_path / "copy"
    keyring.write_bytes(b"as it was")
    done, calls = traced(python(BACK_UP, str(keyring), str(copy)), tmp_path / "trace")
    assert (done.returncode, copy.read_bytes()) == (0, b"as it was"), done
    disk = Disk(tmp_path)
    disk.see(calls)
    assert disk.unsynced == set()


def test_rekey_has_a_durable_copy_before_it_asks_the_daemon_for_the_change(tmp_path: Path) -> None:
    home = tmp_path / "home"
    keyring = home / ".local/share/keyrings/login.keyring"
    keyring.parent.mkdir(parents=True)
    keyring.write_bytes(b"as it was")
    denied = "org.gnome.keyring.Error.Denied"
    with dbus_daemon(tmp_path) as address:
        environment = {"DBUS_SESSION_BUS_ADDRESS": address, "HOME": str(home)}
        environment["XDG_RUNTIME_DIR"] = str(tmp_path)
        for state in (LOCKED, UNLOCKED):
            service = serving(
                address, tmp_path / "told", Get=state, ChangeWithMasterPassword=denied
            )
            with service:
                done, calls = traced(python(REKEY), tmp_path / "trace", environment)
            assert "did not accept the old password" in done.stdout, done
            asked = [
                number
                for number, call in enumerate(calls)
                if call.name in {"sendto", "sendmsg", "write"}
                and "ChangeWithMasterPassword" in call.arguments
            ]
            copies = [path for call in calls[: asked[0]] for path in call.paths if "backup" in path]
            disk = Disk(home)
            disk.see(calls[: asked[0]])
            assert copies
            assert disk.unsynced == set()
