"""sshd that asks keyboard-interactive: PAM runs in a child, and what it kept is lost with it.

Where that is the only way, PAM's auth rule starts the daemon (--login) and the session initialises
it. On Red Hat's layout, and where a client has the choice, what cannot work is told.
"""

from __future__ import annotations

import json

import pytest

from tests.machine.support.login import LoginFailed
from tests.machine.support.machine import Boot, Machine

PASSWORD = "correct horse 7!"
SETTINGS = "/etc/ssh/sshd_config.d/10-methods.conf"
ALONE = b"PasswordAuthentication no\nKbdInteractiveAuthentication yes\n"
BOTH = b"KbdInteractiveAuthentication yes\n"
PAM = "etc/pam.d/sshd"
SETUP = "creds-setup-pam"
RULE = b"pam_gnome_keyring.so auto_start\n"
WRONG = ("-o", "NumberOfPasswordPrompts=1")


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    booted = boot(request.param, files={SETTINGS: ALONE})
    booted.add_user("alice", PASSWORD)
    return booted


def settings(machine: Machine, content: bytes) -> None:
    (machine.root / SETTINGS[1:]).write_bytes(content)
    machine.run("systemctl", "restart", "ssh.service")


def leave(machine: Machine, user: str) -> None:
    machine.run("loginctl", "terminate-user", user, check=False)
    # A daemon that nobody initialises waits 120 s.
    machine.run("pkill", "-KILL", "-u", user, check=False)
    machine.wait_until_gone(user)


def test_a_typed_password_opens_the_keyring(machine: Machine) -> None:
    original = (machine.root / PAM).read_bytes()
    with machine.ssh("alice", PASSWORD) as session:
        got = session.run("creds get app me")
        assert got.status == 77, got
    leave(machine, "alice")

    checked = machine.run(SETUP, "check", check=False)
    assert checked.returncode == 1
    assert "takes keyboard-interactive; PAM service sshd" in checked.stdout
    machine.run(SETUP, "apply")
    assert (machine.root / PAM).read_bytes().count(RULE) == 2  # auth and session
    machine.run(SETUP, "check")
    report = json.loads(machine.run(SETUP, "check", "--json").stdout)
    assert report["sshd"]["password_methods"] == ["keyboard-interactive"]
    assert (report["sshd"]["judged"], report["sshd"]["problem"]) == (True, "")
    assert report["services"][0]["starts_in_auth"] is True

    with machine.ssh("alice", PASSWORD) as session:  # a first login ever, as to keyrings
        assert session.run("printf s3cret | creds put app me").status == 0
        assert session.run("creds get app me").output == "s3cret"
        assert session.run("secret-tool lookup service app username me").output == "s3cret"
        with machine.ssh("alice", PASSWORD) as second:  # beside the first
            assert second.run("creds get app me").output == "s3cret"
        assert session.run("creds get app me").output == "s3cret"
    leave(machine, "alice")
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("creds get app me").output == "s3cret"
        doctor = session.run("creds-doctor")
        assert doctor.status == 0, doctor
    leave(machine, "alice")

    machine.run(SETUP, "revert")
    assert (machine.root / PAM).read_bytes() == original
    with machine.ssh("alice", PASSWORD, answers=[""]) as session:  # the hook asks again
        assert session.run("true").status == 0
    leave(machine, "alice")
    machine.run(SETUP, "apply")


def test_without_the_hook_the_first_read_opens_it(machine: Machine) -> None:
    machine.add_user("bob", PASSWORD)
    machine.sh("install -d -o bob /home/bob/.config /home/bob/.config/creds-session")
    machine.sh("touch /home/bob/.config/creds-session/no-hook")
    with machine.ssh("bob", PASSWORD) as session:
        assert session.run("printf one | creds put app me").status == 0
        assert session.run("creds get app me").output == "one"
    leave(machine, "bob")
    with machine.ssh("bob", PASSWORD) as session:
        assert session.run("creds get app me").output == "one"
    leave(machine, "bob")
    with machine.ssh("bob", PASSWORD) as session:
        explained = session.run("creds unlock --explain")
        assert explained.output.startswith("activate"), explained
        assert session.run("creds unlock").status == 0
        assert session.run("creds get app me").output == "one"
    leave(machine, "bob")


def test_a_wrong_password_starts_nothing_and_makes_no_keyring(machine: Machine) -> None:
    machine.add_user("carol", PASSWORD)
    with pytest.raises(LoginFailed), machine.ssh("carol", "wrong", *WRONG):
        pass
    assert machine.processes("carol") == []
    assert machine.sh("find /home/carol -name '*.keyring' -o -name 'keyring-*'").stdout == ""
    with machine.ssh("carol", PASSWORD) as session:
        assert session.run("printf two | creds put app me").status == 0
        assert session.run("creds get app me").output == "two"
    leave(machine, "carol")


def test_where_clients_have_the_choice_it_is_told(machine: Machine) -> None:
    machine.run(SETUP, "revert")
    settings(machine, BOTH)
    try:
        applied = machine.run(SETUP, "apply")
        assert "set `KbdInteractiveAuthentication no` in sshd_config" in applied.stderr
        assert (machine.root / PAM).read_bytes().count(RULE) == 1  # session alone
        doctor = machine.run("creds-doctor", "--json", check=False)
        assert "sshd-keyboard-interactive" in doctor.stdout
        with machine.ssh("alice", PASSWORD, "-o", "PreferredAuthentications=password") as session:
            assert session.run("creds get app me").output == "s3cret"
        settings(machine, b"UsePAM no\n")
        refused = machine.run(SETUP, "check", check=False)
        assert (refused.returncode, "UsePAM no" in refused.stderr) == (1, True)
        assert "sshd-without-pam" in machine.run("creds-doctor", "--json", check=False).stdout
        with machine.ssh("alice", PASSWORD) as session:
            assert session.run("true").status == 0
    finally:
        settings(machine, ALONE)
        leave(machine, "alice")


def test_red_hats_layout_is_refused_the_start_and_keeps_its_logins(boot: Boot) -> None:
    """A wrong password comes by the rule behind its substack."""
    machine = boot("bookworm", "redhat", files={SETTINGS: ALONE})
    machine.add_user("alice", PASSWORD)
    applied = machine.run(SETUP, "apply", check=False)
    assert applied.returncode == 1
    assert "the auth rule cannot start the daemon" in applied.stderr
    assert (machine.root / PAM).read_bytes().count(RULE) == 1
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("true").status == 0
