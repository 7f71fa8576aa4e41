"""SELinux, enforced by a kernel: Debian 13 with its own policy, on a virtual machine.

The machine is slow, so one goes through the whole life of an installation, and each fixture is a
stage of that life: it does what an administrator and people do there, and keeps what was seen.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from creds_session.doctor.checks.selinux import MODULE
from tests.machine.support.login import Login, Result
from tests.machine.support.selinux_machine import VirtualMachine, booted

pytestmark = [pytest.mark.selinux, pytest.mark.timeout(2400)]

PASSWORD = "correct horse 7!"
Done = subprocess.CompletedProcess[str]
NOT_RUN = "log: gkr-pam: couldn't run gnome-keyring-daemon: Permission denied"
PLACES = "/etc/pam.d /etc/systemd /etc/profile.d /usr/local"
TREE = (
    f"find {PLACES} -printf '%p %y %m %U:%G %Z %l\\n' | sort;"
    f" find {PLACES} -type f -exec sha256sum {{}} + | sort -k2"
)
MISLABELLED = (
    f"restorecon -n -v -R {PLACES} /opt/creds-session;"
    " ! [ -e /var/lib/creds-session ] || restorecon -n -v -R /var/lib/creds-session"
)
LABELS = {
    "/etc/pam.d/sshd": "etc_t",
    "/etc/pam.d/creds-session": "etc_t",
    "/etc/systemd/user/gnome-keyring-daemon.socket.d": "systemd_user_unit_t",
    "/etc/systemd/user/gnome-keyring-daemon.socket.d/creds-session.conf": "systemd_user_unit_t",
    "/usr/local/bin/creds": "bin_t",
    "/usr/local/sbin/creds-setup-pam": "bin_t",
    "/opt/creds-session/current/bin/creds": "bin_t",
    "/opt/creds-session": "usr_t",
    "/var/lib/creds-session": "var_lib_t",
}
DENIED = re.compile(
    r"avc: +denied +\{ (?P<permissions>[^}]*) \}.* comm=\"(?P<program>[^\"]*)\""
    r".* scontext=[^: ]*:[^: ]*:(?P<source>[^: ]*).* tcontext=[^: ]*:[^: ]*:(?P<target>[^: ]*)"
    r".* tclass=(?P<object_class>\S+)"
)
ABOUT_US = re.compile(r'"[^"]*(keyring|creds)[^"]*"')


class Denial(NamedTuple):
    """One permission that SELinux denied, as the audit log has it."""

    source: str
    target: str
    object_class: str
    permission: str


def denials(machine: VirtualMachine, since: str = "0") -> set[Denial]:
    """Return what was denied to us, or about the keyring, since a moment of the machine's clock."""
    # Without a terminal ausearch reads its standard input, if nothing else is said.
    shown = machine.run("ausearch --input-logs -m avc,user_avc,selinux_err", check=False).stdout
    found = set()
    for line in shown.splitlines():
        when = re.search(r"msg=audit\(([\d.]+):", line)
        match = DENIED.search(line)
        if when and match and float(when[1]) >= float(since) and ABOUT_US.search(line):
            for permission in match["permissions"].split():
                found.add(
                    Denial(match["source"], match["target"], match["object_class"], permission)
                )
    return found


def now(machine: VirtualMachine) -> str:
    return machine.run("date +%s.%N").stdout.strip()


def finding(text: str, check: str) -> dict[str, Any]:
    """Return the one finding of a check that the doctor printed as JSON, or nothing."""
    results = json.loads(text)["checks"]
    found = [one for result in results for one in result["findings"] if one["id"] == check]
    return dict(found[0]) if found else {}


def above_note(text: str) -> list[str]:
    results = json.loads(text)["checks"]
    found = [one for result in results for one in result["findings"]]
    return [str(one["id"]) for one in found if one["severity"] != "note"]


def ask(session: Login) -> str:
    """Ask the doctor, which has the time that it needs on this machine."""
    return session.run("creds-doctor --json --timeout 60 2>/dev/null").output


class Before(NamedTuple):
    machine: VirtualMachine
    tree: str
    mislabelled: str
    check: Done


class Applied(NamedTuple):
    machine: VirtualMachine
    apply: Done
    check: Done
    check_json: dict[str, Any]
    mislabelled: str
    labels: dict[str, str]


class Refused(NamedTuple):
    """Alice, whose first login comes with the policy as it is."""

    machine: VirtualMachine
    put: Result
    doctor: str
    shown: str
    journal: str
    of_root: str
    create: Result
    get: Result
    doctor_after: str
    locked: str
    denied: set[Denial]


class Confined(NamedTuple):
    """Stacy, who is mapped to staff_u."""

    machine: VirtualMachine
    context: str
    doctor: str
    create: Result
    get: Result


class Allowed(NamedTuple):
    """Nina, whose first login comes with the module that the doctor names."""

    machine: VirtualMachine
    get: Result
    doctor: str
    again: Result
    by_systemd: Result
    check: Done
    denied: set[Denial]


class Permissive(NamedTuple):
    machine: VirtualMachine
    get: Result
    doctor: str
    check: Done


class Reverted(NamedTuple):
    machine: VirtualMachine
    revert: Done
    tree: str
    mislabelled: str
    denied: set[Denial]
    login: Result


@pytest.fixture(scope="module")
def machine() -> Iterator[VirtualMachine]:
    with booted() as one:
        yield one


@pytest.fixture(scope="module")
def before(machine: VirtualMachine) -> Before:
    return Before(
        machine,
        machine.run(TREE).stdout,
        machine.run(MISLABELLED).stdout,
        machine.run("creds-setup-pam check", check=False),
    )


@pytest.fixture(scope="module")
def applied(before: Before) -> Applied:
    machine = before.machine
    return Applied(
        machine,
        machine.run("creds-setup-pam apply"),
        machine.run("creds-setup-pam check"),
        json.loads(machine.run("creds-setup-pam --json check").stdout),
        machine.run(MISLABELLED).stdout,
        labels(machine),
    )


def labels(machine: VirtualMachine) -> dict[str, str]:
    """Return the SELinux type of each of our files, no link followed."""
    shown = machine.run(f"stat -c '%n %C' {' '.join(LABELS)}").stdout
    return {path: context.split(":")[2] for path, context in map(str.split, shown.splitlines())}


@pytest.fixture(scope="module")
def refused(applied: Applied) -> Refused:
    machine = applied.machine
    machine.add_user("alice", PASSWORD)
    with machine.ssh("alice", PASSWORD) as session:
        put = session.run("printf s3cret | creds put app me")
        doctor = ask(session)
        shown = session.run("creds-doctor --timeout 60 2>/dev/null | cat").output
        journal = session.run("journalctl --quiet --boot --no-pager | grep gkr-pam").output
        of_root = machine.run("creds-doctor --timeout 60 --user alice", check=False).stdout
        unlock = f"printf '%s' '{PASSWORD}' | creds unlock --create --password-stdin"
        create = session.run(unlock)
        get = session.run("printf s3cret | creds put app me && creds get app me")
        doctor_after = ask(session)
    machine.run("systemctl stop user@$(id -u alice)")
    # Now there is a keyring, so that systemd makes the daemon's socket before PAM comes.
    with machine.ssh("alice", PASSWORD, answers=[""]) as session:
        locked = ask(session)
    denied = denials(machine)
    return Refused(
        *(machine, put, doctor, shown, journal, of_root),
        *(create, get, doctor_after, locked, denied),
    )


@pytest.fixture(scope="module")
def confined(refused: Refused) -> Confined:
    machine = refused.machine
    machine.add_user("stacy", PASSWORD)
    machine.run("semanage login -a -s staff_u stacy && restorecon -R -F ~stacy", timeout=600)
    with machine.ssh("stacy", PASSWORD) as session:
        context, doctor = session.run("id -Z").output, ask(session)
        *lines, unlock = finding(doctor, "daemon-start-refused")["remediation"]["lines"]
        create = session.run(
            f"{' && '.join(lines)} && printf '%s' '{PASSWORD}' | {unlock} --password-stdin"
        )
        get = session.run("printf s3cret | creds put app me && creds get app me")
    return Confined(machine, context, doctor, create, get)


@pytest.fixture(scope="module")
def allowed(refused: Refused) -> Allowed:
    machine = refused.machine
    (later,) = finding(refused.doctor, "selinux-refuses")["remediation"]["alternatives"]
    machine.run(" && ".join(later["lines"]), timeout=600)
    machine.run("systemctl stop user@$(id -u alice)")
    machine.add_user("nina", PASSWORD)
    since = now(machine)
    with machine.ssh("nina", PASSWORD) as session:
        get = session.run("printf s3cret | creds put app me && creds get app me")
        doctor = ask(session)
        session.run("creds lock")
    with machine.ssh("nina", PASSWORD) as session:
        again = session.run("creds get app me")
    with machine.ssh("alice", PASSWORD) as session:
        by_systemd = session.run("creds get app me")
    check = machine.run("creds-setup-pam check")
    return Allowed(machine, get, doctor, again, by_systemd, check, denials(machine, since))


@pytest.fixture(scope="module")
def permissive(allowed: Allowed) -> Permissive:
    machine = allowed.machine
    machine.run("semodule -r creds-session && setenforce 0", timeout=600)
    machine.add_user("pia", PASSWORD)
    with machine.ssh("pia", PASSWORD) as session:
        get = session.run("printf s3cret | creds put app me && creds get app me")
        doctor = ask(session)
    check = machine.run("creds-setup-pam check")
    machine.run("setenforce 1")
    return Permissive(machine, get, doctor, check)


@pytest.fixture(scope="module")
def reverted(permissive: Permissive) -> Reverted:
    machine = permissive.machine
    since = now(machine)
    revert = machine.run("creds-setup-pam revert")
    tree, mislabelled = machine.run(TREE).stdout, machine.run(MISLABELLED).stdout
    denied = denials(machine, since)
    with machine.ssh("pia", PASSWORD, answers=[""]) as session:
        login = session.run("id -un")
    return Reverted(machine, revert, tree, mislabelled, denied, login)


def test_selinux_is_enforced_here(before: Before) -> None:
    shown = before.machine.run("getenforce; cat /proc/self/attr/current; sestatus").stdout
    assert shown.startswith("Enforcing\nunconfined_u:unconfined_r:unconfined_t:")
    assert re.search(r"Loaded policy name: +default\n", shown)


def test_an_installation_is_labelled_as_the_policy_wants_it(before: Before) -> None:
    assert before.mislabelled == ""


def test_check_says_what_the_policy_refuses_before_anything_is_changed(before: Before) -> None:
    assert before.check.returncode == 1
    assert (
        "selinux  policy    does not let a login by ssh start the keyring daemon"
        in before.check.stdout
    )
    assert "no login unlocks a keyring" in before.check.stderr
    for one in MODULE:
        is_systemds = one.target == "gnome_keyring_tmp_t"
        assert (one.rule in before.check.stderr) is not is_systemds or is_systemds


def test_apply_keeps_the_labels(applied: Applied) -> None:
    assert "changed /etc/pam.d/sshd" in applied.apply.stderr
    assert applied.labels == LABELS
    assert applied.mislabelled == ""
    assert applied.check.returncode == 0
    assert "proved safe" in applied.check.stdout
    assert applied.check_json["selinux"]["judged"] is True
    assert MODULE[0].rule in applied.check_json["selinux"]["refused"]


def test_a_first_login_makes_no_keyring_and_the_doctor_says_why(refused: Refused) -> None:
    assert refused.put.status == 77
    assert above_note(refused.doctor)[0] == "selinux-refuses"
    found = finding(refused.doctor, "selinux-refuses")
    assert found["severity"] == "error"
    assert NOT_RUN in found["evidence"]
    assert f"the policy lacks {MODULE[0].rule}" in found["evidence"]
    assert found["remediation"]["lines"] == ["creds unlock --create"]
    verdict = (
        "no secret can be read here: SELinux does not let a login by ssh start the keyring daemon"
    )
    assert refused.shown.startswith(verdict)


def test_an_ordinary_user_sees_one_line_of_the_journal_alone(refused: Refused) -> None:
    (line,) = refused.journal.splitlines()
    assert line.endswith(NOT_RUN.removeprefix("log: "))


def test_root_is_told_the_same_and_what_root_can_do(refused: Refused) -> None:
    assert "[selinux-refuses]" in refused.of_root.splitlines()[0]
    assert NOT_RUN in refused.of_root
    assert "sudo semodule -i creds-session.cil" in refused.of_root


def test_the_first_remedy_works_in_the_session(refused: Refused) -> None:
    assert refused.create.status == 0
    assert (refused.get.status, refused.get.output) == (0, "s3cret")
    found = finding(refused.doctor_after, "selinux-refuses")
    assert found["severity"] == "warning"
    assert json.loads(refused.doctor_after)["healthy"] is True


def test_a_login_that_cannot_reach_the_socket_is_not_told_of_an_old_password(
    refused: Refused,
) -> None:
    assert above_note(refused.locked) == ["selinux-refuses"]
    found = finding(refused.locked, "selinux-refuses")
    assert any("gnome_keyring_tmp_t" in line for line in found["evidence"])
    assert found["remediation"]["lines"] == ["creds unlock"]


def test_nothing_is_denied_but_what_the_module_allows_sshd(refused: Refused) -> None:
    allows = {
        Denial(one.source, one.target, one.object_class, permission)
        for one in MODULE
        for permission in one.permissions
    }
    assert Denial("sshd_t", "gkeyringd_exec_t", "file", "execute") in refused.denied
    assert Denial("sshd_t", "gnome_keyring_tmp_t", "dir", "search") in refused.denied
    assert refused.denied <= allows


def test_a_confined_user_is_told_what_works_in_the_session(confined: Confined) -> None:
    assert confined.context.startswith("staff_u:staff_r:staff_t:")
    assert above_note(confined.doctor)[0] == "daemon-start-refused"
    assert NOT_RUN in finding(confined.doctor, "daemon-start-refused")["evidence"]
    assert confined.create.status == 0, confined.create
    assert (confined.get.status, confined.get.output) == (0, "s3cret")


def test_with_the_module_that_the_doctor_names_a_first_login_works(allowed: Allowed) -> None:
    assert (allowed.get.status, allowed.get.output) == (0, "s3cret")
    assert above_note(allowed.doctor) == []
    assert "selinux  policy    lets a login by ssh start and reach" in allowed.check.stdout
    assert "SELinux" not in allowed.check.stderr


def test_with_the_module_a_later_login_reaches_the_daemon(allowed: Allowed) -> None:
    assert (allowed.again.status, allowed.again.output) == (0, "s3cret")
    assert (allowed.by_systemd.status, allowed.by_systemd.output) == (0, "s3cret")
    assert allowed.denied == set()


def test_the_doctor_does_not_blame_selinux_that_is_permissive(permissive: Permissive) -> None:
    assert (permissive.get.status, permissive.get.output) == (0, "s3cret")
    assert above_note(permissive.doctor) == []
    assert "SELinux" not in permissive.doctor
    assert "selinux" not in permissive.check.stdout + permissive.check.stderr.lower()


def test_revert_restores_bytes_owners_modes_and_labels(before: Before, reverted: Reverted) -> None:
    assert reverted.tree == before.tree
    assert reverted.mislabelled == ""
    assert reverted.denied == set()
    assert reverted.login == Result(0, "pia")


def test_an_installation_on_the_machine_itself_restores_its_labels(reverted: Reverted) -> None:
    machine = reverted.machine
    machine.run("/opt/source/scripts/install --wheels /opt/wheels", timeout=1200)
    assert machine.run(MISLABELLED).stdout == ""
    machine.run("/opt/source/scripts/install --uninstall", timeout=600)
    assert machine.run("ls -d /opt/creds-session /usr/local/bin/creds", check=False).stdout == ""
