"""The documents' commands for jobs, services, containers and old shells, typed as they stand there.

Each test begins with a new alice, whose login has unlocked her keyring.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from tests import recipes
from tests.machine.support.login import Login
from tests.machine.support.machine import Boot, Machine, wait_until
from tests.machine.support.typist import (
    FIRST,
    SECRET,
    alice_with_a_secret,
    end_all,
    reads,
    succeeds,
)

pytestmark = pytest.mark.in_turn

JOBS = "docs/how-to/cron-and-ci.md"
SERVICES = "docs/how-to/services.md"
CONTAINERS = "docs/how-to/containers.md"
AFTER_KEY = "docs/how-to/after-a-key-login.md"
HOOK = "docs/how-to/login-hook.md"
RECONNECT = "docs/how-to/reconnect-a-shell.md"
KEY = ("-o", "PreferredAuthentications=publickey", "-o", "IdentityFile=/root/key")
ROOT = "root's own 5"
REPORT = """#!/bin/sh
case ${1:-} in
--password-file) password=$(cat "$2") ;;
--password-from-the-secret-service)
    password=$(secret-tool lookup service report username alice) ;;
*) password=$(creds get report alice 2>&1) ;;
esac
echo "${1:-none}: $password" >>/tmp/report.$$
mv /tmp/report.$$ /home/alice/reports/$$
"""
EDITOR = f"#!/bin/sh\necho '{FIRST}' >\"$1\"\n"
FILES = {
    "/etc/ssh/sshd_config.d/10-root.conf": b"PermitRootLogin yes\n",
    "/opt/report/run": REPORT.encode(),
    "/opt/editor": EDITOR.encode(),
}
CONTAINER = (
    "systemd-nspawn --quiet --as-pid2 --register=no --link-journal=no --timezone=off"
    " --resolv-conf=off --directory=/srv/box --user=alice --chdir=/home/alice bash"
)
FROM_FILE, BY_SERVICE = (
    f"--password-file: {SECRET}",
    f"--password-from-the-secret-service: {SECRET}",
)
NOTHING = "none: creds: no password is stored for service 'report', user 'alice'"


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    machine = boot(request.param, files=FILES)
    machine.run("chmod", "755", "/opt/report/run", "/opt/editor")
    machine.run("chpasswd", stdin=f"root:{ROOT}\n".encode())
    machine.sh("echo 127.0.0.1 $(hostname) >>/etc/hosts")  # sudo asks for this machine's address
    machine.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/key")
    machine.run("creds-setup-pam", "apply")
    return machine


@pytest.fixture
def alice(machine: Machine) -> Iterator[Machine]:
    with alice_with_a_secret(machine):
        with machine.ssh("alice", FIRST) as session:
            succeeds(session, "creds put report alice", SECRET, SECRET)
            succeeds(session, "mkdir reports; mkdir -m 700 .ssh")
        machine.sh("install -o alice -m 600 /root/key.pub /home/alice/.ssh/authorized_keys")
        yield machine


def reports(machine: Machine) -> list[str]:
    """Return the lines that /opt/report/run has written as alice."""
    place = machine.root / "home/alice/reports"
    return sorted(line for path in place.iterdir() for line in path.read_text().splitlines())


def write_script(machine: Machine, name: str, line: str) -> None:
    path = machine.root / "home/alice" / name
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def test_a_temporary_keyring(alice: Machine) -> None:
    write_script(alice, "deploy", "creds get deploy robot")
    write_script(alice, "nightly-report", "creds list; echo nothing more")
    alice.sh("printf robots >/etc/deploy.password; chown alice /etc/deploy.password")
    with alice.ssh("alice", FIRST) as session:
        (alone,) = recipes.commands(JOBS, "creds exec -- ./nightly-report")
        assert succeeds(session, alone) == "nothing more"
        (job,) = recipes.commands(JOBS, "< /etc/deploy.password")
        assert succeeds(session, job) == "robots"
        _, _, script = recipes.block(JOBS, "image: registry.example.org").partition("- |\n")
        succeeds(session, "export DEPLOY_PASSWORD='of the project'")
        assert succeeds(session, script) == "of the project"
        assert session.run("creds get deploy robot").status == 1  # they had their own keyrings


def test_cron(alice: Machine) -> None:
    """The lines are in a real crontab; they run when cron starts, and not at night."""
    blocks = ("creds exec -- /opt/report/run", "creds run report alice", "&& /opt/report/run")
    crontab = "\n".join(recipes.block(JOBS, holding) for holding in blocks)
    crontab, lines = re.subn(r"^\d+ \d+ \* \* \* ", "@reboot ", crontab, flags=re.MULTILINE)
    assert lines == 3
    with alice.ssh("alice", FIRST):
        alice.run("crontab", "-u", "alice", "-", stdin=f"{crontab}\n".encode())
        alice.sh("rm -f /run/crond.reboot; systemctl restart cron")
        wait_until(lambda: len(reports(alice)) == 3, limit=60)
    assert reports(alice) == sorted([FROM_FILE, BY_SERVICE, NOTHING])
    alice.run("crontab", "-u", "alice", "-r")


def test_a_service_reads_what_another_one_has_unlocked(alice: Machine) -> None:
    for name, holding in (
        ("nightly-report.service", "ExecStart=/usr/local/bin/creds run report"),
        ("nightly-report.timer", "OnCalendar="),
        ("unlock-alice.service", "ExecStart=/usr/local/bin/creds unlock"),
    ):
        unit = alice.root / "etc/systemd/system" / name
        unit.write_text(recipes.block(SERVICES, holding) + "\n")
    (linger,) = recipes.commands(SERVICES, "enable-linger")
    (enable_timer,) = recipes.commands(SERVICES, "enable --now nightly-report.timer")
    end_all(alice, "alice")
    with alice.ssh("root", ROOT) as root:
        try:
            succeeds(root, "export EDITOR=/opt/editor; systemctl daemon-reload")
            for command in (linger, *recipes.commands(SERVICES, "sudoedit"), enable_timer):
                succeeds(root, command)
            succeeds(root, "systemctl is-active nightly-report.timer")
            succeeds(root, "systemctl start nightly-report.service")
            assert reports(alice) == [FROM_FILE]
        finally:
            # logind 257 refuses the second command of a caller that is in no login session.
            succeeds(root, "systemctl disable --now nightly-report.timer unlock-alice.service")
            succeeds(root, "loginctl disable-linger alice")
            alice.sh("cd /etc/systemd/system; rm nightly-report.* unlock-alice.service")
            alice.sh("systemctl daemon-reload")


def test_a_login_by_key(alice: Machine) -> None:
    end_all(alice, "alice")
    question = recipes.block(AFTER_KEY, "Password of the login keyring:")
    assert recipes.block(HOOK, "Password of the login keyring:") == question
    with alice.ssh("alice", None, *KEY, answers=("",)) as session:
        assert recipes.is_as_shown(session.transcript.replace("\r", ""), f"…{question}…")
        assert "creds unlock" in session.run("creds get report alice").output
        (unlock,) = recipes.commands(AFTER_KEY, "creds unlock")
        succeeds(session, unlock, FIRST)
        reads(session)
    end_all(alice, "alice")
    with alice.ssh("alice", None, *KEY, answers=(FIRST,)) as session:
        reads(session)


def test_a_shell_of_su_without_a_session_bus(alice: Machine) -> None:
    end_all(alice, "alice")
    for page in (AFTER_KEY, RECONNECT):
        start, unlock = recipes.commands(page, "creds env --start")
        with Login(alice.enter("su", "-", "alice"), None, answers=("",)) as session:
            succeeds(session, "unset DBUS_SESSION_BUS_ADDRESS")
            succeeds(session, start)
            succeeds(session, unlock, FIRST)
            reads(session)
        end_all(alice, "alice")


def test_an_old_tmux(alice: Machine) -> None:
    """Its shell has the address of a session bus that has ended."""
    (connect,) = recipes.commands(RECONNECT, 'eval "$(creds env)"')
    with alice.ssh("alice", FIRST) as session:
        succeeds(session, "export TERM=vt100")
        session.enter("dbus-run-session -- bash --norc")  # its session bus ends with it
        # In a login shell the hook would ask, and take the first line for a password.
        succeeds(session, "tmux new-session -d bash")
        session.type("exit")
        session.expect("<ready>")
        reads(session)
        home = alice.root / "home/alice"
        for line in (
            "secret-tool lookup service report username alice >before 2>&1",
            connect,
            "secret-tool lookup service report username alice >after 2>&1",
            "touch done",
        ):
            succeeds(session, f"tmux send-keys -l {shlex.quote(line)}; tmux send-keys Enter")
        wait_until((home / "done").exists, limit=60)
        succeeds(session, "tmux kill-server")
    assert SECRET not in (home / "before").read_text()
    assert (home / "after").read_text() == SECRET


def test_a_container_without_an_init(alice: Machine) -> None:
    """The home directory is the volume, so the keyring is there in the next container."""
    end_all(alice, "alice")
    alice.sh("mkdir -p /srv/box; mount --bind / /srv/box; rm -r /home/alice/.local")
    write_script(alice, "deploy", "creds get deploy robot")
    (alice.root / "home/alice/deploy.password").write_text("robots")
    try:
        first = recipes.commands(CONTAINERS, "creds unlock --create\ncreds put deploy robot")
        start, create, put = first
        with Login(alice.enter(*CONTAINER.split()), None) as session:
            succeeds(session, start)
            succeeds(session, create, "pw of box", "pw of box")
            succeeds(session, put, SECRET, SECRET)
            (reconnect,) = recipes.commands(CONTAINERS, 'eval "$(creds env)"')
            succeeds(session, f"unset DBUS_SESSION_BUS_ADDRESS; {reconnect}")
            assert succeeds(session, "secret-tool lookup service deploy username robot") == SECRET
        start, unlock, get = recipes.commands(CONTAINERS, "creds unlock\ncreds get deploy robot")
        with Login(alice.enter(*CONTAINER.split()), None) as session:
            succeeds(session, start)
            succeeds(session, unlock, "pw of box")
            assert succeeds(session, get) == SECRET
        alice.sh("mkdir -p /run/secrets; printf 'pw of box' >/run/secrets/keyring")
        (unattended,) = recipes.commands(CONTAINERS, "/run/secrets/keyring")
        (temporary,) = recipes.commands(CONTAINERS, "docker run --rm --init -i example")
        _, _, temporary = temporary.partition("\\\n")
        with Login(alice.enter(*CONTAINER.split()), None) as session:
            secret = "printf 'pw of box' >keyring"
            succeeds(session, secret)
            unattended = unattended.replace("/run/secrets/keyring", "keyring")
            assert succeeds(session, unattended).splitlines()[-1] == SECRET
            assert succeeds(session, temporary.strip()) == "robots"
    finally:
        alice.sh("umount /srv/box")
