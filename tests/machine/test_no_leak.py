"""The password is never in a process's arguments or environment, a file, the journal or a tty."""

from __future__ import annotations

import hashlib
import subprocess
import time

from tests.machine.machine import Boot

PASSWORD = "canary-of-login-4711"
SECRET = "canary-of-item-4712"
WATCH = """
import os, pathlib, sys, time
canaries = [b"canary-of-login-4711", b"canary-of-item-4712"]
me = os.getpid()
looks = 0
while not os.path.exists("/run/stop-watching"):
    looks += 1
    for process in pathlib.Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == me:
            continue
        for name in ("cmdline", "environ"):
            try:
                content = (process / name).read_bytes()
            except OSError:
                continue
            if any(canary in content for canary in canaries):
                print("LEAK", process.name, name, content[:200], flush=True)
print("looks", looks, flush=True)
"""
FILES = (
    "grep -rlsaE 'canary-of-(login|item)' /etc /home /run /tmp /var /root"
    " --exclude-dir=journal --exclude=watch.py"
)


def test_nowhere(boot: Boot) -> None:
    machine = boot("trixie", files={"/opt/watch.py": WATCH.encode()})
    machine.run("creds-setup-pam", "apply")
    machine.run("useradd", "--create-home", "--shell=/bin/bash", "alice")
    machine.run("chpasswd", stdin=f"alice:{PASSWORD}\n".encode())
    watch = subprocess.Popen(
        machine.enter("python3", "/opt/watch.py"), stdout=subprocess.PIPE, text=True
    )
    try:
        time.sleep(0.5)
        with machine.ssh("alice", PASSWORD) as session:
            session.type("creds put app me")
            session.expect("Password for app: ")
            session.type_secretly(SECRET)
            session.expect("Again, to be sure: ")
            session.type_secretly(SECRET)
            session.expect("<ready>")
            digest = hashlib.sha256(SECRET.encode()).hexdigest()
            got = session.run("creds get --no-newline app me | sha256sum")
            assert got.output.split()[0] == digest
            assert session.run("secret-tool lock --collection=login").status in {0, 134}
            session.type("creds unlock")
            session.expect("Password of the login keyring: ")
            session.type_secretly("not the " + PASSWORD)
            session.expect("did not accept")
            session.expect("<ready>")
            session.type("creds unlock")
            session.expect("Password of the login keyring: ")
            session.type_secretly(PASSWORD)
            session.expect("is unlocked|unlocked already")
            session.expect("<ready>")
            session.enter("dbus-run-session -- bash --norc")
            session.type("creds unlock")
            session.expect("Password of the login keyring: ")
            session.type_secretly(PASSWORD)
            session.expect("is unlocked")
            session.expect("<ready>")
            transcript = session.transcript
    finally:
        machine.run("touch", "/run/stop-watching")
        seen, _ = watch.communicate(timeout=30)
    assert "LEAK" not in seen, seen
    assert int(seen.split()[-1]) > 20, "the watcher hardly looked"
    assert "canary" not in transcript
    assert "canary-of" not in machine.journal()
    assert machine.sh(FILES, check=False).stdout == ""
    core = machine.sh("find / -xdev -name 'core*' -type f -newer /opt/watch.py | head").stdout
    assert "canary" not in core
