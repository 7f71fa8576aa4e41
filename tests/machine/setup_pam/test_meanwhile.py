"""A login that has begun when PAM is changed ends well: libpam has read its files already."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pexpect
import pytest

from tests.machine.support.machine import Boot, Machine

pytestmark = pytest.mark.in_turn

PASSWORD = "correct horse 7!"
SSH = "ssh -tt -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
WAYS = {
    "ssh": f"{SSH} -o PreferredAuthentications=password alice@127.0.0.1",
    "keyboard-interactive": f"{SSH} -o PreferredAuthentications=keyboard-interactive"
    " alice@127.0.0.1",
    "su": "su - alice",
}


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    settings = {"/etc/ssh/sshd_config.d/10-both.conf": b"KbdInteractiveAuthentication yes\n"}
    machine = boot(request.param, files=settings)
    machine.add_user("alice", PASSWORD)
    machine.add_user("carol", PASSWORD)
    return machine


@contextmanager
def at_the_prompt(machine: Machine, way: str) -> Iterator[pexpect.spawn[str]]:
    """Begin a login, and wait until it asks for the password."""
    # Root's su asks for none.
    as_carol = ["setpriv", "--reuid=carol", "--regid=carol", "--clear-groups"]
    argv = machine.enter(*(as_carol if way == "su" else []), *WAYS[way].split())
    environment = {**os.environ, "TERM": "dumb"}
    session = pexpect.spawn(argv[0], argv[1:], env=environment, encoding="utf-8", timeout=30)
    try:
        session.expect("assword: ?$")
        yield session
    finally:
        session.close(force=True)


@pytest.mark.parametrize("way", WAYS)
def test_a_login_that_waits_for_its_password_is_let_in_after_a_change(
    machine: Machine, way: str
) -> None:
    services = ("--service", "sshd", "--service", "su")
    for command in ("apply", "revert"):
        before = machine.sh("sha256sum /etc/pam.d/*").stdout
        with at_the_prompt(machine, way) as session:
            machine.run("creds-setup-pam", *(services if command == "apply" else ()), command)
            assert machine.sh("sha256sum /etc/pam.d/*").stdout != before
            session.sendline(PASSWORD)
            session.expect(r"\$ $")
            session.sendline("id -un; exit 5")
            session.expect("alice")
            session.expect(pexpect.EOF)
        assert session.exitstatus == 5


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_password_is_refused_in_the_middle_of_a_change_too(
    machine: Machine, way: str
) -> None:
    for command in ("apply", "revert"):
        with at_the_prompt(machine, way) as session:
            machine.run("creds-setup-pam", command)
            session.sendline("wrong")
            session.expect("denied|failure|incorrect|assword: ?$")
