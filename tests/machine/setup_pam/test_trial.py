"""`apply --try`: a real conversation with libpam over the candidate, before it is installed."""

from __future__ import annotations

import pytest

from tests.machine.support import leaks
from tests.machine.support.login import Login
from tests.machine.support.machine import Boot, Machine

PASSWORD = "canary-of-login-4711"
ROOT = "root's own 5"
ROOT_MAY_LOG_IN = {"/etc/ssh/sshd_config.d/10-root.conf": b"PermitRootLogin yes\n"}
DIGESTS = "sha256sum /etc/pam.d/* /etc/systemd/user/*/* 2>/dev/null"
HOLD = """
import sys
from creds_session.errors import CredsSessionError
from creds_session.secret import Secret
from creds_session.setup_pam.trial import Candidate, hold
password, content = sys.stdin.buffer.read().split(b"\\n", 1)
try:
    hold(Candidate("sshd", "/etc/pam.d/sshd", content), "alice", lambda: Secret(password))
except CredsSessionError as error:
    print(error.exit_code, error.problem)
else:
    print("0 in")
"""
FAILLOCK = b"""\
auth        required      pam_faillock.so preauth
auth        sufficient    pam_unix.so nullok
auth        [default=die] pam_faillock.so authfail
auth        required      pam_deny.so
account     required      pam_faillock.so
account     required      pam_unix.so
password    sufficient    pam_unix.so yescrypt shadow nullok
password    required      pam_deny.so
session     required      pam_limits.so
-session    optional      pam_systemd.so
session     required      pam_unix.so
"""
CRASH = b"#!/bin/sh\nkill -SEGV $PPID\n"


@pytest.fixture(scope="module")
def machine(boot: Boot) -> Machine:
    machine = boot("bookworm", files={**ROOT_MAY_LOG_IN, "/opt/crash": CRASH})
    machine.run("chmod", "755", "/opt/crash")
    return with_people(machine)


@pytest.fixture
def untouched(machine: Machine) -> str:
    """Start from a machine without our change; return its digests."""
    machine.run("creds-setup-pam", "revert")
    return machine.sh(DIGESTS, check=False).stdout


def with_people(machine: Machine) -> Machine:
    machine.add_user("alice", PASSWORD)
    machine.run("chpasswd", stdin=f"root:{ROOT}\n".encode())
    return machine


def try_it(session: Login, password: str, *, user: str = "alice") -> tuple[int, str]:
    """Type the command and the password; return the exit code and what was shown."""
    before = len(session.transcript)
    session.type(f"creds-setup-pam apply --try {user}")
    session.expect(f"Password of {user}: ")
    session.type_secretly(password)
    session.expect("<ready>")
    code = session.run("echo $?").output
    return int(code.split()[-1]), " ".join(session.transcript[before:].split())


def left_behind(machine: Machine) -> str:
    """Return what a trial must not leave: processes of alice's, her keyrings, our files."""
    script = "ps -wwo args= -u alice; ls -d /home/alice/.local /run/creds-session* 2>/dev/null"
    return machine.sh(script, check=False).stdout


def test_the_right_password_installs_and_is_seen_nowhere(machine: Machine, untouched: str) -> None:
    with leaks.watching(machine) as watcher, machine.ssh("root", ROOT) as session:
        code, shown = try_it(session, PASSWORD)
        transcript = session.transcript
        seen = watcher.found()
    assert code == 0
    assert "counts twice for pam_faillock" in shown
    assert "a second factor or a one-time code cannot be tried" in shown
    assert "PAM lets alice in by sshd with the change" in shown
    assert "changed /etc/pam.d/sshd" in shown
    assert machine.sh(DIGESTS, check=False).stdout != untouched
    assert left_behind(machine) == ""
    assert seen == []
    assert "canary" not in transcript
    assert "canary-of" not in machine.journal()


def test_the_candidates_own_rule_ran(machine: Machine, untouched: str) -> None:
    """Without auto_start the auth rule only keeps the password, and the trial's end forgets it."""
    with machine.ssh("root", ROOT) as session:
        assert try_it(session, PASSWORD)[0] == 0
    spoken = machine.journal()
    assert "gkr-pam: stashed password to try later in open session" in spoken
    assert left_behind(machine) == ""
    assert untouched != machine.sh(DIGESTS, check=False).stdout


ALONE = b"PasswordAuthentication no\nKbdInteractiveAuthentication yes\n"


@pytest.mark.parametrize("present", [False, True])
def test_a_rule_that_starts_the_daemon_starts_none_in_a_trial(
    machine: Machine, untouched: str, *, present: bool
) -> None:
    """Such a daemon would outlive the trial and hold the password."""
    settings = machine.root / "etc/ssh/sshd_config.d/05-alone.conf"
    rule = "auth optional pam_gnome_keyring.so auto_start"
    if present:  # in a file that the candidate's includes, as an administrator may have it
        machine.sh(f"cp -a /etc/pam.d/common-auth /root; echo '{rule}' >>/etc/pam.d/common-auth")
    else:
        settings.write_bytes(ALONE)  # read at the next start of sshd, and by apply now
    try:
        with machine.ssh("root", ROOT) as session:
            wrong = try_it(session, "wrong " + PASSWORD) if present else None
            code, shown = try_it(session, PASSWORD)
        assert (code, "PAM lets alice in" in shown) == (0, True), shown
        assert left_behind(machine) == ""
        assert "auto_start" in machine.sh("grep gnome_keyring /etc/pam.d/*").stdout
        assert wrong is None or "the password is wrong" in wrong[1]
    finally:
        settings.unlink(missing_ok=True)
        machine.sh("[ ! -e /root/common-auth ] || mv /root/common-auth /etc/pam.d")
    assert machine.sh(DIGESTS, check=False).stdout != untouched


def test_a_file_of_the_vendors_is_tried_where_it_is(machine: Machine, untouched: str) -> None:
    machine.sh("mkdir -p /usr/lib/pam.d && mv /etc/pam.d/sshd /usr/lib/pam.d/sshd")
    try:
        with machine.ssh("root", ROOT) as session:
            code, shown = try_it(session, PASSWORD)
        assert (code, "PAM lets alice in" in shown) == (0, True), shown
        machine.run("creds-setup-pam", "revert")
        assert machine.run("test", "-e", "/etc/pam.d/sshd", check=False).returncode == 1
    finally:
        machine.sh("mv /usr/lib/pam.d/sshd /etc/pam.d/sshd")
    assert machine.sh(DIGESTS, check=False).stdout == untouched


def test_a_wrong_password_is_told_and_changes_nothing(machine: Machine, untouched: str) -> None:
    with machine.ssh("root", ROOT) as session:
        code, shown = try_it(session, "wrong " + PASSWORD)
    assert code == 1
    assert "the password is wrong, or the account is locked; nothing was changed" in shown
    assert machine.sh(DIGESTS, check=False).stdout == untouched


@pytest.mark.parametrize(
    ("spoil", "mend", "told"),
    [
        ("chage -E 0 alice", "chage -E -1 alice", "the account is refused; nothing"),
        ("usermod -L alice", "usermod -U alice", "or the account is locked"),
        ("chage -d 0 alice", "chage -d 2024-01-01 alice", "the password has expired"),
    ],
)
def test_an_account_that_is_refused(
    machine: Machine, untouched: str, spoil: str, mend: str, told: str
) -> None:
    machine.sh(spoil)
    try:
        with machine.ssh("root", ROOT) as session:
            code, shown = try_it(session, PASSWORD)
    finally:
        machine.sh(mend)
    assert (code, told in shown) == (1, True), shown
    assert machine.sh(DIGESTS, check=False).stdout == untouched


def test_what_cannot_be_tried_is_69(machine: Machine, untouched: str) -> None:
    alone = machine.run("setsid", "-w", "creds-setup-pam", "apply", "--try", "alice", check=False)
    assert (alone.returncode, "there is no terminal" in alone.stderr) == (69, True)
    nobody = machine.run("creds-setup-pam", "apply", "--try", "mallory", check=False)
    assert (nobody.returncode, "no user 'mallory'" in nobody.stderr) == (69, True)
    powerless = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]
    refused = machine.run(*powerless, "creds-setup-pam", "apply", "--try", "alice", check=False)
    assert refused.returncode == 69
    assert "no private view of the files: Operation not permitted" in refused.stderr
    with machine.ssh("root", ROOT) as session:
        code, shown = try_it(session, "")
    assert (code, "no password was given" in shown) == (69, True)
    assert machine.sh(DIGESTS, check=False).stdout == untouched


def test_a_second_factor_is_named_and_not_taken_for_a_wrong_password(
    machine: Machine, untouched: str
) -> None:
    machine.sh("sed -i '1i -auth optional pam_u2f.so' /etc/pam.d/sshd")
    try:
        with machine.ssh("root", ROOT) as session:
            code, shown = try_it(session, "wrong " + PASSWORD)
            assert "cannot be tried: sshd has pam_u2f.so" in shown
            assert code == 69
            assert "wants more than a password (pam_u2f.so)" in shown
    finally:
        machine.sh("sed -i 1d /etc/pam.d/sshd")
    assert machine.sh(DIGESTS, check=False).stdout == untouched


@pytest.mark.parametrize(
    ("candidate", "password", "told"),
    [
        ("auth required pam_deny.so", PASSWORD, "1 the change would lock alice out"),
        ("auth required pam_deny.so", "wrong", "1 PAM refuses alice without the change too"),
        ("auth required pam_nosuch.so", PASSWORD, "1 the change would lock alice out"),
        ("auth required pam_exec.so /opt/crash", PASSWORD, "69 could not try: the child process"),
        ("auth required pam_succeed_if.so service = sshd tty = ssh", "any", "0 in"),
    ],
)
def test_a_candidate_made_by_hand(
    machine: Machine, untouched: str, candidate: str, password: str, told: str
) -> None:
    stdin = f"{password}\n{candidate}\naccount required pam_permit.so\n".encode()
    python = "/opt/creds-session/current/bin/python"
    done = machine.run(python, "-I", "-c", HOLD, stdin=stdin)
    assert done.stdout.startswith(told), done.stdout
    assert machine.sh(DIGESTS, check=False).stdout == untouched


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
def test_faillock_counts_a_wrong_password_twice(boot: Boot, release: str) -> None:
    files = {**ROOT_MAY_LOG_IN, "/etc/pam.d/password-auth": FAILLOCK}
    machine = with_people(boot(release, "redhat", files=files))
    with machine.ssh("root", ROOT) as session:
        assert try_it(session, "wrong")[0] == 1
        assert machine.run("faillock", "--user", "alice").stdout.count(" V\n") == 2
        machine.run("faillock", "--user", "alice", "--reset")
        code, shown = try_it(session, PASSWORD)
    assert (code, "PAM lets alice in" in shown) == (0, True), shown
    assert machine.run("faillock", "--user", "alice").stdout.count(" V\n") == 0
