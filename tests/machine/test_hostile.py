"""Neighbours that want the password: none of them is given it, and the cause is named."""

from __future__ import annotations

import pytest

from tests.machine.login import Result
from tests.machine.machine import Boot, Machine

PASSWORD = "canary pässword 7"
TAKEN = "/tmp/taken"
EVIL = f"""#!/bin/sh
# Keeps whatever it is given.
cat >>{TAKEN}
"""
# Owns the name, as the daemon would, and keeps every message that comes.
FAKE = f"""
import ctypes, os, shutil, sys
from jeepney import MatchRule, new_method_call, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

ctypes.CDLL(None).prctl(15, sys.argv[1].encode(), 0, 0, 0)
bus = open_dbus_connection("SESSION")
bus.send_and_get_reply(message_bus.RequestName("org.freedesktop.secrets"))
open("/tmp/ready", "w").close()
while True:
    message = bus.receive()
    with open("{TAKEN}", "a") as taken:
        print(message.header.fields, message.body, file=taken, flush=True)
    if message.header.message_type.name != "method_call":
        continue
    member = message.header.fields[list(message.header.fields)[2]]
    body = {{"ReadAlias": ("o", ("/org/freedesktop/secrets/collection/login",)),
            "Get": ("v", (("b", True),)), "OpenSession": ("vo", (("s", ""), "/s"))}}
    for word, (signature, values) in body.items():
        if word in str(message.header.fields):
            bus.send(new_method_return(message, signature, values))
"""


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    booted = boot(request.param, files={"/opt/fake.py": FAKE.encode(), "/opt/evil": EVIL.encode()})
    booted.run("creds-setup-pam", "apply")
    for name in ("alice", "mallory"):
        booted.add_user(name, PASSWORD)
    booted.sh("chmod 755 /opt/evil; install -d -m 755 /opt/planted")
    booted.sh("cp /opt/evil /opt/planted/gnome-keyring-daemon; chmod 644 /opt/fake.py")
    with booted.ssh("alice", PASSWORD) as session:
        assert session.run("printf s3cret | creds put app me").status == 0
    return booted


def alone(machine: Machine, script: str) -> Result:
    """Run a script as alice on a bus of its own, with nothing of hers running."""
    machine.run("loginctl", "terminate-user", "alice", check=False)
    machine.run("pkill", "-KILL", "-u", "alice", check=False)
    machine.wait_until_gone("alice")
    machine.sh(f"rm -rf {TAKEN} /tmp/ready; install -d -m 700 -o alice -g alice /run/alice")
    own = ["env", "-i", "HOME=/home/alice", "PATH=/usr/local/bin:/usr/bin:/bin"]
    own += ["XDG_RUNTIME_DIR=/run/alice", "LANG=C.UTF-8"]
    done = machine.run(
        *("runuser", "-u", "alice", "--", *own, "dbus-run-session", "sh", "-c", script),
        stdin=PASSWORD.encode(),
        check=False,
    )
    return Result(done.returncode, done.stdout + done.stderr)


def taken(machine: Machine) -> str:
    return machine.run("cat", TAKEN, check=False).stdout


def test_a_planted_daemon_is_not_run(machine: Machine) -> None:
    done = alone(
        machine, "PATH=/opt/planted:$PATH creds unlock --password-stdin && creds get app me"
    )
    assert (done.status, "s3cret" in done.output) == (0, True), done
    assert taken(machine) == ""


@pytest.mark.parametrize("name", ["gnome-keyring-d", "keepassxc"])
def test_another_owner_of_the_name_is_named_and_given_nothing(machine: Machine, name: str) -> None:
    python = "/opt/creds-session/current/bin/python3"
    done = alone(
        machine,
        f"{python} /opt/fake.py {name} & while ! [ -e /tmp/ready ]; do sleep 0.05; done;"
        " creds unlock --password-stdin; code=$?; kill $!; exit $code",
    )
    assert done.status == 69, done
    assert "another program serves secrets here" in done.output
    assert PASSWORD not in taken(machine)


@pytest.mark.parametrize(
    "address",
    [
        "tcp:host=127.0.0.1,port=4711",
        "unixexec:path=/opt/evil",
        "unix:path=/run/mallory/bus",
        "launchd:env=X",
        "autolaunch:",
    ],
)
def test_no_password_crosses_another_kind_of_bus(machine: Machine, address: str) -> None:
    machine.sh(
        "install -d -m 755 -o mallory /run/mallory; pkill -u mallory socat;"
        " runuser -u mallory -- python3 -c 'import socket,os,sys,time;"
        's=socket.socket(socket.AF_UNIX);os.path.exists("/run/mallory/bus") or '
        '(s.bind("/run/mallory/bus"),os.chmod("/run/mallory/bus",0o777),s.listen(5),'
        "os.fork() or (os.setsid(),time.sleep(300)))' >/dev/null 2>&1 </dev/null &"
        " sleep 0.5"
    )
    address = f"DBUS_SESSION_BUS_ADDRESS='{address}'"
    done = alone(machine, f"{address} creds unlock --password-stdin; {address} creds get app me")
    assert done.status in {69, 77}, done  # the shell is where it was
    told = ("no password goes there", "belongs to user id", "no session bus answers")
    assert any(words in done.output for words in told), done
    # Her own bus, which other processes of hers have, is used instead, and that is said.
    assert "the bus of this shell does not answer; used unix:path=/tmp/dbus-" in done.output, done
    assert taken(machine) == ""


def test_a_planted_control_socket_is_not_spoken_to(machine: Machine) -> None:
    """In a folder of another's, by GNOME_KEYRING_CONTROL; what is alice's own is alice's."""
    machine.sh("install -d -m 755 -o mallory /run/planted")
    done = alone(
        machine,
        "GNOME_KEYRING_CONTROL=/run/planted creds unlock --password-stdin && creds get app me",
    )
    assert (done.status, "s3cret" in done.output) == (0, True), done


def test_root_with_the_home_of_a_user_is_refused(machine: Machine) -> None:
    done = machine.run(
        *("env", "HOME=/home/alice", "SUDO_USER=alice", "creds", "unlock", "--password-stdin"),
        stdin=PASSWORD.encode(),
        check=False,
    )
    assert done.returncode == 64
    assert "run it as alice: creds unlock" in done.stderr
