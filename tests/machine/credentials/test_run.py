"""`creds run` before the programs that people mean: ssh, su, sudo, psql and ftp."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import pytest

from tests.machine.support import leaks
from tests.machine.support.leaks import CANARY, Watcher
from tests.machine.support.login import Login, Result
from tests.machine.support.machine import Boot, Machine, wait_until
from tests.machine.support.rootfs import SERVERS

pytestmark = pytest.mark.in_turn

SEQUENCE = b"".join(b"%d\n" % n for n in range(1, 20001))
LOGIN = "correct horse 7!"
BOB = "canary-of-bob-4713"
DATABASE = "canary-of-db-4714"
SSH = "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
RUN = "creds run box bob"
TYPED = f"{RUN} --expect 'assword( for bob)?: ?$' --"
VSFTPD = b"""\
listen=YES
local_enable=YES
pam_service_name=vsftpd
secure_chroot_dir=/var/run/vsftpd/empty
delay_failed_login=0
"""
DATABASE_SERVER = """\
cd /tmp
programs=$(echo /usr/lib/postgresql/*/bin) folder=/var/lib/postgresql/x
as() { runuser -u postgres -- "$@"; }
as "$programs/initdb" --auth-local=trust --auth-host=scram-sha-256 --no-sync "$folder"
as "$programs/pg_ctl" --wait --pgdata="$folder" --log="$folder/log" start \
    --options='-c unix_socket_directories=/tmp -c listen_addresses=127.0.0.1'
psql -h /tmp -U postgres -v ON_ERROR_STOP=1
"""


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    files = {"/etc/vsftpd.conf": VSFTPD}
    booted = boot(request.param, files=files, packages=SERVERS)
    booted.sh("sed -i '/pam_unix/s/$/ nodelay/' /etc/pam.d/common-auth")  # a refusal takes 2 s
    booted.run("creds-setup-pam", "apply")
    booted.add_user("alice", LOGIN)
    booted.add_user("bob", BOB)
    booted.sh("echo 'bob ALL=(ALL) ALL' >/etc/sudoers.d/bob")
    booted.sh("echo 'Defaults passwd_tries=3' >>/etc/sudoers.d/bob")
    booted.sh("echo 'alice ALL=(bob) NOPASSWD: ALL' >>/etc/sudoers.d/bob")
    role = f"CREATE ROLE alice LOGIN PASSWORD '{DATABASE}'; CREATE DATABASE x OWNER alice;"
    booted.sh(DATABASE_SERVER, stdin=role.encode())
    return booted


@pytest.fixture(scope="module")
def watcher(machine: Machine) -> Iterator[Watcher]:
    with leaks.watching(machine) as one:
        yield one


@pytest.fixture(scope="module")
def session(machine: Machine, watcher: Watcher) -> Iterator[Login]:
    """A person's login, watched all the time."""
    assert watcher.found() == []
    with machine.ssh("alice", LOGIN) as login:
        keep(login, "box", "bob", BOB)
        keep(login, "db", "alice", DATABASE)
        login.run("printf wrong | creds put wrong bob")
        yield login


@pytest.fixture(autouse=True)
def _nothing_leaks(session: Login, watcher: Watcher) -> Iterator[None]:
    """Look after each test, so that it is this very test that goes red."""
    shown = len(session.transcript)
    yield
    assert watcher.found() == []
    assert watcher.kept() == []
    assert CANARY not in session.transcript[shown:]


def keep(login: Login, service: str, user: str, password: str) -> None:
    login.type(f"creds put --replace {service} {user}")
    login.expect("Password for")
    login.type_secretly(password)
    login.expect("Again")
    login.type_secretly(password)
    login.expect("<ready>")


def ran(login: Login, command: str) -> Result:
    """Run a command whose keys are its own: nothing may be typed before it has ended."""
    login.type(f"{command}; printf '<status=%d>' $?")
    before = len(login.transcript)
    login.expect(r"<status=(\d+)>")
    match = login._child.match
    assert isinstance(match, re.Match)
    output = login.transcript[before:].rpartition("<status=")[0].replace("\r\n", "\n")
    login.expect("<ready>")
    return Result(int(match.group(1)), output.strip("\n"))


def test_ssh_by_askpass_and_typed(session: Login) -> None:
    for way in (f"{RUN} --askpass --", TYPED):
        done = ran(session, f"{way} {SSH} bob@127.0.0.1 'id -un; exit 3'")
        assert (done.status, done.output.split()[-1]) == (3, "bob"), done


def test_ssh_is_refused_once_and_no_more(session: Login, machine: Machine) -> None:
    def refused() -> int:
        told = machine.journal("-t", "sshd", "-t", "sshd-session")
        return len(re.findall("Failed password for bob", told))

    for way, code in (("--askpass", 143), ("--expect assword:", 125)):
        before = refused()
        done = ran(session, f"creds run wrong bob {way} -- {SSH} bob@127.0.0.1 id </dev/null")
        assert done.status == code, done
        assert "refused" in done.output
        assert refused() == before + 1


def test_askpass_does_not_confirm_a_hosts_key(session: Login) -> None:
    unknown = "ssh -o StrictHostKeyChecking=ask -o UserKnownHostsFile=/dev/null"
    done = ran(session, f"{RUN} --askpass -- {unknown} bob@127.0.0.1 id")
    assert done.status == 255, done
    assert "not answered" in done.output


def test_su(session: Login) -> None:
    done = ran(session, f"{TYPED} su bob -c 'id -un; exit 4'")
    assert (done.status, done.output.split()[-1]) == (4, "bob"), done
    assert ran(session, f"{TYPED} su bob -c true </dev/null").status == 0
    through = ran(session, f"{TYPED} su bob -c 'seq 20000' </dev/null | tail -n +2 | md5sum")
    assert through.output.split()[0] == hashlib.md5(SEQUENCE, usedforsecurity=False).hexdigest()
    twice = f"{RUN} --expect '^Password: ?$' --expect '^Password: ?$' --"
    done = ran(session, f"{twice} sh -c 'su bob -c true; su bob -c \"exit 6\"' </dev/null")
    assert done.status == 6, done
    refused = ran(session, "creds run wrong bob --expect 'assword: ?$' -- su bob -c id </dev/null")
    assert refused.status == 1, refused  # su asks once
    assert "uid" not in refused.output


def test_sudo(machine: Machine) -> None:
    with machine.ssh("bob", BOB) as bob:
        keep(bob, "box", "bob", BOB)
        bob.run("printf wrong | creds put wrong bob")
        sudo = "sh -c 'id -un; exit 8'"
        for way in (f"{RUN} --askpass -- sudo -A {sudo}", f"{TYPED} sudo {sudo}"):
            done = ran(bob, f"sudo -k; {way}")
            assert (done.status, done.output.split()[-1]) == (8, "root"), done
        refused = ran(bob, "sudo -k; creds run wrong bob --askpass -- sudo -A id")
        assert refused.status == 1, refused
        assert refused.output.count("Sorry, try again") == 1
        assert "answered already" in refused.output
        again = ran(bob, "creds run wrong bob --expect assword -- sudo id </dev/null")
        assert again.status == 125, again
        assert "asked again" in again.output
        assert BOB not in bob.transcript


def test_psql(session: Login) -> None:
    query = "psql -h 127.0.0.1 -U alice -d x -At -c 'select 40 + 2'"
    typed = ran(session, f"creds run db alice --expect 'Password.*: ?$' -- {query}")
    assert (typed.status, typed.output.split("\n")[-1]) == (0, "42"), typed
    refused = ran(session, f"creds run box bob --expect 'Password.*: ?$' -- {query}")
    assert refused.status == 2, refused
    assert "password authentication failed" in refused.output


def test_ftp(session: Login) -> None:
    argv = "creds run {} bob --expect-username 'Name.*: $' --expect 'Password: ?$' -- ftp 127.0.0.1"
    session.type(argv.format("box"))
    session.expect("Login successful")
    session.expect("ftp> $")
    session.type("pwd")
    session.expect("/home/bob")
    session.type("quit")
    session.expect("<ready>")
    script = "sh -c 'printf \"pwd\\nquit\\n\" | ftp bob@127.0.0.1'"
    done = ran(session, f"creds run box bob --expect 'Password: ?$' -- {script}")
    assert done.status == 0, done
    assert "/home/bob" in done.output
    refused = ran(session, f"creds run wrong bob --expect 'Password: ?$' -- {script}")
    assert refused.output.count("Login incorrect") == 1, refused
    assert "/home/bob" not in refused.output


def test_exit_codes(session: Login) -> None:
    for script, code in (("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137)):
        for way in ("--fd 3", "--env X=username", "--askpass", "--expect never"):
            done = ran(session, f"{RUN} {way} -- sh -c '{script}'")
            assert done.status == code, (way, script, done)
    for line, code in (
        ("creds run nothing bob --fd 3 -- true", 125),
        (f"{RUN} --fd 3 -- /no/such", 127),
        (f"{RUN} --expect x -- /etc/passwd", 126),
        (f"{RUN} -- true", 64),
        (f"{RUN} --fd 3 --", 64),
        (f"exec 7</dev/null; {RUN} --fd 7 -- true", 64),
    ):
        assert ran(session, line).status == code, line


def test_descriptor_and_variable(session: Login) -> None:
    right = hashlib.sha256(BOB.encode()).hexdigest()
    assert ran(session, f"{RUN} --fd 3 -- sha256sum /dev/fd/3").output.split()[0] == right
    told = ran(session, f"{RUN} --env A=username -- sh -c 'echo $A; env | grep -c canary'")
    assert told.output == "bob\n0"


def test_at_a_terminal(session: Login) -> None:
    assert ran(session, f"{TYPED} stty size").output == "50 200"
    trap = 'trap "echo cau""ght; exit 5" INT; echo wai""ting; while :; do sleep 0.1; done'
    session.type(f"{TYPED} sh -c '{trap}'")
    session.expect("waiting")
    session._child.sendintr()
    session.expect("caught")
    session.expect("<ready>")
    session.type(f"{TYPED} sh -c 'echo wai\"\"ting; read x; echo got:$x; stty size'")
    session.expect("waiting")
    session._child.setwinsize(40, 100)
    session.type("this")
    session.expect("got:this\r\n40 100")
    session.expect("<ready>")
    session._child.setwinsize(50, 200)


def test_stop_and_go_on(session: Login, machine: Machine) -> None:
    session.type(f"{TYPED} sh -c 'echo wai\"\"ting; exec sleep 97'")
    session.expect("waiting")
    wait_until(lambda: machine.run("pgrep", "-fx", "sleep 97", check=False).returncode == 0)
    session.press("\x1a")
    session.expect("Stopped")
    session.expect("<ready>")
    stopped = ("pgrep", "-r", "T", "-fx", "sleep 97")
    wait_until(lambda: machine.run(*stopped, check=False).returncode == 0)
    session.type("fg")
    session.expect("sleep 97")
    wait_until(lambda: machine.run(*stopped, check=False).returncode == 1)
    session._child.sendintr()
    session.expect("<ready>")
    assert session.run("pgrep -fx 'sleep 97'").output == ""


def test_ssh_with_a_terminal(session: Login) -> None:
    """The password is typed at the login, and not at what asks for one later."""
    session.type(f"{TYPED} {SSH} -t bob@127.0.0.1")
    session.expect(r"bob@[^\r\n]*\$ ")
    session.type("stty size; echo $((6*7))")
    session.expect("50 200\r\n42")
    session.type("sudo -k id")
    session.expect("this answer is yours")
    session._child.sendintr()
    session.type("exit 11")
    session.expect("<ready>")
    assert session.run("true").status == 0


def killed(session: Login, machine: Machine, command: str, name: str) -> int:
    """Start a command, have it killed by name from elsewhere, return its exit status."""
    session.type(f"{command}; printf '<killed=%d>' $?")
    session.expect("waiting")
    machine.run("pkill", f"-{name}", "-f", "bin/creds run box")
    session.expect(r"<killed=(\d+)>")
    match = session._child.match
    assert isinstance(match, re.Match)
    session.expect("<ready>")
    return int(match.group(1))


def test_signals_from_elsewhere(session: Login, machine: Machine) -> None:
    for name, code in (("TERM", 143), ("HUP", 129), ("INT", 130)):
        for way in ("--askpass", "--expect never"):
            child = "sh -c 'echo waiting; exec sleep 96'"
            assert killed(session, machine, f"{RUN} {way} -- {child}", name) == code
            assert machine.run("pgrep", "-fx", "sleep 96", check=False).stdout == ""


def test_signal_where_the_child_is_roots(session: Login, machine: Machine) -> None:
    """No signal of ours reaches su; the end of its terminal does."""
    child = "su bob -c 'echo waiting; exec sleep 95'"
    for name in ("TERM", "INT"):
        assert killed(session, machine, f"{TYPED} {child}", name) >= 128
        wait_until(lambda: not machine.run("pgrep", "-fx", "sleep 95", check=False).stdout)


def in_script(session: Login, command: str) -> Result:
    """Run a command in a script, whose shell has more to do: it brings nothing to the front."""
    session.type(f"cat >~/script <<'END'\n{command}\nprintf 'co''de=%d\\n' $?\nEND")
    session.expect("<ready>")
    return ran(session, 'before=$(stty -g); sh ~/script; [ "$before" = "$(stty -g)" ]')


def test_timeout_in_a_script(session: Login) -> None:
    """timeout(1) puts what it runs into the background of the terminal."""
    done = in_script(session, f"timeout 20 {TYPED} su bob -c 'id -un; exit 4'")
    assert done.output.split()[-2:] == ["bob", "code=4"], done
    assert done.status == 0, "the terminal is as it was"
    done = in_script(session, f"timeout 2 {TYPED} sleep 94")
    assert done.output.split()[-1] == "code=124", done
    assert done.status == 0, "the terminal is as it was"
    assert session.run("pgrep -fx 'sleep 94'").output == ""
    done = in_script(session, "timeout 20 creds put box new")
    assert "runs in the background of the terminal" in done.output
    assert done.output.split()[-1] == "code=69", done
    done = in_script(session, "timeout 20 creds unlock")
    assert "unlocked already" in done.output, done


def test_time_limit(session: Login, machine: Machine) -> None:
    for way in ("--fd 3", "--env X=username", "--askpass", "--expect never"):
        done = ran(session, f"{RUN} {way} --timeout 1 -- sleep 93")
        assert done.status == 124, (way, done)
        assert "did not end within 1 s" in done.output
    assert machine.run("pgrep", "-fx", "sleep 93", check=False).stdout == ""
    # A command of root's takes no signal of ours: it loses its terminal.
    done = ran(session, f"{TYPED[:-3]} --timeout 2 -- su bob -c 'exec sleep 92'")
    assert done.status == 124, done
    wait_until(lambda: not runs(machine, "sleep 92"))


def runs(machine: Machine, line: str) -> bool:
    return machine.run("pgrep", "-fx", line, check=False).returncode == 0


def test_time_limit_of_what_only_root_may_end(session: Login, machine: Machine) -> None:
    machine.sh("cp /usr/bin/setpriv /usr/local/bin/as-root; chmod 4755 /usr/local/bin/as-root")
    as_root = "as-root --reuid=0 --clear-groups sleep 91"
    done = ran(session, f"{RUN} --askpass --timeout 2 -- {as_root}")
    assert done.status == 124, done
    assert "only root can end it" in done.output
    assert machine.run("pgrep", "-fx", "sleep 91", check=False).stdout
    machine.run("pkill", "-fx", "sleep 91")
    session.type(f"{RUN} --askpass -- {as_root}; echo 'co''de='$?")
    wait_until(lambda: runs(machine, "sleep 91"))
    machine.run("pkill", "-f", "bin/creds run box")  # it has nobody to pass that on to
    machine.run("pkill", "-fx", "sleep 91")
    session.expect("code=143")
    session.expect("<ready>")


def test_sudo_brings_forward_who_asks(session: Login) -> None:
    """sudo starts a command in the background of a terminal if its output is a pipe."""
    session.type("sudo -u bob creds put box new | cat; echo 'end''ed'")
    session.expect("Password for box: ")
    session.type_secretly("canary")
    session.expect("Again")
    session.type_secretly("canary")
    session.expect("ended")
    session.expect("<ready>")
    assert "runs in the background" not in session.transcript.rpartition("Password for box")[2]


def test_nothing_is_left(session: Login) -> None:
    assert session.run("ls $XDG_RUNTIME_DIR | grep creds-exec").output == ""
