"""`creds env` in shells that have no bus, or the address of one that is gone."""

from __future__ import annotations

import subprocess

import pytest

from tests.machine.support.machine import Boot, Machine, wait_until

PASSWORD = "correct horse 7!"
PATH = "/usr/local/bin:/usr/bin:/bin"
EVAL = 'eval "$(creds env)"'
START = 'eval "$(creds env --start)"'


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    booted = boot(request.param)
    booted.run("creds-setup-pam", "apply")
    booted.add_user("alice", PASSWORD)
    booted.add_user("carol", "pw of carol")
    with booted.ssh("alice", PASSWORD) as session:
        assert session.run("printf s3cret | creds put app me").status == 0
    return booted


@pytest.fixture
def alone(machine: Machine) -> Machine:
    """The machine with nothing of alice's running."""
    machine.run("loginctl", "terminate-user", "alice", check=False)
    end_buses(machine)
    machine.wait_until_gone("alice")
    return machine


def end_buses(machine: Machine) -> None:
    machine.run("pkill", "-u", "alice", "-x", "dbus-daemon", check=False)
    machine.run("pkill", "-u", "alice", "-x", "sleep", check=False)


def cron(machine: Machine, script: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script of alice's in the environment that cron gives."""
    clean = ["env", "-i", "HOME=/home/alice", "LOGNAME=alice", f"PATH={PATH}", *more]
    argv = ["runuser", "-u", "alice", "--", *clean, "sh", "-c", f"cd; {script}"]
    return machine.run(*argv, check=False)


def test_from_su_and_cron_while_a_login_session_is_there(alone: Machine) -> None:
    uid = alone.run("id", "-u", "alice").stdout.strip()
    with alone.ssh("alice", PASSWORD) as session:
        assert session.run("creds get app me").output == "s3cret"
        with alone.ssh("carol", "pw of carol") as other:
            other.enter("su - alice", PASSWORD)
            assert other.run(EVAL).status == 0
            assert other.run("creds get app me").output == "s3cret"
            assert other.run("secret-tool lookup service app username me").output == "s3cret"
        assert cron(alone, "creds env").stdout.splitlines() == [
            f"export DBUS_SESSION_BUS_ADDRESS='unix:path=/run/user/{uid}/bus';",
            f"export XDG_RUNTIME_DIR='/run/user/{uid}';",
        ]
        done = cron(alone, f"{EVAL}; secret-tool lookup service app username me")
        assert (done.stdout, done.stderr) == ("s3cret", "")
        stale = ("DBUS_SESSION_BUS_ADDRESS=unix:path=/tmp/gone", "XDG_RUNTIME_DIR=/run/user/0")
        done = cron(alone, f"{EVAL}; secret-tool lookup service app username me", *stale)
        assert (done.stdout, done.stderr) == ("s3cret", "")
        assert session.run("DBUS_SESSION_BUS_ADDRESS=tcp:host=x creds env").status == 0
        control = "GNOME_KEYRING_CONTROL=/home/alice/.cache/keyring-GONE00"
        assert "unset GNOME_KEYRING_CONTROL;" in cron(alone, "creds env", control).stdout


def test_no_bus_is_69_and_nothing_to_eval(alone: Machine) -> None:
    done = cron(alone, "creds env")
    assert (done.returncode, done.stdout) == (69, "")
    assert "creds env --start" in done.stderr


def test_bus_of_another_process_is_found_and_that_of_one_command_is_not(alone: Machine) -> None:
    begin = "rm -f up; {} sh -c 'touch up; sleep 60' >/dev/null 2>&1 &"
    wait = "while ! [ -e up ]; do sleep 0.05; done; creds env"
    done = cron(
        alone, f"{begin.format('creds exec --')} own=$!; {wait}; code=$?; kill $own; exit $code"
    )
    assert (done.returncode, done.stdout) == (69, "")
    end_buses(alone)
    done = cron(alone, f"{begin.format('dbus-run-session --')} {wait}")
    assert done.returncode == 0, done
    assert done.stdout.startswith("export DBUS_SESSION_BUS_ADDRESS='unix:")
    end_buses(alone)


def test_started_once_for_all_shells_and_outlives_them(alone: Machine) -> None:
    first = cron(alone, "creds env --start >one & creds env --start >two & wait; cat one two")
    assert first.stderr == ""
    assert len(set(first.stdout.splitlines())) == 1, first
    assert "/home/alice/.cache/creds-session/bus-" in first.stdout
    assert sum("dbus-daemon" in one for one in alone.processes("alice")) == 1
    opened = f"{EVAL}; printf %s '{PASSWORD}' | creds unlock --password-stdin"
    assert cron(alone, opened).returncode == 0
    later = cron(alone, f"{EVAL}; creds get app me; echo $GNOME_KEYRING_CONTROL")
    secret, control = later.stdout.split()
    assert secret == "s3cret"
    assert control.startswith("/home/alice/.cache/keyring-")
    assert cron(alone, f"{START}; creds status").returncode == 0
    alone.run("pkill", "-KILL", "-u", "alice", "-x", "dbus-daemon")
    bus = ("pgrep", "-u", "alice", "-r", "D,R,S,T", "-x", "dbus-daemon")
    wait_until(lambda: alone.run(*bus, check=False).returncode == 1)
    assert cron(alone, "creds env").returncode == 69
    again = cron(alone, f"{START}; creds status")
    assert again.stdout.startswith("no-daemon"), again
    end_buses(alone)


def test_started_bus_holds_nothing_of_the_shell(alone: Machine) -> None:
    assert cron(alone, "creds env --start", "TOKEN=canary").returncode == 0
    environ = alone.sh("cat /proc/$(pgrep -u alice -x dbus-daemon)/environ").stdout
    assert "canary" not in environ
    assert "HOME=/home/alice" in environ
    end_buses(alone)


def test_in_a_runtime_directory_without_a_bus(alone: Machine) -> None:
    alone.sh("install -d -o alice -m 700 /run/mine")
    told = cron(alone, START + "; echo $DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR=/run/mine")
    assert told.stdout == "unix:path=/run/mine/bus\n"
    assert cron(alone, "creds status", "XDG_RUNTIME_DIR=/run/mine").stdout.startswith("no-daemon")
    end_buses(alone)


def test_root_without_a_session(machine: Machine) -> None:
    clean = ["env", "-i", "HOME=/root", f"PATH={PATH}", "sh", "-c"]
    done = machine.run(*clean, f"{START}; creds status; creds env", check=False)
    assert "no-keyring" in done.stdout, done
    assert "/root/.cache/creds-session/bus-" in done.stdout
    machine.sh("pkill -u root -f [c]reds-session/bus-")
