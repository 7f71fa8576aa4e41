"""The login's password was changed without the keyring: `creds rekey` brings them together."""

from __future__ import annotations

import subprocess

import pytest

from tests.machine.support import leaks
from tests.machine.support.login import Login, Result
from tests.machine.support.machine import Boot, Machine, wait_until

pytestmark = pytest.mark.in_turn

OLD, NEW = "old canary-of-login-4711!", "new cänary canary-of-login-4711 "
SECRET = "s3cret"
TYPE = ("-o", "PreferredAuthentications=password")
KEYRING = "/home/alice/.local/share/keyrings/login.keyring"
BACKUPS = f"ls {KEYRING}.creds-backup-* 2>/dev/null"
MAKE_WITH_A_NEWLINE = """\
echo "pw of bob" | gnome-keyring-daemon --unlock --daemonize >/dev/null
for wait in 1 2 3 4 5 6 7 8 9; do
    printf s3cret | creds put app me && exit
    sleep 0.2
done
"""


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    booted = boot(request.param, files={"/opt/make": MAKE_WITH_A_NEWLINE.encode()})
    booted.run("creds-setup-pam", "apply")
    return booted


@pytest.fixture
def changed(machine: Machine) -> Machine:
    """A machine whose admin has changed alice's password; her keyring has the old one."""
    if machine.run("id", "alice", check=False).returncode == 0:
        leave(machine, "alice")
        machine.run("userdel", "--remove", "alice")
    machine.add_user("alice", OLD)
    with machine.ssh("alice", OLD, *TYPE) as session:
        assert session.run(f"printf {SECRET} | creds put app me").status == 0
    leave(machine, "alice")
    machine.run("chpasswd", stdin=f"alice:{NEW}\n".encode())
    return machine


def leave(machine: Machine, user: str) -> None:
    machine.run("loginctl", "terminate-user", user, check=False)
    machine.wait_until_gone(user)


def wait_until_gone(machine: Machine, pid: str) -> None:
    state = ("ps", "-o", "stat=", "-p", pid)
    wait_until(lambda: machine.run(*state, check=False).stdout[:1] in {"", "Z"})


def type_rekey(session: Login, *passwords: str, command: str = "creds rekey") -> Result:
    """Type the command and the passwords as a person does."""
    session.type(f"{command}; printf '<end=%d>' $?")
    prompts = ("Old password of", "New password of", "Again, to be sure: ")
    for prompt, password in zip(prompts, passwords):
        session.expect(prompt)
        session.type_secretly(password)
    before = len(session.transcript)
    session.expect(r"<end=\d+>")
    told = session.transcript[before:]
    session.expect("<ready>")
    return Result(int(told.rpartition("=")[2].rstrip(">")), " ".join(told.split()))


def test_rekey_after_an_admin_changed_the_password(changed: Machine) -> None:
    with changed.ssh("alice", NEW, *TYPE, answers=[""]) as session:
        assert session.run("creds get app me").status == 77
        doctor = session.run("creds-doctor")
        assert doctor.status == 1
        assert "keyring is locked" in doctor.output
        session.type("creds unlock")
        session.expect("Password of the login keyring: ")
        session.type_secretly(NEW)
        session.expect("creds rekey")
        session.expect("<ready>")
        told = type_rekey(session, OLD, NEW, NEW)
        assert told.status == 0, told
        assert "has the new password" in told.output
        backup = changed.sh(BACKUPS).stdout.strip()
        assert backup in told.output
        assert changed.run("stat", "-c", "%a %U", backup).stdout == "600 alice\n"
        assert session.run("creds get app me").output == SECRET
        assert session.run("creds-doctor").status == 0
    leave(changed, "alice")
    with changed.ssh("alice", NEW, *TYPE) as session:  # nothing is asked
        assert session.run("creds get app me").output == SECRET
        assert session.run("creds-doctor").status == 0
        session.run(f"mkdir -p old/keyrings && cp {backup} old/keyrings/login.keyring")
        session.run("export XDG_DATA_HOME=$HOME/old")
        session.enter("dbus-run-session -- bash --norc")
        opened = session.run(f"printf %s '{OLD}' | creds unlock --password-stdin")
        assert opened.status == 0, opened
        assert session.run("creds get app me").output == SECRET


def test_a_wrong_old_password_changes_nothing(changed: Machine) -> None:
    with changed.ssh("alice", NEW, *TYPE, answers=[""]) as session:
        before = changed.run("sha256sum", KEYRING).stdout
        told = type_rekey(session, "not this", NEW, NEW)
        assert told.status == 1, told
        assert "did not accept the old password; nothing was changed" in told.output
        assert f"mv {KEYRING} {KEYRING}.forgotten; creds unlock --create" in told.output
        assert type_rekey(session, OLD, NEW, "new canary with a typo").status == 65
        assert type_rekey(session, OLD, "").status == 1
        assert type_rekey(session, "").status == 1
        for lines, code in (("one", 65), ("a\\n\\n", 65), ("\\n\\n", 65), ("a\\nb\\nc", 65)):
            given = session.run(f"printf '{lines}' | creds rekey --password-stdin")
            assert given.status == code, (lines, given)
        assert session.run("printf 'a\\nb\\0' | creds rekey --password-stdin").status == 65
        assert changed.run("sha256sum", KEYRING).stdout == before
        assert changed.sh(BACKUPS, check=False).stdout == ""
        opened = session.run(f"printf '%s\\n' '{OLD}' | creds unlock --password-stdin")
        assert opened.status == 0
        assert "one newline at the end of standard input was removed" in opened.output
        # An open keyring takes any password; its change does not.
        assert session.run("printf 'x\\ny\\n' | creds rekey --password-stdin").status == 1
        assert session.run("creds get app me").output == SECRET
        assert changed.sh(BACKUPS, check=False).stdout == ""


def test_a_keyring_made_with_a_newline_is_repaired(machine: Machine) -> None:
    machine.add_user("bob", "pw of bob")
    machine.run("su", "-", "bob", "-c", "dbus-run-session -- sh /opt/make")
    with machine.ssh("bob", "pw of bob", *TYPE, answers=[""]) as session:
        session.type("creds unlock")
        session.expect("Password of the login keyring: ")
        session.type_secretly("pw of bob")
        session.expect("did not accept")
        session.expect("creds rekey")
        session.expect("<ready>")
        told = type_rekey(session, *(["pw of bob"] * 3), command="creds rekey --json")
        assert told.status == 0, told
        assert '"had_newline": true' in told.output
        assert "ended with a newline" in told.output
        assert session.run("creds get app me").output == SECRET
    leave(machine, "bob")
    with machine.ssh("bob", "pw of bob", *TYPE) as session:
        assert session.run("creds get app me").output == SECRET


@pytest.mark.parametrize("moment", ["before", "backup", "/^link", "/^fsync", "/^rename"])
def test_a_daemon_that_is_killed_loses_nothing(changed: Machine, moment: str) -> None:
    """Before it is asked, after the copy was made, and at each step of its own writing."""
    with changed.ssh("alice", NEW, *TYPE, answers=[""]) as session:
        strace = None
        command = "creds rekey"
        owner = session.run("creds status --json | grep '\"pid\"'").output.strip(' ",pid:')
        if moment == "before":
            changed.run("kill", "-9", owner)
            wait_until_gone(changed, owner)
        elif moment == "backup":
            command = "strace -f -o /dev/null -e inject=fsync:delay_exit=3000000 creds rekey"
        else:
            trace = ("strace", "-f", "-o", "/dev/null", "-p", owner)
            argv = changed.enter(*trace, "-e", f"inject={moment}:signal=KILL")
            strace = subprocess.Popen(argv, stderr=subprocess.PIPE)
            assert b"attached" in strace.stderr.readline()  # type: ignore[union-attr]
        if moment == "backup":
            wait = f"until {BACKUPS} >/dev/null; do sleep 0.05; done; kill -9 {owner}"
            strace = subprocess.Popen(changed.enter("sh", "-c", wait), stderr=subprocess.PIPE)
        told = type_rekey(session, OLD, NEW, NEW, command=command)
        if strace:
            strace.communicate(timeout=20)
        if moment != "before":
            assert told.status == 69, told
            assert changed.sh(BACKUPS).stdout.strip() in told.output
            assert "was not changed" in told.output
            wait_until_gone(changed, owner)
            told = type_rekey(session, OLD, NEW, NEW)
        assert told.status == 0, told
        assert session.run("creds get app me").output == SECRET
    leave(changed, "alice")
    with changed.ssh("alice", NEW, *TYPE) as session:
        assert session.run("creds get app me").output == SECRET


def test_rekey_where_no_daemon_serves(changed: Machine) -> None:
    with changed.ssh("alice", NEW, *TYPE, answers=[""]) as session:
        session.run("export -n XDG_RUNTIME_DIR; unset XDG_RUNTIME_DIR")
        session.enter("dbus-run-session -- bash --norc")
        wrong = session.run("printf 'wrong\\nx\\n' | creds rekey --password-stdin")
        assert wrong.status == 1, wrong
        assert session.run("pgrep -u alice -f keyring-daemon.*--unlock").status == 1
        rekeyed = session.run(f"printf '%s\\n' '{OLD}' '{NEW}' | creds rekey --password-stdin")
        assert rekeyed.status == 0, rekeyed
        assert session.run("creds get app me").output == SECRET


def test_sources_of_the_password(changed: Machine) -> None:
    """A descriptor, a program that asks, a credential of systemd's."""
    changed.sh("install -d -o alice -m 700 /home/alice/p")
    for name, content in (("two", f"{OLD}\n{NEW}"), ("new", NEW), ("newline", f"{NEW}\n")):
        changed.sh(f"umask 077; cat >/home/alice/p/{name}", stdin=content.encode())
    changed.sh(
        "printf '#!/bin/sh\\ncat ~/p/new\\n' >/home/alice/p/ask; chmod 755 /home/alice/p/ask"
    )
    changed.sh("chown -R alice: /home/alice/p")
    with changed.ssh("alice", NEW, *TYPE, answers=[""]) as session:
        rekeyed = session.run("creds rekey --password-fd 3 3<p/two")
        assert rekeyed.status == 0, rekeyed
        for options in (
            "--password-fd 7 7<p/newline",
            "--askpass ~/p/ask",
            "--password-stdin <p/new",
        ):
            assert session.run("creds lock").status == 0
            assert session.run("creds get app me").status == 77
            unlocked = session.run(f"creds unlock {options}")
            assert unlocked.status == 0, unlocked
            assert session.run("creds get app me").output == SECRET
        assert session.run("creds lock").status == 0
        declined = session.run("creds unlock --askpass false")
        assert declined.status == 1, declined
        uid = changed.run("id", "-u", "alice").stdout.strip()
        service = changed.run(
            *("systemd-run", "--wait", "--pipe", "--quiet", "--uid=alice"),
            f"--setenv=XDG_RUNTIME_DIR=/run/user/{uid}",
            *("-p", "LoadCredential=keyring:/home/alice/p/new"),
            *("creds", "unlock", "--password-credential", "keyring"),
        )
        assert "is unlocked" in service.stderr + service.stdout
        assert session.run("creds get app me").output == SECRET


def test_no_password_leaks(changed: Machine) -> None:
    with leaks.watching(changed) as watcher:
        with changed.ssh("alice", NEW, *TYPE, answers=[""]) as session:
            assert type_rekey(session, "no canary-of-login-4711", NEW, NEW).status == 1
            assert type_rekey(session, OLD, NEW, NEW).status == 0
            assert session.run("creds get app me").output == SECRET
            session.enter("env -u XDG_RUNTIME_DIR dbus-run-session -- bash --norc")
            assert type_rekey(session, "no canary-of-login-4711", OLD, OLD).status == 1
            assert type_rekey(session, NEW, OLD, OLD).status == 0
            transcript = session.transcript
        assert watcher.found() == []
        assert watcher.kept() == []
    assert "canary" not in transcript
