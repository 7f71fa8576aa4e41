"""A terminal that hangs up leaves a keyring daemon behind, which holds the control socket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.machine.support.breakages import WAIT_FOR, until
from tests.machine.support.field import PASSWORD, of_user
from tests.machine.support.login import Login
from tests.machine.support.machine import Boot, Machine, wait_until

STOP = "systemctl --user stop gnome-keyring-daemon.socket gnome-keyring-daemon.service"
DAEMONS = "pgrep -u USER -r D,R,S,T gnome-keyring-d"
HELD = r"\(pid (\d+)\) holds the control socket /run/user/\d+/keyring/control and does not serve"
# How a daemon is started in the nested session so that it does not end with its terminal.
STARTED = {
    "start": "gnome-keyring-daemon --start >/dev/null 2>&1",
    "unlock": f"printf {PASSWORD} | gnome-keyring-daemon --unlock --daemonize >/dev/null 2>&1",
}


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    booted = boot(request.param, files={"/opt/wait-for": WAIT_FOR.encode()})
    booted.run("creds-setup-pam", "apply")
    booted.sh("ssh-keygen -q -t ed25519 -N '' -f /root/key")
    return booted


@contextmanager
def later_login(machine: Machine, user: str) -> Iterator[Login]:
    """Log in with a key, and answer no question of the hook."""
    options = ("-o", "PreferredAuthentications=publickey", "-o", "IdentityFile=/root/key")
    with machine.ssh(user, None, *options, answers=[""]) as session:
        yield session


def leave(machine: Machine, user: str, line: str) -> None:
    """Store a secret, start a daemon in a nested session, and hang up.

    A shell that reads from the terminal may see its end before the signal comes, and then
    dbus-run-session ends its session bus as usual. A program that reads nothing sees the signal.
    """
    with machine.ssh(user, PASSWORD) as session:
        assert session.run("printf s3cret | creds put app me").status == 0
        daemons = of_user(DAEMONS, user, 0)
        end = f"{STOP}; pkill -KILL -u {user} gnome-keyring-d; {until(f'! {daemons}')}"
        assert session.run(end).status == 0
        session.enter("dbus-run-session -- bash --norc")
        session.run(line)
        session.type("exec sleep 999")
        sleeps = ("pgrep", "-u", user, "-fx", "sleep 999")
        wait_until(lambda: machine.run(*sleeps, check=False).returncode == 0)
        session.cut()
    one = ("sh", "-c", f"[ $(ps -o etimes= -p $({daemons})) -ge 4 ]")
    wait_until(lambda: machine.run(*one, check=False).returncode == 0)
    gone = ("pgrep", "-u", user, "-x", "dbus-run-sessio")
    wait_until(lambda: machine.run(*gone, check=False).returncode == 1)


@pytest.mark.parametrize("way", STARTED)
def test_everybody_names_the_daemon_that_was_left_behind_and_how_to_go_on(
    machine: Machine, way: str
) -> None:
    user = f"left-{way}"
    machine.add_user(user, PASSWORD)
    machine.sh(
        f"install -d -o {user} -m 700 /home/{user}/.ssh;"
        f" install -o {user} -m 600 /root/key.pub /home/{user}/.ssh/authorized_keys"
    )
    leave(machine, user, STARTED[way])
    with later_login(machine, user) as session:
        status = session.run("creds status 2>/dev/null")
        held = re.search(HELD, " ".join(status.output.split()))
        assert (status.status, held is not None) == (69, True), status
        assert held is not None
        remedy = f"kill {held[1]}; creds unlock"
        assert status.output.startswith("waiting: "), status
        for command in ("creds status", "creds get app me", "creds unlock", "creds unlock -n"):
            done = session.run(f"{command} </dev/null")
            words = " ".join(done.output.split())
            assert (done.status, remedy in words) == (69, True), done
            assert re.search(HELD, words), done
        doctor = session.run("creds-doctor --format line --timeout 30")
        assert "[daemon-on-another-bus]" in doctor.output, doctor
        assert session.run(f"kill {held[1]}").status == 0
        wait_until(lambda: machine.run("kill", "-0", held[1], check=False).returncode != 0)
        unlocked = session.run(f"printf {PASSWORD} | creds unlock --password-stdin")
        assert unlocked.status == 0, unlocked
        assert session.run("creds get app me").output == "s3cret"
