"""The keyring is locked at the last logout, not before; or opened where nobody types."""

from __future__ import annotations

import time

import pytest

from tests.machine.support.machine import Boot, Machine, wait_until

PASSWORD = "pw of alice"
AS_ALICE = "runuser -u alice -- env XDG_RUNTIME_DIR=/run/user/$(id -u alice) "
LINGER = (
    "install -D /dev/null /var/lib/systemd/linger/alice; systemctl start user@$(id -u alice);"
    " install -d -o alice -m 700 /home/alice/.config"
)


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(boot: Boot, request: pytest.FixtureRequest) -> Machine:
    machine = boot(request.param)
    machine.run("creds-setup-pam", "apply")
    machine.add_user("alice", PASSWORD)
    machine.sh(LINGER)
    return machine


def status(machine: Machine) -> str:
    return machine.sh(f"{AS_ALICE} creds status", check=False).stdout.partition(":")[0]


def wait_for(machine: Machine, wanted: str) -> None:
    wait_until(lambda: status(machine) == wanted)


def wait_for_logout(machine: Machine, left: int) -> None:
    """Wait until so many of alice's sessions are left that are not closing (sd-login(3))."""
    sessions = "grep -l ^CLASS=user$ $(grep -l ^USER=alice$ /run/systemd/sessions/*[!f])"
    count = f"grep -LE '^STATE=closing$' $({sessions}) | wc -l"
    wait_until(lambda: int(machine.sh(count, check=False).stdout) == left)


def last_run(machine: Machine) -> int:
    """Return when the unit that locks ended last, in microseconds since boot; 0 while it runs."""
    show = "systemctl --user show -P InactiveEnterTimestampMonotonic creds-session-lock.service"
    return int(machine.sh(f"{AS_ALICE} {show}").stdout)


def test_first_of_two_logouts_locks_nothing_and_the_last_one_does(machine: Machine) -> None:
    with machine.ssh("alice", PASSWORD) as first:
        assert first.run("printf x | creds put app me").status == 0
        installed = first.run("creds hook install --unit lock")
        assert installed.status == 0, installed
        assert "creds-session-lock.path" in installed.output
        with machine.ssh("alice", PASSWORD) as second:
            assert second.run("creds get app me").output == "x"
            before = time.monotonic()
        wait_for_logout(machine, 1)
        wait_until(lambda: last_run(machine) > before * 1_000_000)  # it did look at the logout
        assert first.run("creds get app me").output == "x"
        assert status(machine) == "unlocked"
    wait_for(machine, "locked")
    with machine.ssh("alice", PASSWORD) as again:
        assert again.run("creds get app me").output == "x"


def test_without_the_unit_it_stays_open(machine: Machine) -> None:
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("creds hook remove --unit lock").status == 0
        assert "nothing to do" in session.run("creds hook remove --unit lock").output
    wait_for_logout(machine, 0)
    loaded = f"{AS_ALICE} systemctl --user list-units --all 'creds-session-*'"
    wait_until(lambda: "creds-session-lock" not in machine.sh(loaded).stdout)  # nothing locks later
    assert status(machine) == "unlocked"


def test_many_logins_within_seconds_do_not_end_it(machine: Machine) -> None:
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("creds hook install --unit lock").status == 0
        for _ in range(6):  # systemd's usual limit is five starts in ten seconds
            before = time.monotonic()
            with machine.ssh("alice", PASSWORD) as second:
                assert second.run("creds get app me").output == "x"
            wait_until(lambda before=before: last_run(machine) > before * 1_000_000)  # type: ignore[misc]
        assert session.run("creds get app me").output == "x"
    wait_for(machine, "locked")
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("creds hook remove --unit lock").status == 0


def test_a_logout_that_the_path_unit_does_not_see_is_not_missed(machine: Machine) -> None:
    """While the service runs, systemd looks at no change of the path (path.c:path_unwatch)."""
    show = f"{AS_ALICE} systemctl --user show -P SubState creds-session-lock.service"
    slow = "ExecStartPost=sh -c 'until [ ! -e /tmp/slow ]; do sleep 0.05; done'"

    def state() -> str:
        return machine.sh(show).stdout.strip()

    with machine.ssh("alice", PASSWORD) as first:
        assert first.run("creds hook install --unit lock").status == 0
        place = "d=~/.config/systemd/user/creds-session-lock.service.d; mkdir -p $d"
        made = f'printf "[Service]\\n%s\\n" "{slow}" >$d/slow.conf'
        assert first.run(f"{place}; {made}; systemctl --user daemon-reload").status == 0
        second = machine.ssh("alice", PASSWORD)
        assert second.run("creds get app me").output == "x"
        wait_until(lambda: state() == "dead")
        machine.run("touch", "/tmp/slow")
        second.close()
        wait_for_logout(machine, 1)
        wait_until(lambda: state() == "start-post")  # it has looked
    wait_for_logout(machine, 0)
    assert status(machine) == "unlocked"
    machine.run("rm", "/tmp/slow")
    wait_for(machine, "locked")
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run(f"{place}; rm -r $d; creds hook remove --unit lock").status == 0


def test_root_has_it_done_for_everybody(machine: Machine) -> None:
    machine.run("creds", "hook", "install", "--unit", "lock")
    machine.sh("systemctl restart user@$(id -u alice)")
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("creds get app me").output == "x"
    wait_for(machine, "locked")
    machine.run("creds", "hook", "remove", "--unit", "lock")
    left = machine.sh("find /etc/systemd/user /home/alice/.config -name 'creds-session-*'").stdout
    assert left == ""


def test_unlock_with_a_credential_where_nobody_logs_in(machine: Machine) -> None:
    major = int(machine.sh("systemctl --version | awk 'NR == 1 {print $2}'").stdout)
    if major < 256:
        refused = machine.sh("systemd-creds encrypt --user - -", check=False, stdin=b"x")
        assert refused.returncode != 0  # so the release has no such credentials at all
        return
    encrypt = (
        "mkdir -p ~/.config/credstore.encrypted; systemd-creds encrypt --user --name=creds-session"
        " - ~/.config/credstore.encrypted/creds-session"
    )
    machine.sh(f"cd /; HOME=/home/alice {AS_ALICE} sh -c '{encrypt}'", stdin=PASSWORD.encode())
    done = machine.sh(f"{AS_ALICE} creds hook install --unit unlock", check=False)
    assert done.returncode == 0, machine.journal("-n", "20") + done.stderr
    machine.sh(f"{AS_ALICE} creds lock; systemctl restart user@$(id -u alice)")
    wait_for(machine, "unlocked")
    assert machine.sh(f"{AS_ALICE} creds get app me").stdout == "x\n"
