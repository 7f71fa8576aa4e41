"""The password is never in a process's arguments or environment, a file, the journal or a tty.

Whatever way it goes, and wherever it comes from. What finds it is shown to find it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.machine.support import leaks, unlock_cell
from tests.machine.support.leaks import CANARY, GIVEN, Watcher
from tests.machine.support.login import Login
from tests.machine.support.machine import Boot, Machine
from tests.machine.support.unlock_cell import CLOSED, KEY

pytestmark = pytest.mark.in_turn

PASSWORD, OTHER, ITEM = f"{CANARY}login", f"{CANARY}rekeyed", f"{CANARY}item"
PROMPT = "Password of the login keyring: "
# What lies at hand to be given; `given` is what a shell can ask for.
FILES = {
    "pw": PASSWORD,
    "twice": f"{PASSWORD}\n{PASSWORD}",
    "change": f"{PASSWORD}\n{OTHER}",
    "back": f"{OTHER}\n{PASSWORD}",
    "askpass": f"#!/bin/sh\ncat {GIVEN}/pw\n",
    "stops-the-daemon": f"#!/bin/sh\npkill -STOP -u ann gnome-keyring-d\ncat {GIVEN}/pw\n",
}
PROGRAMS = ("askpass", "stops-the-daemon")
PW = f"{GIVEN}/pw"
EMPTY = "rm ~/.local/share/keyrings/*; "
STREAM = f"creds unlock --json --password-stdin <{PW}"
BY_ROOT = (
    "systemd-run --quiet --wait --pipe --uid=ann -p Environment=XDG_RUNTIME_DIR=/run/user/$uid"
)


class Way(NamedTuple):
    """What runs before, the command that takes the password, and the route that it goes."""

    before: str
    command: str
    route: str = "in_place"


WAYS = {
    "in place, standard input": Way(CLOSED, STREAM),
    "in place, descriptor": Way(CLOSED, f"creds unlock --json --password-fd 3 3<{PW}"),
    "in place, askpass": Way(CLOSED, f"creds unlock --json --askpass {GIVEN}/askpass"),
    "unit": Way("systemctl --user start gnome-keyring-daemon.socket", STREAM),
    "waiting daemon": Way(
        f"gnome-keyring-daemon --daemonize --login <{PW} >/dev/null 2>&1",
        "creds unlock --json </dev/null",
        "already",
    ),
    "new daemon": Way("", STREAM, "new_daemon"),
    "new daemon, askpass": Way("", f"creds unlock --json --askpass {GIVEN}/askpass", "new_daemon"),
    "own bus": Way("", f"dbus-run-session -- {STREAM}", "new_daemon"),
    "create, twice": Way(
        EMPTY, f"creds unlock --json --create --password-stdin <{GIVEN}/twice", "new_daemon"
    ),
    "create, taken by PAM": Way(
        EMPTY, f"creds unlock --json --create --password-stdin <{PW}", "new_daemon"
    ),
    "create in place": Way(
        EMPTY + CLOSED,
        f"creds unlock --json --create --password-fd 3 3<{GIVEN}/twice",
        "create_in_place",
    ),
}
REKEY = f"creds rekey --quiet --password-stdin <{GIVEN}/change"
BACK = f"creds rekey --quiet --password-fd 3 3<{GIVEN}/back"
# The daemon is stopped once it was looked at: what asks it to unlock keeps the password and waits.
CRASH = f"""
cd /var/tmp; ulimit -c unlimited; {CLOSED}
creds unlock --askpass {GIVEN}/stops-the-daemon; code=$?
pkill -CONT -u ann gnome-keyring-d
exit $code
"""
# Ends the process that waits so by SIGABRT, as soon as its memory has the password.
ABORT = f"""
import os, re, signal, sys, time

def waits(pid):
    with open(f"/proc/{{pid}}/cmdline", "rb") as file:
        words = file.read().split(b"\\0")
    return b"unlock" in words and b"{GIVEN}/stops-the-daemon" in words

def holds(pid):
    with open(f"/proc/{{pid}}/maps") as maps, open(f"/proc/{{pid}}/mem", "rb", 0) as memory:
        for first, last in re.findall(r"^(\\w+)-(\\w+) rw", maps.read(), re.MULTILINE):
            memory.seek(int(first, 16))
            if b"{PASSWORD}" in memory.read(int(last, 16) - int(first, 16)):
                return True
    return False

end = time.monotonic() + 20
while time.monotonic() < end:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if waits(pid) and holds(pid):
                os.kill(int(pid), signal.SIGABRT)
                sys.exit("held the password")
        except OSError:
            pass
sys.exit("no process held the password")
"""


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    given = {**FILES, "abort.py": ABORT}
    files = {f"{GIVEN}/{name}": text.encode() for name, text in given.items()}
    machine = boot(request.param, files=files)
    for program in PROGRAMS:
        machine.sh(f"chmod 755 {GIVEN}/{program}")
    unlock_cell.prepare(machine, {"ann": PASSWORD})
    return machine


@pytest.fixture(scope="module")
def watcher(machine: Machine) -> Iterator[Watcher]:
    with leaks.watching(machine) as one:
        yield one


@pytest.fixture(autouse=True)
def fresh(machine: Machine) -> None:
    unlock_cell.reset(machine, "ann")


def nothing_is_left(watcher: Watcher) -> None:
    """Fail if the password was to be seen anywhere, or lies in a file or in the journal now."""
    assert watcher.found() == []
    assert watcher.kept() == []


def as_ann(machine: Machine, script: str) -> tuple[int, str]:
    code = unlock_cell.as_user(machine, "ann", f"exec >/run/cells/told; {script}")
    return code, machine.sh("cat /run/cells/told").stdout


@pytest.mark.parametrize("name", WAYS)
def test_creds_unlock(machine: Machine, watcher: Watcher, name: str) -> None:
    way = WAYS[name]
    code, told = as_ann(machine, f"{way.before}\n{way.command}")
    assert code == 0, told
    assert json.loads(told)["route"] == way.route
    nothing_is_left(watcher)
    assert CANARY not in told


def test_wrong_password(machine: Machine, watcher: Watcher) -> None:
    for before in ("", CLOSED):
        wrong = f"{before}\ncreds unlock --password-stdin <{GIVEN}/twice 2>&1"
        code, told = as_ann(machine, wrong)
        assert code == 1
        assert "did not accept" in told
        assert CANARY not in told
    nothing_is_left(watcher)


def test_credential_of_a_service(machine: Machine, watcher: Watcher) -> None:
    as_ann(machine, CLOSED)
    done = machine.sh(
        f"uid=$(id -u ann); {BY_ROOT} -p LoadCredential=keyring:{PW}"
        " creds unlock --json --password-credential keyring"
    )
    assert json.loads(done.stdout)["route"] == "in_place"
    nothing_is_left(watcher)


def test_unit_that_unlocks_and_lock(machine: Machine, watcher: Watcher) -> None:
    major = int(machine.sh("systemctl --version | awk 'NR == 1 {print $2}'").stdout)
    _, told = as_ann(machine, f"{CLOSED}{STREAM} && creds lock --all && creds status")
    assert "locked" in told.splitlines()[-1], told
    if major >= 256:  # older ones have no credentials of a user's
        unlock = (
            "mkdir -p ~/.config/credstore.encrypted;"
            f" systemd-creds encrypt --user --name=creds-session - - <{PW}"
            " >~/.config/credstore.encrypted/creds-session;"
            " creds hook install --unit unlock && creds status; creds hook remove --unit unlock"
        )
        _, told = as_ann(machine, f"{CLOSED}{unlock}")
        assert "unlocked:" in told, told
    nothing_is_left(watcher)


def test_rekey(machine: Machine, watcher: Watcher) -> None:
    code, told = as_ann(machine, f"{CLOSED}{REKEY} && {BACK} && creds status")
    assert (code, told.partition(":")[0]) == (0, "unlocked")
    nothing_is_left(watcher)


def test_typed(machine: Machine, watcher: Watcher) -> None:
    """By the login hook, at the prompts of unlock, --create and rekey, and an item's."""
    with machine.ssh("ann", None, *KEY, answers=[PASSWORD]) as session:
        answer(session, "creds put app you", "Password for app: ", ITEM, ITEM)
        digest = hashlib.sha256(ITEM.encode()).hexdigest()
        got = session.run("creds get --no-newline app you | sha256sum")
        assert got.output.split()[0] == digest
        assert session.run("creds lock").status == 0
        answer(session, "creds unlock", PROMPT, f"not {PASSWORD}")
        answer(session, "creds unlock", PROMPT, PASSWORD)
        answer(
            session, "creds rekey", "Old password of the login keyring: ", PASSWORD, OTHER, OTHER
        )
        session.enter("dbus-run-session -- bash --norc")
        answer(session, "creds unlock", PROMPT, OTHER)
        session.type("exit")
        session.expect("<ready>")
        gone = "while pgrep -u ann -r D,R,S,T gnome-keyring-d; do sleep 0.02; done"
        session.run(f"pkill gnome-keyring-d; {gone}; rm ~/.local/share/keyrings/*")
        new = "New password of the login keyring: "
        answer(session, "creds unlock --create", new, PASSWORD, PASSWORD)
        assert session.run("creds status").output.startswith("unlocked:")
        assert CANARY not in session.transcript
    nothing_is_left(watcher)


def answer(session: Login, command: str, first: str, *typed: str) -> None:
    """Type a command, and at each of its prompts a password."""
    session.type(command)
    session.expect(first)
    for number, password in enumerate(typed):
        if number:
            session.expect("[a-z]: $")
        session.type_secretly(password)
    session.expect("<ready>")


def test_login_by_password(machine: Machine, watcher: Watcher) -> None:
    machine.run("creds-setup-pam", "apply")
    with machine.ssh("ann", PASSWORD) as session:
        assert session.run("creds get app me").output == unlock_cell.SECRET
        assert CANARY not in session.transcript
    machine.run("creds-setup-pam", "revert")
    nothing_is_left(watcher)


def test_killed_with_its_core(machine: Machine, watcher: Watcher) -> None:
    """The process that is killed holds the password at that moment: its memory is looked at."""
    machine.sh("rm -f /var/tmp/core*")
    aborting = subprocess.Popen(
        machine.enter("python3", f"{GIVEN}/abort.py"), stderr=subprocess.PIPE, text=True
    )
    code, _ = as_ann(machine, CRASH)
    _, said = aborting.communicate(timeout=30)
    assert (said, code) == ("held the password\n", 128 + 6)  # SIGABRT
    assert machine.sh("find /var/tmp -name 'core*'").stdout == ""
    nothing_is_left(watcher)


PLANTED = {
    "/cmdline": f"sh -c ': $0; sleep 0.5' $(cat {PW})",
    "/environ": f"LEAK=$(cat {PW}) sleep 0.5",
    **{
        f"{place}/leak": f"cp {PW} {place}/leak; sleep 0.5; rm {place}/leak"
        for place in ("/tmp", "/run/user/1000", "/var/tmp", "/dev/shm")
    },
}


@pytest.mark.parametrize("place", PLANTED)
def test_what_is_planted_for_a_moment_is_found(
    machine: Machine, watcher: Watcher, place: str
) -> None:
    as_ann(machine, PLANTED[place])
    found = watcher.found()
    assert found
    assert all(path.endswith(place) for path in found), found


def test_what_stays_is_found(machine: Machine, watcher: Watcher) -> None:
    as_ann(machine, f"cp {PW} ~/leak; logger <{PW}")
    if "/" in Path("/proc/sys/kernel/core_pattern").read_text():
        # The kernel's setting is the host's, whose program takes core files, or another directory.
        as_ann(machine, f"(head -c 9999 /dev/zero; cat {PW}) >/var/tmp/core")
    else:
        crash = f"import os; leak = open('{PW}').read(); os.abort()"
        as_ann(machine, f'cd /var/tmp; ulimit -c unlimited; python3 -c "{crash}"')
    machine.run("journalctl", "--sync")
    kept = watcher.kept()
    assert "/home/ann/leak" in kept
    assert "journal" in kept
    assert [file for file in kept if file.startswith("/var/tmp/core")], kept
