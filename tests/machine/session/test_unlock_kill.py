"""Whatever is killed while it unlocks, the next ``creds unlock`` works."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from tests.depth import KILL_ALL
from tests.machine.support.machine import Boot, Machine, wait_until

PASSWORD = "pw of alice"
UNLOCK = f"printf %s '{PASSWORD}' | creds unlock --quiet --password-stdin"
MAKE = f"printf '%s\\n%s' '{PASSWORD}' '{PASSWORD}' | creds unlock --create --password-stdin"
PREPARE = f"{MAKE} && printf x | creds put app me"
# Our process is killed at its Nth call of a kind, until it comes through.
STEPS = {"bookworm": 3, "trixie": 5}  # of these calls, in a plain run
KILLED = """
set -u
killed=0
for call in connect sendto,sendmsg write vfork,clone,clone3; do
    number=$((1 - STEP))
    while :; do
        number=$((number + STEP))
        BEFORE
        printf %s 'PASSWORD' |
            strace -qq -o /dev/null -e trace=$call \\
                -e inject=$call:signal=KILL:when=$number creds unlock --quiet --password-stdin
        code=$?
        [ $code = 0 ] || [ $code = 137 ] || echo "at $call $number: exit $code"
        timeout 20 sh -c 'UNLOCK' || echo "after $call $number: exit $?"
        [ "$(creds get app me)" = x ] || echo "after $call $number: no secret"
        [ $code = 137 ] || break
        killed=$((killed + 1))
    done
done 2>/dev/null
echo "killed $killed"
""".replace("PASSWORD", PASSWORD).replace("UNLOCK", UNLOCK.replace("'", '"'))
# The daemon, or the bus, is killed at a moment of the unlocking.
AMID = """
for delay in 0.02 0.05 0.1 0.15 0.2 0.3; do
    BEFORE
    UNLOCK 2>$HOME/said & own=$!
    sleep $delay; KILL
    wait $own || [ -s $HOME/said ] || echo "killed after $delay: it failed and said nothing"
    said=$(timeout 20 sh -c 'QUOTED' 2>&1) || echo "after $delay: exit $?: $said"
    [ "$(creds get app me)" = x ] || echo "after $delay: no secret"
done
echo done
"""
# One daemon is killed. The next commands may run before the bus notices its end.
ONCE = """
for delay in 0.01 0.02 0.03 0.04 0.05 0.06 0.08 0.1 0.15 0.2 0.3; do
    LOCKED || echo "before $delay: not locked"
    UNLOCK 2>$HOME/said & own=$!
    sleep $delay; KILL_DAEMON
    wait $own || echo "killed after $delay: $(cat $HOME/said)"
    UNLOCK 2>$HOME/said || echo "after $delay: $(cat $HOME/said)"
    [ "$(creds get app me)" = x ] || echo "after $delay: no secret"
done
echo done
"""
KILL_DAEMON = "pkill -KILL -u $(id -u) gnome-keyring-d"
LOCKED = "creds lock >/dev/null 2>&1"
RUNS = "pgrep -u $(id -u) -r D,R,S,T gnome-keyring-d >/dev/null"
# Again and again: what was killed amid its unlocking may have had one started meanwhile. And until
# none is left: pkill returns before what it killed has ended.
NO_DAEMON = f"while {RUNS}; do {KILL_DAEMON}; sleep 0.02; done"


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(boot: Boot, request: pytest.FixtureRequest) -> Machine:
    """A machine whose daemon no unit starts, so that each way is taken; the user has a bus."""
    machine = boot(request.param, units=False)
    machine.add_user("alice", PASSWORD)
    machine.sh(
        "install -D /dev/null /var/lib/systemd/linger/alice; systemctl start user@$(id -u alice)"
    )
    uid = machine.run("id", "-u", "alice").stdout.strip()
    wait_until((machine.root / f"run/user/{uid}/bus").exists)
    as_alice(machine, PREPARE)
    return machine


def as_alice(machine: Machine, script: str) -> str:
    machine.sh("cat >/run/script", stdin=script.encode())
    runtime = "XDG_RUNTIME_DIR=/run/user/$(id -u alice) HOME=/home/alice"
    line = f"cd /; runuser -u alice -- env {runtime} sh /run/script"
    return machine.run("sh", "-c", line, timeout=300).stdout


def amid(before: str, kill: str) -> str:
    """Return the script; what stands in for a word may hold that word, as `pkill -KILL` does."""
    quoted = UNLOCK.replace("'", '"')
    return filled(AMID, {"BEFORE": before, "KILL": kill, "UNLOCK": UNLOCK, "QUOTED": quoted})


def filled(script: str, words: Mapping[str, str]) -> str:
    return re.sub("|".join(words), lambda word: words[word[0]], script)


def daemons(machine: Machine) -> int:
    counted = machine.sh("pgrep -u alice -fc 'keyring-daemon.*--unlock'", check=False).stdout
    return int(counted)


@pytest.mark.parametrize("before", [LOCKED, NO_DAEMON], ids=["in place", "new daemon"])
def test_our_own_process(machine: Machine, before: str) -> None:
    release = machine.sh(". /etc/os-release; echo $VERSION_CODENAME").stdout.strip()
    step = 1 if KILL_ALL else STEPS[release]
    told = as_alice(machine, KILLED.replace("BEFORE", before).replace("STEP", str(step)))
    *failures, summary = told.splitlines()
    assert failures == [], told
    assert int(summary.split()[-1]) >= 15 // step, told
    assert daemons(machine) == 1


@pytest.mark.parametrize("before", [LOCKED, NO_DAEMON], ids=["in place", "new daemon"])
def test_the_daemon(machine: Machine, before: str) -> None:
    script = amid(before, NO_DAEMON)
    assert as_alice(machine, script) == "done\n"
    assert daemons(machine) == 1


def test_a_daemon_that_is_killed_once_costs_no_unlocking(machine: Machine) -> None:
    words = {"LOCKED": LOCKED, "UNLOCK": UNLOCK, "KILL_DAEMON": KILL_DAEMON}
    assert as_alice(machine, filled(ONCE, words)) == "done\n"
    assert daemons(machine) == 1


def test_the_bus(machine: Machine) -> None:
    """systemd starts the session bus again at the next connection; a daemon ends with its bus."""
    pid = "$(systemctl --user show --property=MainPID --value dbus.service)"
    kill = f"systemctl --user reset-failed; bus={pid};"
    kill += " systemctl --user kill --signal=KILL dbus.service;"
    kill += f' while [ "{pid}" = "$bus" ]; do sleep 0.02; done'
    script = amid(LOCKED, kill)
    assert as_alice(machine, script) == "done\n"
    assert daemons(machine) == 1
