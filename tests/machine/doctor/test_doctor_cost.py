"""What a look at a healthy session costs, counted: programs, connections, passes over /proc.

A count does not depend on the speed of a machine. But a look asks again, in another way, if an
answer does not come in a tenth of a second. So one of several looks must be as cheap as is said.
docs/explanation/speed.md has the times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.machine.support import doctor as ward
from tests.machine.support.login import Login
from tests.machine.support.machine import Boot, Machine

MANY, OTHERS = 200, 10  # processes of the test, and others that may begin or end meanwhile
LOOKS = 10
# strace stops each process at each of these calls: on a busy machine the usual time is too short.
TRACED = "strace -f -qq -o /tmp/trace -e trace=execve,connect,openat"
TRACE = f"{TRACED} creds-doctor --timeout 30 >/tmp/look"
# Not a shell's loop: each of the processes must live until all are counted.
STARTED = (
    f"for n in $(seq {MANY}); do sleep 1000 & done; until [ $(pgrep -c -x sleep) = {MANY} ];"
    " do sleep 0.05; done"
)
PYTHON = "$(sed -n '1s/^#!//;1s/ .*//p' $(readlink -f $(command -v creds-doctor))) -I"
SAME = """
import os
from creds_session.facts.machine import UnitFacts
from creds_session.probe.units import OF_KEYRING, of_keyring, probe_units
from creds_session.system.bus.connection import Bus
from creds_session.system.systemd.login_time import own_login_time
from creds_session.system.systemd.logind import service_of_session
from creds_session.system.systemd_bus.system_bus import ask_system_bus
from creds_session.system.systemd_bus.units import SYSTEMD, units_on_bus

asked = ask_system_bus(os.getuid())
printed = probe_units()
assert asked.manager == printed.manager, (asked.manager, printed.manager)
with Bus(f"unix:path=/run/user/{os.getuid()}/bus", 5) as bus:
    assert bus.peer(SYSTEMD).pid == printed.manager.main_pid
    units = of_keyring(asked.manager, units_on_bus(bus, SYSTEMD, OF_KEYRING))
# The programs are asked about the socket of the session bus too, because it did not answer.
assert units == printed._replace(bus=UnitFacts()), (units, printed)
assert asked.service == service_of_session() == "sshd"
ours, theirs = own_login_time(listed=asked.sessions), own_login_time()
assert ours.session == theirs.session
assert abs(ours.begin - theirs.begin) < 0.05 and abs(ours.end - theirs.end) < 0.05
with Bus("unix:path=/run/dbus/system_bus_socket", 5, 0) as bus:
    names = ["gone.service", "ssh.service", "systemd-journald.socket"]
    found = units_on_bus(bus, SYSTEMD, names)
assert found["gone.service"].load == "not-found"
assert found["ssh.service"].main_pid > 0
assert found["systemd-journald.socket"].result == "success"
print("the same")
"""


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    booted = boot(str(request.param))
    ward.prepare(booted)
    return booted


@pytest.fixture
def session(machine: Machine) -> Iterator[Login]:
    with machine.ssh("alice", ward.PASSWORD) as logged_in:
        logged_in.run("creds-doctor >/dev/null")  # so that PAM's answers are remembered
        yield logged_in


def trace(session: Login) -> str:
    done = session.run(TRACE)
    assert done.status == 0, session.run("cat /tmp/look").output
    return session.run("grep -v -e ENOENT -e resumed /tmp/trace").output


def test_the_buses_say_what_the_programs_print(session: Login) -> None:
    session.run(f"cat >/tmp/same.py <<'END'\n{SAME}\nEND")
    assert session.run(f"{PYTHON} /tmp/same.py").output == "the same"


def test_a_look_starts_two_programs_and_connects_once_to_each_bus(session: Login) -> None:
    uid = session.run("id -u").output
    buses = ["/run/dbus/system_bus_socket", f"/run/user/{uid}/bus"]
    cheap = (["creds-doctor", "journalctl", "stat"], buses)
    looks: list[tuple[list[str], list[str]]] = []
    while len(looks) < LOOKS and cheap not in looks:
        seen = trace(session)
        programs = re.findall(r'execve\("[^"]*/([^/"]+)"', seen)
        sockets = re.findall(r'connect\(.*sun_path="([^"]+)"', seen)
        buses = [path for path in sockets if path.endswith(("/bus", "system_bus_socket"))]
        looks.append((sorted(programs), sorted(buses)))
    assert cheap in looks, looks


def test_a_look_lists_proc_once_and_opens_one_file_more_for_each_process(session: Login) -> None:
    before = trace(session)
    session.run(STARTED)
    try:
        after = trace(session)
    finally:
        session.run("kill $(pgrep -u alice -x sleep); wait")
    for seen in (before, after):
        assert len(re.findall(r'"/proc", [^)]*O_DIRECTORY', seen)) == 1
    opened = [len(re.findall(r'"/proc/[0-9]+/', seen)) for seen in (before, after)]
    assert abs(opened[1] - opened[0] - MANY) <= OTHERS
