"""The modules of the collection on booted machines, over a real ssh, by a real ansible-playbook."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

import pytest

from tests.machine.support import rootfs
from tests.machine.support.ansible_controller import Controller
from tests.machine.support.ansible_tasks import alice, fingerprint, pam_of, task
from tests.machine.support.machine import Boot, wait_until
from tests.machine.support.rollout_faults import UNSAFE
from tests.machine.support.rootfs import CHECKOUT

# It may make the environment of Ansible first.
pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1200)]
SSHD = "/etc/pam.d/sshd"
WITHOUT_CREDS = "rm -r /opt/creds-session /usr/local/bin/creds* /usr/local/sbin/creds*"
MACHINES = {
    "bookworm": ("bookworm", "debian", True),
    "trixie": ("trixie", "debian", True),
    "bare": ("trixie", "redhat", False),
}
"""Name: release, layout, and whether creds-session is installed."""


@pytest.fixture(scope="module")
def fleet(boot: Boot, controller: Controller) -> Controller:
    """Boot three machines; on one of them creds-session is not installed."""
    for name, (release, layout, is_installed) in MACHINES.items():
        machine = boot(release, layout)
        if not is_installed:
            machine.sh(WITHOUT_CREDS)
        controller.add(name, machine)
    return controller


def test_pam_is_changed_once_and_reverted(fleet: Controller) -> None:
    before = {name: pam_of(machine) for name, machine in fleet.machines.items()}
    untouched = {name: fingerprint(machine) for name, machine in fleet.machines.items()}
    looked = task(fleet, "pam_info")
    assert looked.code == 0, looked.output
    assert not looked.changed
    assert {one.result["change_needed"] for one in looked.results} == {True}
    checked = task(fleet, "pam", "all", "root", "--check", "--diff")
    assert checked.code == 0, checked.output
    assert {name: fingerprint(machine) for name, machine in fleet.machines.items()} == untouched
    assert len(checked.changed) == len(MACHINES)
    assert "pam_gnome_keyring.so auto_start" in checked.output
    made = task(fleet, "pam")
    assert made.code == 0, made.output
    for one in made.results:
        assert one.result["changed"]
        assert one.result["complete"]
        promised = next(c for c in checked.results if c.host == one.host).result["changed_files"]
        assert sorted(one.result["changed_files"]) == sorted(promised)
        assert pam_of(fleet.machines[one.host]) != before[one.host]
    again = task(fleet, "pam")
    assert (again.code, again.changed) == (0, []), again.output
    judged = task(fleet, "pam_info")
    assert {one.result["healthy"] for one in judged.results} == {True}
    would = task(fleet, "pam", "all", "root", "--check", "--diff", state="absent")
    assert len(would.changed) == len(MACHINES), would.output
    assert "-session" in would.output
    reverted = task(fleet, "pam", state="absent")
    assert reverted.code == 0, reverted.output
    assert {name: pam_of(machine) for name, machine in fleet.machines.items()} == before
    last = task(fleet, "pam", state="absent")
    assert (last.code, last.changed) == (0, []), last.output


def test_a_target_with_python_alone_carries_out_the_same(fleet: Controller) -> None:
    """The timer of a carried copy reverts, and a new login confirms."""
    machine = fleet.machines["bare"]
    assert machine.run("sh", "-c", "command -v creds-setup-pam", check=False).returncode != 0
    made = task(fleet, "pam", "bare", confirm_within="10m").last("bare").result
    assert made["waits_for_confirmation"]["changed_by"] == "deploy"
    program = made["program"]
    assert program[-1].startswith("/opt/creds-session/ansible-")
    machine.run("chpasswd", stdin=b"root:root's own 5\n")
    with machine.ssh("deploy", "deploy's own 7!") as session:
        session.type(f"sudo {' '.join(program)} confirm; printf '<co''de=%d>' $?")
        session.expect("assword[^:]*: ?")
        session.type_secretly("deploy's own 7!")
        session.expect("<code=0>")
    assert "creds-setup-pam-revert" not in machine.run("systemctl", "list-timers", "--all").stdout
    reverted = task(fleet, "pam", "bare", state="absent")
    assert reverted.code == 0, reverted.output
    assert machine.sh("ls /opt/creds-session").stdout == ""  # the copy is gone
    assert task(fleet, "pam", "bare", confirm_within="1s").changed
    wait_until(lambda: "gnome_keyring" not in machine.run("cat", SSHD).stdout)


def test_a_refusal_has_its_counterexample_and_changes_nothing(fleet: Controller) -> None:
    machine = fleet.machines["bookworm"]
    kept = machine.run("cat", SSHD).stdout
    machine.sh(f"cat >{SSHD}", stdin=UNSAFE)
    try:
        before = fingerprint(machine)
        refused = task(fleet, "pam", "bookworm")
        assert refused.code != 0
        result = refused.last("bookworm").result
        assert "nothing was changed" in result["msg"]
        assert result["refused"][0]["reason"] in result["msg"]
        assert fingerprint(machine) == before
    finally:
        machine.sh(f"cat >{SSHD}", stdin=kept.encode())


def test_the_doctor_is_asked(fleet: Controller) -> None:
    with alice(fleet, "bookworm"):
        done = task(fleet, "doctor_info", "bookworm", user="alice", timeout=20.0)
        assert done.code == 0, done.output
        result = done.last("bookworm").result
        assert result["healthy"], result["verdict"]
        assert {check["check"] for check in result["checks"]} >= {"keyring-locked"}
        assert not done.changed


def test_the_hook_is_installed_once_and_removed(fleet: Controller) -> None:
    with alice(fleet, "trixie") as (machine, _):
        names = "-name hook.sh -o -name .bashrc -o -name .profile"
        home = f"find /home/alice -type f '(' {names} ')' | sort | xargs cat"
        before = machine.sh(home).stdout
        would = task(fleet, "hook", "trixie", "alice", "--check", "--diff")
        assert would.changed, would.output
        assert machine.sh(home).stdout == before
        made = task(fleet, "hook", "trixie", "alice")
        promised = would.last("trixie").result["changed_files"]
        assert sorted(made.last("trixie").result["changed_files"]) == sorted(promised)
        again = task(fleet, "hook", "trixie", "alice")
        assert (again.code, again.changed) == (0, []), again.output
        assert task(fleet, "hook", "trixie", "alice", state="absent").changed
        assert machine.sh(home).stdout == before
        units = "ls /etc/systemd/user/creds-session-lock.path"
        assert task(fleet, "hook", "trixie", "root", "--check", unit="lock").changed
        assert machine.sh(units, check=False).returncode != 0
        assert task(fleet, "hook", "trixie", unit="lock").changed
        assert not task(fleet, "hook", "trixie", unit="lock").changed
        assert task(fleet, "hook", "trixie", unit="lock", state="absent").changed


def test_the_unit_that_checks_after_an_update(fleet: Controller) -> None:
    """scripts/install has installed it. So it is removed first, and is there again at the end."""
    machine = fleet.machines["trixie"]
    active = "systemctl is-active --quiet creds-session-pam.path"
    places = "ls /etc/systemd/system/creds-session-pam.*"

    def is_active() -> bool:
        return machine.sh(active, check=False).returncode == 0

    removed = task(fleet, "hook", "trixie", unit="pam", state="absent")
    assert removed.changed, removed.output
    assert not is_active()
    assert machine.sh(places, check=False).returncode != 0
    would = task(fleet, "hook", "trixie", "root", "--check", "--diff", unit="pam")
    assert would.changed, would.output
    assert machine.sh(places, check=False).returncode != 0
    made = task(fleet, "hook", "trixie", unit="pam")
    assert made.changed, made.output
    assert is_active()
    assert task(fleet, "hook", "trixie", unit="pam").changed == []
    machine.run("creds-setup-pam", "apply")
    try:
        machine.sh(f"grep -v gnome_keyring {SSHD} >/mnt/sshd; cp /mnt/sshd {SSHD}")
        wait_until(
            lambda: (
                "no rule of pam_gnome_keyring"
                in machine.journal("--unit", "creds-session-pam.service")
            ),
            60,
        )
    finally:
        machine.run("creds-setup-pam", "revert", check=False)
    denied = task(fleet, "hook", "trixie", "deploy", unit="pam")
    assert denied.code != 0
    assert "requires root" in denied.output


def playbooks() -> dict[str, str]:
    """Return the playbooks of the guide by the names of their plays."""
    text = (CHECKOUT / "docs/how-to/ansible.md").read_text("utf-8")
    blocks = re.findall(r"^```yaml\n(- name: (.+?)\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return {name: block for block, name in blocks}


def test_the_playbooks_of_the_guide(fleet: Controller) -> None:
    guide = playbooks()
    judged = fleet.play(guide["Judge the PAM files of all hosts"])
    assert judged.code == 0, judged.output
    assert {one.result.get("msg") for one in judged.results} >= {"a change is needed"}
    with alice(fleet, "bookworm") as (_, session):
        secret = {"vault_github_password": "s3cret of the guide"}
        only = "--limit=bookworm"
        stored = fleet.play(guide["Store a password for alice"], only, variables=secret)
        assert stored.code == 0, stored.output
        assert session.run("creds get github alice").output == "s3cret of the guide"
        asked = fleet.play(guide["Stop if alice's programs find no secret"], only)
        assert asked.code == 0, asked.output
        assert session.run("creds lock").status == 0
        asked = fleet.play(guide["Stop if alice's programs find no secret"], only)
        assert asked.code != 0
        assert "the login keyring is locked" in asked.output


SERVER = """\
- hosts: bare
  become: true
  gather_facts: false
  roles:
    - role: creds_session.keyring.server
      server_install: "{{ install }}"
      server_archive: "{{ archive }}"
      server_wheels: "{{ wheels }}"
"""


def test_the_role_server_installs_changes_pam_and_verifies(
    fleet: Controller, tmp_path: Path
) -> None:
    archive = tmp_path / "creds-session.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        for name in rootfs.checkout_files():
            packed.add(CHECKOUT / name, f"creds-session/{name}")
    wheels = tmp_path / "wheels.tar"
    with tarfile.open(wheels, "w") as packed:
        packed.add(rootfs.wheels("trixie"), ".")
    given = {"archive": str(archive), "wheels": str(wheels)}
    machine = fleet.machines["bare"]
    for install in ("none", "checkout"):
        done = fleet.play(SERVER, variables={"install": install, **given})
        assert done.code == 0, done.output
        again = fleet.play(SERVER, variables={"install": install, **given})
        assert (again.code, again.changed) == (0, []), again.output
    assert machine.run("creds-setup-pam", "check").returncode == 0
    assert machine.sh("ls -d /tmp/creds-session-*", check=False).stdout == ""
    assert task(fleet, "pam", "bare", state="absent").changed
    assert machine.run("creds-setup-pam", "check", check=False).returncode == 1
    machine.sh(WITHOUT_CREDS)
