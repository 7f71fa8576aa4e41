"""A person who types the commands of the documents, and answers what they ask."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from tests import recipes
from tests.machine.support.login import Login, Result
from tests.machine.support.machine import Machine

FIRST, SECRET = "pw of alice", "s3cret"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
QUESTIONS = (
    r"\[sudo\] password for \w+: ?$",
    r"(?:assword|to be sure)[^\r\n]*: ?$",
    r"\[[Yy]/[Nn]\] ?$",
)
SUDO = re.compile(r"\[sudo\] password for \w+: ?\n?")


def typed(session: Login, command: str, *answers: str, sudo: str = "") -> Result:
    """Type a command, and at each question for a password the next answer.

    ``sudo`` is typed each time that sudo asks, and ``y`` at a question for yes or no. A command of
    one line and the question for its exit code are one line, since sudo reads ahead.
    """
    before = len(session.transcript)
    separator = "\n" if "\n" in command else "; "
    session.type(f"{command}{separator}printf '<co''de=%d>' $?")
    left = list(answers)
    while asked := session.expect(r"<code=\d+>", *QUESTIONS):
        seen = session.transcript[before:]
        if asked == 1:
            assert sudo, f"{command} asks for sudo:\n{seen}"
            session.type_secretly(sudo)
        elif asked == 2:
            assert left, f"{command} asks once more:\n{seen}"
            session.type_secretly(left.pop(0))
        else:
            session.type("y")
            session.transcript += "y\r\n"  # the terminal does not echo
    shown, _, code = session.transcript[before:].rpartition("<code=")
    assert not left, f"{command} asked for too little:\n{shown}"
    session.expect("<ready>")
    printed = COLOUR.sub("", shown).replace("\r\n", "\n").replace("<ready>", "")
    return Result(int(code.partition(">")[0]), SUDO.sub("", printed).strip("\n"))


def succeeds(session: Login, command: str, *answers: str, sudo: str = "") -> str:
    """Type a command that must exit with 0; return what it printed."""
    done = typed(session, command, *answers, sudo=sudo)
    assert done.status == 0, f"{command}: {done}"
    return done.output


def pam_files(machine: Machine) -> dict[str, str]:
    """Return each file of /etc/pam.d with its hash, mode and owner."""
    listed = machine.sh("cd /etc/pam.d; sha256sum *; stat -c '%a %U %G  %n' *").stdout
    files: dict[str, str] = {}
    for line in listed.splitlines():
        value, _, name = line.partition("  ")
        files[name] = f"{files.get(name, '')} {value}"
    return files


def end_all(machine: Machine, user: str) -> None:
    """End what runs for a user, as a boot would: the next login is a first one."""
    machine.run("loginctl", "terminate-user", user, check=False)
    machine.run("pkill", "-KILL", "-u", user, "-x", "bash", check=False)  # it ignores SIGTERM
    machine.wait_until_gone(user)


@contextlib.contextmanager
def alice_with_a_secret(machine: Machine) -> Iterator[None]:
    """Make a new alice with the user id of the documents, whose keyring holds a secret."""
    machine.run("useradd", "--create-home", "--shell=/bin/bash", "--uid=1000", "alice")
    machine.run("usermod", "-aG", "sudo", "alice")
    machine.run("chpasswd", stdin=f"alice:{FIRST}\n".encode())
    try:
        with machine.ssh("alice", FIRST) as session:
            succeeds(session, "creds put github alice", SECRET, SECRET)
        yield
    finally:
        end_all(machine, "alice")
        machine.run("userdel", "--remove", "alice", check=False)  # 12 if there is no mail


def reads(session: Login, secret: str = SECRET) -> None:
    """See that the secret is read by the README's own command."""
    (_, get) = recipes.commands("README.md", "creds put github alice")
    assert succeeds(session, get) == secret
