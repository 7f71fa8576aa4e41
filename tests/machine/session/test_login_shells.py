"""The login hook in the login shells that people have: it asks once, and the keyring is open."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pexpect
import pytest

from tests.machine.support import rootfs
from tests.machine.support.machine import Boot, Machine

PASSWORD = "correct horse 7!"
SHELLS = ("zsh", "fish", "ksh", "dash", "bash")
PATH = "/usr/local/bin:/usr/bin:/bin"
MAKE = "creds unlock --create --password-stdin && printf s3cret | creds put app me"
ASKED = "Password of the login keyring: "
SSH = "ssh -tt -i /root/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
INSTALL = "/opt/source/scripts/install --wheels /mnt/wheels"
PROMPT = r"[$#%>] ?(?:\x1b\[[?;0-9]*[A-Za-z]|[ \x08\r])*$"  # zsh, ksh and fish draw on behind it
HOOKS = "/etc/profile.d/creds-session.sh /etc/fish/conf.d/creds-session.fish"


@pytest.fixture(scope="module")
def machine(boot: Boot) -> Machine:
    """A machine on which the project was installed when these shells were there already."""
    machine = boot("bookworm", packages=("fish", "ksh", "zsh"))
    shutil.copytree(rootfs.wheels("bookworm"), machine.root / "mnt/wheels", dirs_exist_ok=True)
    machine.sh(INSTALL)
    machine.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/key")
    for shell in SHELLS:
        user = f"of-{shell}"
        machine.add_user(user, PASSWORD)
        machine.run("usermod", f"--shell=/bin/{shell}", user)
        machine.sh(
            f"install -d -o {user} -g {user} -m 700 /home/{user}/.ssh;"
            f" install -o {user} -g {user} -m 600 /root/key.pub /home/{user}/.ssh/authorized_keys;"
            # zsh asks a person who has none how to begin.
            f" install -o {user} -g {user} -m 644 /dev/null /home/{user}/.zshrc"
        )
        machine.run(
            *("runuser", "-u", user, "--", "env", "-i", f"HOME=/home/{user}", f"PATH={PATH}"),
            *("dbus-run-session", "sh", "-c", MAKE),
            stdin=PASSWORD.encode(),
        )
    return machine


@contextmanager
def login(machine: Machine, user: str) -> Iterator[pexpect.spawn[str]]:
    """Log in by key, as the first session of this person."""
    machine.run("loginctl", "terminate-user", user, check=False)
    machine.wait_until_gone(user)
    argv = machine.enter(*SSH.split(), "-o", "LogLevel=ERROR", f"{user}@127.0.0.1")
    environment = {**os.environ, "TERM": "plain"}
    session = pexpect.spawn(
        *(argv[0], argv[1:]),
        env=environment,
        encoding="utf-8",
        timeout=20,
        dimensions=(50, 200),  # ksh draws a long line again
    )
    try:
        session.expect([PROMPT, re.escape(ASKED)])
        yield session
        session.sendline("exit")
        session.expect(pexpect.EOF)
    finally:
        session.close(force=True)


def type_line(session: pexpect.spawn[str], line: str) -> None:
    """Type a command, and wait until it has ended: what is looked for is not what is typed."""
    session.sendline(f"{line}; echo en''ded")
    session.expect("ended")


def read_secret(session: pexpect.spawn[str]) -> None:
    """Give the password that is asked for, and read the secret.

    What is typed before the prompt is there is thrown away when the echo is turned on again.
    """
    session.sendline(PASSWORD)
    session.expect(PROMPT)
    session.sendline("creds get app me; echo en''ded")
    session.expect("s3cret[\r\n]+ended")


@pytest.mark.parametrize("shell", SHELLS)
def test_it_asks_once_after_an_installation_for_everybody(machine: Machine, shell: str) -> None:
    with login(machine, f"of-{shell}") as session:
        # zsh reads nothing of /etc/profile.d on Debian: docs/how-to/login-hook.md says so.
        assert (session.after == ASKED) == (shell != "zsh")
        if session.after == ASKED:
            read_secret(session)


@pytest.mark.parametrize("shell", SHELLS)
def test_it_asks_once_where_a_person_installed_it(machine: Machine, shell: str) -> None:
    user = f"of-{shell}"
    machine.sh(f"mkdir -p /kept; for f in {HOOKS}; do mv $f /kept; done")
    try:
        with login(machine, user) as session:
            assert session.after != ASKED
            type_line(session, "creds hook install")
        with login(machine, user) as session:
            assert session.after == ASKED
            read_secret(session)
            type_line(session, "creds hook remove")
        with login(machine, user) as session:
            assert session.after != ASKED
    finally:
        machine.sh(f"for f in {HOOKS}; do mv /kept/${{f##*/}} $f; done")
