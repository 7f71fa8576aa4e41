"""``pam_judge`` in real plays that change PAM with other modules, over a real ssh."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.machine.ansible.test_modules import WITHOUT_CREDS, playbooks
from tests.machine.support.ansible_controller import Controller, Played
from tests.machine.support.ansible_tasks import pam_of, task
from tests.machine.support.machine import Boot, Machine

# It may make the environment of Ansible first.
pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1200)]
PLAY = "Stop a play that locks somebody out or lets somebody in"
LINE = "account required pam_access.so nodefgroup"
LETS_IN = "auth sufficient pam_localuser.so"
SNAPSHOTS = "/run/creds-session-ansible"
TMPFILES = "/run/tmpfiles.d/creds-session-ansible.conf"


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def fleet(request: pytest.FixtureRequest, boot: Boot, controller: Controller) -> Controller:
    """Give a machine that has Python and nothing of creds-session."""
    machine = boot(request.param, "redhat" if request.param == "trixie" else "debian")
    machine.sh(WITHOUT_CREDS)
    controller.add(request.param, machine)
    controller.machines = {request.param: machine}
    return controller


@pytest.fixture
def machine(fleet: Controller) -> Iterator[Machine]:
    """Give the machine, and restore its PAM files after the test."""
    (machine,) = fleet.machines.values()
    machine.run("cp", "-a", "/etc/pam.d", "/root/pam.d")
    yield machine
    machine.sh("cp -a /root/pam.d/. /etc/pam.d/; rm -r /root/pam.d")
    machine.sh(f"rm -rf {SNAPSHOTS} {TMPFILES}")


def last(played: Played) -> dict[str, object]:
    return played.results[-1].result


def play(fleet: Controller, line: str, *options: str) -> Played:
    """Run the guide's playbook with another line for its task that changes PAM."""
    guide = playbooks()[PLAY]
    assert LINE in guide
    (name,) = fleet.machines
    return fleet.play(guide.replace(LINE, line), f"--limit={name}", *options)


def left(machine: Machine) -> str:
    return machine.sh(f"ls -A {SNAPSHOTS} {TMPFILES} 2>/dev/null", check=False).stdout


def test_the_play_of_the_guide_passes_and_leaves_nothing(
    fleet: Controller, machine: Machine
) -> None:
    before = pam_of(machine)
    done = play(fleet, LINE)
    assert done.code == 0, done.output
    assert pam_of(machine) != before
    assert last(done)["found"] is False
    assert left(machine) == ""
    again = play(fleet, LINE)
    assert (again.code, again.changed) == (0, []), again.output
    assert left(machine) == ""


def test_a_line_that_lets_people_in_fails_the_play(fleet: Controller, machine: Machine) -> None:
    checked = play(fleet, LETS_IN, "--check")
    assert checked.code == 0, checked.output
    assert last(checked)["judged"] is False
    assert left(machine) == ""
    done = play(fleet, LETS_IN)
    assert done.code != 0
    message = str(last(done)["msg"])
    assert "someone who was refused before is let in" in message
    assert "pam_localuser.so returns success" in message
    assert "sshd" in str(last(done)["let_in"])
    assert message in done.output.replace("\\n", "\n")  # the person at the controller reads it
    path = f"{SNAPSHOTS}/pam.tar"
    owners = machine.run("stat", "-c", "%U %G %a", SNAPSHOTS, path).stdout.split("\n")
    assert owners[:2] == ["root root 700", "root root 600"]
    assert machine.run("runuser", "-u", "deploy", "--", "cat", path, check=False).returncode != 0


def test_a_play_that_is_run_again_is_failed_again(fleet: Controller, machine: Machine) -> None:
    """The first run may have ended before it judged, so the first snapshot counts."""
    for _ in range(2):
        done = play(fleet, LETS_IN)
        assert done.code != 0, done.output
        assert last(done)["let_in"]
    (name,) = fleet.machines
    assert task(fleet, "pam_judge", name, state="absent").code == 0
    assert left(machine) == ""
    assert play(fleet, LETS_IN).code == 0  # accepted


@pytest.mark.usefixtures("machine")
def test_everybody_is_locked_out_by_a_module_that_is_not_there(fleet: Controller) -> None:
    done = play(fleet, "auth required pam_no_such_module.so")
    assert done.code != 0, done.output
    assert "sshd" in str(last(done)["locked_out"])


def test_systemd_removes_a_snapshot_that_nobody_judges(fleet: Controller, machine: Machine) -> None:
    (name,) = fleet.machines
    assert task(fleet, "pam_judge", name, state="snapshot").code == 0
    machine.run("systemd-tmpfiles", "--clean", TMPFILES)
    assert left(machine) != ""
    assert machine.run("cat", TMPFILES).stdout.splitlines()[-1].split()[-1] == "7d"
    # A week is not waited for: the same line, with the age that is reached at once.
    machine.run("sed", "-i", "s/ 7d$/ 1us/", TMPFILES)
    machine.run("systemd-tmpfiles", "--clean", TMPFILES)
    assert machine.run("ls", "-A", SNAPSHOTS).stdout == ""


def test_a_backup_by_somebody_else_is_judged_without_root(
    fleet: Controller, machine: Machine
) -> None:
    machine.run("cp", "-aL", "/etc/pam.d", "/var/backups/pam.d")
    machine.sh(f"sed -i '1i {LETS_IN}' /etc/pam.d/sshd")
    (name,) = fleet.machines
    options = {"before": "/var/backups/pam.d", "services": ["sshd"]}
    done = task(fleet, "pam_judge", name, "deploy", **options)
    assert done.code == 0, done.output
    assert (last(done)["let_in"], last(done)["locked_out"]) == (["sshd"], [])
    assert task(fleet, "pam_judge", name, "deploy", **options, fail_on=["any"]).code != 0
    machine.run("rm", "-r", "/var/backups/pam.d")
