"""Neighbours that want the password: none of them is given it, and the cause is named."""

from __future__ import annotations

import time

import pytest

from tests.machine.support.login import Result
from tests.machine.support.machine import Boot, Machine

PASSWORD = "canary pässword 7"
TAKEN = "/run/taken/taken"
EVIL = f"""#!/bin/sh
# Says that it was run, and keeps whatever it is given.
echo "run: $*" >>{TAKEN}
exec cat >>{TAKEN}
"""
BUS, CONTROL, PORT = "/run/mallory/bus", "/run/planted/control", 4711
# Listens where a password could be sent by mistake, and keeps what comes.
LISTEN = f"""
import os, selectors, socket
sockets = selectors.DefaultSelector()

def keep(line):
    with open("{TAKEN}", "a") as taken:
        print(line, file=taken)

def listen(family, address):
    one = socket.socket(family)
    one.bind(address)
    one.listen()
    if family == socket.AF_UNIX:
        os.chmod(address, 0o777)
    sockets.register(one, selectors.EVENT_READ, str(address))

listen(socket.AF_UNIX, "{BUS}")
listen(socket.AF_UNIX, "{CONTROL}")
listen(socket.AF_INET, ("127.0.0.1", {PORT}))
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
    systemd.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
while True:
    for key, _ in sockets.select():
        if key.data:
            keep(f"connection: {{key.data}}")
            sockets.register(key.fileobj.accept()[0], selectors.EVENT_READ, "")
        else:
            content = key.fileobj.recv(4096)
            if content:
                keep(f"content: {{content!r}}")
            else:
                sockets.unregister(key.fileobj)
                key.fileobj.close()
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
    files = {"/opt/fake.py": FAKE, "/opt/evil": EVIL, "/opt/listen.py": LISTEN}
    booted = boot(request.param, files={name: text.encode() for name, text in files.items()})
    booted.run("creds-setup-pam", "apply")
    for name in ("alice", "mallory"):
        booted.add_user(name, PASSWORD)
    booted.sh("chmod 755 /opt/evil; install -d -m 755 /opt/planted")
    booted.sh("cp /opt/evil /opt/planted/gnome-keyring-daemon; chmod 644 /opt/fake.py")
    booted.sh(
        "install -d -m 777 /run/taken; install -d -m 755 -o mallory /run/mallory /run/planted"
    )
    listening = "systemd-run --quiet --uid=mallory -p Type=notify -p NotifyAccess=all"
    booted.run(*listening.split(), "python3", "/opt/listen.py")
    with booted.ssh("alice", PASSWORD) as session:
        assert session.run("printf s3cret | creds put app me").status == 0
    return booted


def alone(machine: Machine, script: str) -> Result:
    """Run a script as alice on a bus of its own, with nothing of hers running."""
    machine.run("loginctl", "terminate-user", "alice", check=False)
    machine.run("pkill", "-KILL", "-u", "alice", check=False)
    machine.wait_until_gone("alice")
    machine.sh(f": >{TAKEN}; chmod 666 {TAKEN}; rm -f /tmp/ready")
    machine.sh("install -d -m 700 -o alice -g alice /run/alice")
    own = ["env", "-i", "HOME=/home/alice", "PATH=/usr/local/bin:/usr/bin:/bin"]
    own += ["XDG_RUNTIME_DIR=/run/alice", "LANG=C.UTF-8"]
    done = machine.run(
        *("runuser", "-u", "alice", "--", *own, "dbus-run-session", "sh", "-c", script),
        stdin=PASSWORD.encode(),
        check=False,
    )
    return Result(done.returncode, done.stdout + done.stderr)


def taken(machine: Machine) -> str:
    return machine.run("cat", TAKEN).stdout


def test_what_is_sent_or_run_is_kept(machine: Machine) -> None:
    """Show that the tests below can fail: each of the places keeps what it is given."""
    send = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])"
    send += "; s.send(b'x'); s.close()"
    tcp = f"bash -c 'printf x >/dev/tcp/127.0.0.1/{PORT}'"
    evil = "echo y | /opt/planted/gnome-keyring-daemon --unlock"
    script = f'for s in {BUS} {CONTROL}; do python3 -c "{send}" $s; done; {tcp}; {evil}'
    assert alone(machine, script).status == 0
    wanted = {"run: --unlock", "content: b'x'", "y"}
    wanted |= {f"connection: {place}" for place in (BUS, CONTROL, ("127.0.0.1", PORT))}
    deadline = time.monotonic() + 20
    while set(taken(machine).splitlines()) != wanted:
        assert time.monotonic() < deadline, taken(machine)
        time.sleep(0.05)


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
    ("address", "connected"),
    [
        (f"tcp:host=127.0.0.1,port={PORT}", False),
        ("unixexec:path=/opt/evil", False),
        (f"unix:path={BUS}", True),  # only the kernel can say whose it is, of a connection
        ("launchd:env=X", False),
        ("autolaunch:", False),
    ],
)
def test_no_password_crosses_another_kind_of_bus(
    machine: Machine, address: str, *, connected: bool
) -> None:
    address = f"DBUS_SESSION_BUS_ADDRESS='{address}'"
    done = alone(machine, f"{address} creds unlock --password-stdin; {address} creds get app me")
    assert done.status in {69, 77}, done  # the shell is where it was
    told = ("no password goes there", "belongs to user id", "no session bus answers")
    assert any(words in done.output for words in told), done
    # Her own bus, which other processes of hers have, is used instead, and that is said.
    used = "the session bus of this shell does not answer; used unix:path=/tmp/dbus-"
    assert used in done.output, done
    assert set(taken(machine).splitlines()) == ({f"connection: {BUS}"} if connected else set())


def test_a_planted_control_socket_is_not_spoken_to(machine: Machine) -> None:
    """In a folder of another's, by GNOME_KEYRING_CONTROL; what is alice's own is alice's."""
    done = alone(
        machine,
        "GNOME_KEYRING_CONTROL=/run/planted creds unlock --password-stdin && creds get app me",
    )
    assert (done.status, "s3cret" in done.output) == (0, True), done
    assert taken(machine) == ""


def test_root_with_the_home_of_a_user_is_refused(machine: Machine) -> None:
    done = machine.run(
        *("env", "HOME=/home/alice", "SUDO_USER=alice", "creds", "unlock", "--password-stdin"),
        stdin=PASSWORD.encode(),
        check=False,
    )
    assert done.returncode == 64
    assert "run it as alice: creds unlock" in done.stderr
