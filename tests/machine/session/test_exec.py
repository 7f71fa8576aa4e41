"""`creds exec` as cron and CI run it, without a bus or a terminal; and in a login session."""

from __future__ import annotations

import subprocess

import pytest

from tests.machine.support.machine import Boot, Machine, wait_until

pytestmark = pytest.mark.in_turn

PASSWORD = "correct horse 7!"
PATH = "/usr/local/bin:/usr/bin:/bin"
USE = (
    "printf x | creds put a b && creds get a b && secret-tool lookup service a username b"
    " && printf y | secret-tool store --label=l k v && secret-tool lookup k v"
)
USED = "x\nxy"
KEYRINGS = "cd ~alice/.local/share/keyrings && find . -type f -exec sha256sum {} +"


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    booted = boot(request.param)
    booted.run("creds-setup-pam", "apply")
    booted.add_user("alice", PASSWORD)
    for _first_and_second in range(2):
        with booted.ssh("alice", PASSWORD) as session:
            assert session.run("printf s3cret | creds put app me").status == 0
    return booted


@pytest.fixture(params=["alice", "root"])
def who(request: pytest.FixtureRequest, machine: Machine) -> str:
    if request.param == "alice":
        alone(machine)
    return str(request.param)


def alone(machine: Machine) -> None:
    machine.run("loginctl", "terminate-user", "alice", check=False)
    machine.wait_until_gone("alice")


def cron(machine: Machine, who: str, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in the environment that cron gives, without a login session."""
    home = machine.sh(f"echo ~{who}").stdout.strip()
    clean = ["env", "-i", f"HOME={home}", f"LOGNAME={who}", "SHELL=/bin/sh", f"PATH={PATH}"]
    argv = ["runuser", "-u", who, "--", *clean, "sh", "-c", f"cd; {script}"]
    return machine.run(*argv, check=False)


def left(machine: Machine, who: str) -> list[str]:
    """Return what still runs of a session of ours, and the folders that are there."""
    words = ("creds-exec", "gnome-keyring-d", "dbus-daemon --session", "sleep 98")
    running = [one for one in machine.processes(who) if "<defunct>" not in one]
    folders = machine.sh("find /tmp /run/user -maxdepth 2 -name 'creds-exec-*'").stdout.split()
    return [one for one in running if any(word in one for word in words)] + folders


def test_a_secret_is_kept_and_read_and_gone(machine: Machine, who: str) -> None:
    first = cron(machine, who, f"creds exec -- sh -c '{USE}'")
    assert (first.returncode, first.stdout, first.stderr) == (0, USED, "")
    second = cron(machine, who, "creds exec -- creds get a b")
    assert second.returncode == 1, second
    assert left(machine, who) == []


def test_nothing_else_of_the_environment_changes(machine: Machine, who: str) -> None:
    done = cron(machine, who, "env | sort >one; creds exec -- env | sort >two; diff one two")
    names = [line[2:].partition("=")[0] for line in done.stdout.splitlines() if line[:1] in "<>"]
    assert names == ["DBUS_SESSION_BUS_ADDRESS", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"], done
    shown = cron(machine, who, "creds exec -- sh -c 'stat -c %a:%U $XDG_RUNTIME_DIR'")
    assert shown.stdout == f"700:{who}\n"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("true", 0),
        ("sh -c 'exit 3'", 3),
        ("sh -c 'exit 125'", 125),
        ("/etc/passwd", 126),
        ("no-such-command", 127),
        ("sh -c 'kill -TERM $$'", 128 + 15),
        ("sh -c 'kill -KILL $$'", 128 + 9),
        ("./no-first-line", 4),
        ("", 64),
    ],
)
def test_the_exit_code_is_the_commands(machine: Machine, command: str, code: int) -> None:
    prepare = "echo 'exit 4' >no-first-line; chmod 755 no-first-line"
    done = cron(machine, "root", f"{prepare}; creds exec -- {command}")
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    assert left(machine, "root") == []


def test_our_own_failure_is_125(machine: Machine) -> None:
    for program in ("dbus-daemon", "gnome-keyring-daemon"):
        hide = f"mount --bind /etc/hostname /usr/bin/{program}"
        done = machine.run("unshare", "-m", "sh", "-c", f"{hide}; creds exec -- true", check=False)
        assert done.returncode == 125, done
        assert "creds exec: " in done.stderr
        assert left(machine, "root") == []


def test_standard_streams_are_the_commands(machine: Machine) -> None:
    done = cron(machine, "root", "printf in | creds exec -- sh -c 'cat; echo err >&2'")
    assert (done.stdout, done.stderr) == ("in", "err\n")
    third = cron(machine, "root", "echo third >file; exec 3<file; creds exec -- sh -c 'cat <&3'")
    assert third.stdout == "third\n"


def test_signals_reach_the_command_and_everything_ends(machine: Machine, who: str) -> None:
    for name, code in (("TERM", 143), ("HUP", 129), ("USR1", 138)):
        done = cron(
            machine,
            who,
            "rm -f up; creds exec -- sh -c 'touch up; exec sleep 98' & own=$!;"
            f" while ! [ -e up ]; do sleep 0.05; done; kill -{name} $own; wait $own",
        )
        assert done.returncode == code, done
        assert left(machine, who) == []
    trapped = cron(
        machine,
        who,
        'rm -f up; creds exec -- sh -c \'trap "creds get a b; exit 7" TERM; printf x | '
        "creds put a b; touch up; while :; do sleep 0.1; done' & own=$!;"
        " while ! [ -e up ]; do sleep 0.05; done; kill -TERM $own; wait $own",
    )
    assert (trapped.returncode, trapped.stdout) == (7, "x\n"), trapped
    assert left(machine, who) == []


def test_signal_while_the_session_is_made_ends_it_before_the_command(
    machine: Machine, who: str
) -> None:
    for delay in ("0.15", "0.2", "0.25", "0.3", "0.35", "0.4"):
        script = f"creds exec -- sleep 98 & own=$!; sleep {delay}; kill -TERM $own; wait $own"
        done = cron(machine, who, script)
        assert done.returncode == 143, done
        assert left(machine, who) == []


def test_what_a_killed_one_leaves(machine: Machine, who: str) -> None:
    """Its bus, keyring and command end with it; its folder goes with the next one."""
    killed = cron(
        machine,
        who,
        "rm -f up; creds exec -- sh -c 'touch up; exec sleep 98' & own=$!;"
        " while ! [ -e up ]; do sleep 0.05; done; kill -KILL $own; wait $own;"
        " exit $?",
    )
    assert killed.returncode == 137
    wait_until(lambda: len(left(machine, who)) == 1)
    folders = left(machine, who)
    assert folders[0].startswith("/tmp/creds-exec-")
    assert cron(machine, who, "creds exec -- true").returncode == 0
    assert left(machine, who) == []


def test_two_at_once_do_not_meet(machine: Machine, who: str) -> None:
    one = "creds exec -- sh -c 'printf {0} | creds put a b; touch {0}; while ! [ -e {1} ];"
    one += " do sleep 0.05; done; creds get a b'"
    first, second = one.format("one", "two"), one.format("two", "one")
    done = cron(machine, who, f"rm -f one two; {first} & {second}; wait")
    assert sorted(done.stdout.split()) == ["one", "two"], done
    assert left(machine, who) == []


def test_command_that_closes_everything(machine: Machine, who: str) -> None:
    close = (
        "gnome-keyring-daemon --replace --daemonize >/dev/null 2>&1; mkdir $XDG_RUNTIME_DIR/a;"
        " ln -s $HOME $XDG_RUNTIME_DIR/home; touch $HOME/stays; chmod 0 $XDG_RUNTIME_DIR/a;"
        " bus=creds-exec.*[/]bus; kill $(pgrep -u $(id -u) -f $bus);"
        " while pgrep -u $(id -u) -f $bus; do sleep 0.02; done >/dev/null; exit 5"
    )
    done = cron(machine, who, f"creds exec -- sh -c '{close}'")
    assert done.returncode == 5, done
    wait_until(lambda: left(machine, who) == [])
    assert cron(machine, who, "ls stays").returncode == 0
    wiped = cron(machine, who, "creds exec -- sh -c 'rm -rf $XDG_RUNTIME_DIR; exit 6'")
    assert wiped.returncode == 6, wiped
    wait_until(lambda: left(machine, who) == [])


def test_what_is_mounted_in_the_folder_is_not_emptied(machine: Machine) -> None:
    done = machine.sh(
        "mkdir -p /run/kept; mount -t tmpfs kept /run/kept; touch /run/kept/one;"
        " creds exec -- sh -c 'mkdir $XDG_RUNTIME_DIR/doc; mount --bind /run/kept"
        " $XDG_RUNTIME_DIR/doc; echo $XDG_RUNTIME_DIR'; ls /run/kept"
    )
    folder, kept = done.stdout.split()
    assert kept == "one"
    machine.sh(f"umount {folder}/doc; creds exec -- true; umount /run/kept")
    assert left(machine, "root") == []


def test_first_process_of_a_container(machine: Machine) -> None:
    alone = ["unshare", "--pid", "--fork", "--mount-proc", "env", "-i", f"PATH={PATH}"]
    done = machine.run(*alone, "creds", "exec", "--", "sh", "-c", f"{USE}; exit 3", check=False)
    assert (done.returncode, done.stdout) == (3, USED), done
    assert left(machine, "root") == []


def test_in_a_session_the_login_keyring_is_not_touched(machine: Machine) -> None:
    alone(machine)
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("creds get app me").output == "s3cret"
        pid = session.run("pgrep -x -u alice gnome-keyring-d").output
        before = machine.sh(KEYRINGS).stdout
        used = session.run(f"creds exec -- sh -c '{USE}; creds get app me'")
        assert used.status == 1, used
        assert used.output.startswith("x\nx\ny\n")
        assert "no password is stored" in used.output
        shown = session.run("creds exec -- sh -c 'echo $XDG_RUNTIME_DIR'")
        assert shown.output.startswith("/run/user/"), shown
        agent = session.run(
            "SSH_AUTH_SOCK=$XDG_RUNTIME_DIR/keyring/ssh creds exec -- sh -c 'echo a$SSH_AUTH_SOCK'"
        )
        assert agent.output == "a"
        kept = session.run("SSH_AUTH_SOCK=/tmp/agent creds exec -- sh -c 'echo a$SSH_AUTH_SOCK'")
        assert kept.output == "a/tmp/agent"
        assert machine.sh(KEYRINGS).stdout == before
        assert session.run("pgrep -x -u alice gnome-keyring-d").output == pid
        assert session.run("creds get app me").output == "s3cret"


def test_at_a_terminal_the_keys_are_the_commands(machine: Machine) -> None:
    alone(machine)
    with machine.ssh("alice", PASSWORD) as session:
        read = "creds exec -- sh -c 'echo wai''ting; read x </dev/tty; echo got:$x'"
        session.type(read)
        session.expect("waiting")
        session.type("this")
        session.expect("got:this")
        session.expect("<ready>")
        trap = 'trap "echo caught; creds get a b; exit 9" INT; printf x | creds put a b'
        session.type(f"creds exec -- sh -c '{trap}; echo wai''ting; while :; do sleep 0.1; done'")
        session.expect("waiting")
        session._child.sendintr()
        session.expect("caught")
        session.expect("x")
        session.expect("<ready>")
        session.type("creds exec -- sh -c 'echo wai''ting; exec sleep 98'")
        session.expect("waiting")
        running = ("pgrep", "-fx", "sleep 98")
        wait_until(lambda: machine.run(*running, check=False).returncode == 0)
        session.press("\x1a")
        session.expect("Stopped")
        session.expect("<ready>")
        stopped = ("pgrep", "-r", "T", "-fx", "sleep 98")
        wait_until(lambda: machine.run(*stopped, check=False).returncode == 0)
        session.type("fg")
        session.expect("sleep 98")
        wait_until(lambda: machine.run(*stopped, check=False).returncode == 1)
        session._child.sendintr()
        session.expect("<ready>")
        assert "creds-exec" not in "".join(machine.processes("alice"))


def test_lock_status_and_get(machine: Machine) -> None:
    alone(machine)
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("creds get app me").output == "s3cret"
        unlocked = session.run("creds status")
        assert (unlocked.status, unlocked.output[:10]) == (0, "unlocked: ")
        assert session.run("creds lock").status == 0
        status = session.run("creds status")
        assert (status.status, status.output[:8]) == (77, "locked: ")
        assert session.run("creds get app me").status == 77
        assert session.run("creds lock --all").status == 0
        opened = f"printf %s '{PASSWORD}' | creds unlock --password-stdin"
        assert session.run(opened).status == 0
        assert session.run("creds get app me").output == "s3cret"
        assert session.run("creds lock --all --json").status == 0
        assert session.run('creds status --json | grep -c \'"state": "locked"\'').output == "1"
    alone(machine)
    nobody = cron(machine, "alice", "creds status; echo $?; creds lock")
    assert nobody.stdout.endswith("69\n"), nobody
    assert nobody.returncode == 69
    empty = cron(machine, "alice", "dbus-run-session -- sh -c 'creds status; echo $?; creds lock'")
    assert empty.stdout.startswith("no-daemon: "), empty
    assert (empty.returncode, empty.stdout[-3:]) == (0, "69\n"), empty
    assert "nothing is unlocked" in empty.stderr
