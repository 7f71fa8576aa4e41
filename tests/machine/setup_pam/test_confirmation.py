"""`apply --confirm-within`: the timer reverts, unless a login that the change let in confirms."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from functools import partial

import pytest

from tests.machine.support.login import Login, Result
from tests.machine.support.machine import Boot, Machine, wait_until

pytestmark = pytest.mark.in_turn

SSHD = "/etc/pam.d/sshd"
PENDING = "/var/lib/creds-session/pending.json"
ROOT, ALICE = "root's own 5", "pw of alice"
BUSY = 75
FILES = {
    "/etc/ssh/sshd_config.d/10-root.conf": b"PermitRootLogin yes\n",
    "/etc/sudoers.d/alice": b"alice ALL=(ALL) NOPASSWD: ALL\n",
}


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(boot: Boot, request: pytest.FixtureRequest) -> Machine:
    machine = boot(request.param, files=FILES)
    machine.run("chmod", "440", "/etc/sudoers.d/alice")
    machine.add_user("alice", ALICE)
    machine.run("chpasswd", stdin=f"root:{ROOT}\n".encode())
    return machine


@pytest.fixture
def before(machine: Machine) -> str:
    """Start from a machine without our change and without a timer; return sshd's file."""
    # The revert of a timer may still be at it, and hold the lock: that is 75, and nothing else is.
    wait_until(lambda: revert(machine) != BUSY)
    wait_until(lambda: timers(machine) == "")
    return sshd(machine)


def revert(machine: Machine) -> int:
    done = machine.run("creds-setup-pam", "revert", check=False)
    assert done.returncode in {0, BUSY}, done
    return done.returncode


def sshd(machine: Machine) -> str:
    return machine.run("cat", SSHD).stdout


def timers(machine: Machine) -> str:
    pattern = "creds-setup-pam-revert-*"
    return machine.run("systemctl", "list-units", "--all", "--plain", "-q", pattern).stdout


def sudo(session: Login, command: str) -> Result:
    """Run a command by sudo, which reads ahead what is typed: its status is asked on one line."""
    before = len(session.transcript)
    session.type(f"sudo {command}; printf '<co''de=%d>' $?")
    session.expect(r"<code=\d+>")
    session.expect("<ready>")
    shown, _, code = session.transcript[before:].partition("<code=")
    return Result(int(code.partition(">")[0]), shown)


def apply(session: Login, limit: str) -> str:
    done = sudo(session, f"creds-setup-pam apply --confirm-within {limit}")
    assert done.status == 0, done.output
    return done.output


def test_without_a_confirmation_the_old_bytes_are_back(machine: Machine, before: str) -> None:
    with machine.ssh("root", ROOT) as session:
        told = apply(session, "8s")
    deadline = json.loads((machine.root / PENDING.lstrip("/")).read_bytes())["deadline"]
    assert "the change is reverted at" in told
    assert sshd(machine) != before
    assert machine.run("stat", "-c", "%U %a", PENDING).stdout == "root 600\n"
    wait_until(lambda: sshd(machine) == before)
    # When the bytes came back, by the clock that the deadline is of.
    assert -1 < (machine.root / SSHD.lstrip("/")).stat().st_ctime - deadline < 20
    wait_until(lambda: timers(machine) == "")
    assert machine.run("test", "-e", PENDING, check=False).returncode == 1
    journal = machine.journal("-t", "creds-setup-pam")
    assert "nobody confirmed the change by root in time: it was reverted" in journal
    assert "reverted /etc/pam.d/sshd" in journal
    late = machine.run("creds-setup-pam", "confirm", check=False)
    assert (late.returncode, "no change waits" in late.stderr) == (1, True)


@pytest.mark.parametrize("user", ["root", "alice"])
def test_a_new_login_keeps_it(machine: Machine, before: str, user: str) -> None:
    with machine.ssh("root", ROOT) as session:
        told = apply(session, "10m")
    (unit,) = set(re.findall(r"(\S+)\.timer", timers(machine)))
    assert "done" not in told
    waits = "waits for confirmation until"
    checked = machine.run("creds-setup-pam", "check")
    assert (checked.returncode, waits in checked.stdout.splitlines()[-1]) == (0, True)
    assert waits in machine.run("creds-setup-pam", "diff").stderr
    assert waits in machine.run("creds-setup-pam", "apply").stderr
    values = json.loads(machine.run("creds-setup-pam", "check", "--json").stdout)
    assert values["waits_for_confirmation"]["changed_by"] == "root"
    reader = "setpriv --reuid=65534 --regid=65534 --clear-groups creds-setup-pam check"
    assert "only root can see until when" in machine.sh(reader).stdout
    with machine.ssh(user, ROOT if user == "root" else ALICE) as session:
        if user == "alice":
            refused = session.run("/usr/local/sbin/creds-setup-pam confirm")
            assert (refused.status, "requires root" in refused.output) == (77, True)
        confirmed = sudo(session, "creds-setup-pam confirm")
    assert confirmed.status == 0, confirmed.output
    assert "the change of root stays" in confirmed.output
    assert timers(machine) == ""
    assert machine.run("test", "-e", PENDING, check=False).returncode == 1
    changed = sshd(machine)
    assert changed != before
    late = machine.run("creds-setup-pam", "revert", "--if-pending", unit)  # had it begun already
    assert "does not wait for a confirmation any more" in late.stderr
    assert sshd(machine) == changed


def test_who_logged_in_before_is_refused(machine: Machine, before: str) -> None:
    machine.run("cp", SSHD, "/etc/pam.d/mine")
    with machine.ssh("alice", ALICE) as other, machine.ssh("alice", ALICE) as session:
        apply(session, "10m")
        for old in (session, other):
            for command in ("creds-setup-pam confirm", "-i creds-setup-pam confirm"):
                refused = sudo(old, command)
                assert refused.status == 77, refused.output
                assert "this login began before the change" in refused.output
                assert "log in again by sshd" in refused.output
        outside = machine.run("creds-setup-pam", "confirm", check=False)
        assert (outside.returncode, "no login session" in outside.stderr) == (77, True)
        service = sudo(session, "systemd-run --quiet --wait --pipe creds-setup-pam confirm")
        assert "no login session" in service.output
        again = sudo(session, "creds-setup-pam --service mine apply --confirm-within 1m")
        assert (again.status, "a change by alice waits" in again.output) == (75, True)
    assert sshd(machine) != before
    reverted = machine.run("creds-setup-pam", "revert").stderr
    assert "does not wait for a confirmation any more" in reverted
    assert (sshd(machine), timers(machine)) == (before, "")


def test_a_connection_from_before_the_change_is_no_new_login(machine: Machine, before: str) -> None:
    """Its process of sshd has loaded the file already, whenever the password is typed."""
    share = ("-o", "ControlMaster=auto", "-o", "ControlPath=/run/share", "-o", "ControlPersist=60")
    with machine.ssh("root", ROOT, *share) as session:
        apply(session, "10m")
        with machine.ssh("root", None, *share) as shared:
            assert shared.run("creds-setup-pam confirm").status == 77
    machine.run("creds-setup-pam", "revert")
    assert sshd(machine) == before


def test_without_a_timer_nothing_is_changed(machine: Machine, before: str) -> None:
    for spoil, told in (
        ("mount --bind /dev/null /usr/bin/systemd-run", "systemd-run set no timer"),
        ("mount -t tmpfs tmpfs /run/systemd && mount -t tmpfs tmpfs /run/dbus", "set no timer"),
    ):
        apply_it = "creds-setup-pam apply --confirm-within 10m"
        done = machine.run("unshare", "-m", "sh", "-c", f"{spoil}; {apply_it}", check=False)
        assert (done.returncode, told in done.stderr) == (69, True), done.stderr
        assert sshd(machine) == before
        assert machine.run("test", "-e", PENDING, check=False).returncode == 1


SITE = "/opt/creds-session/current/lib/python3*/site-packages"
LINK = "/usr/local/sbin/creds-setup-pam"
HER_INTERPRETER = (
    "cp -a {release} /home/alice/v; sed 1s,{release},/home/alice/v, {link} >/opt/it;"
    " chmod +x /opt/it"
)
REPLACEABLE = {
    "a user's link": (
        "install -d -o alice /home/alice/bin; runuser -u alice -- ln -s {link} /home/alice/bin/it",
        "/home/alice/bin/it",
        "/home/alice belongs to user id 1000",
        "rm -r /home/alice/bin",
    ),
    "a link of root's by way of a user's": (
        "runuser -u alice -- ln -s {link} /home/alice/it; ln -s /home/alice/it /opt/it",
        "/opt/it",
        "/home/alice belongs to user id 1000",
        "rm /home/alice/it /opt/it",
    ),
    "a directory of a group": (
        "chgrp staff /usr/local/sbin; chmod 2775 /usr/local/sbin",
        LINK,
        "/usr/local/sbin can be changed by others",
        "chgrp root /usr/local/sbin; chmod 755 /usr/local/sbin",
    ),
    "the package": (
        "chown alice {site}/creds_session",
        LINK,
        "site-packages/creds_session belongs to user id 1000",
        "chown root {site}/creds_session",
    ),
    "a module": (
        "chown alice {site}/creds_session/setup_pam/transaction.py",
        LINK,
        "creds_session/setup_pam/transaction.py belongs to user id 1000",
        "chown root {site}/creds_session/setup_pam/transaction.py",
    ),
    "a directory of more modules": (
        "echo /home/alice >$(echo {site})/more.pth",
        LINK,
        "/home/alice belongs to user id 1000",
        "rm {site}/more.pth",
    ),
    "the interpreter": (
        HER_INTERPRETER,
        "/opt/it",
        "/home/alice belongs to user id 1000",
        "rm -r /home/alice/v /opt/it",
    ),
}


@pytest.mark.parametrize("what", REPLACEABLE)
def test_what_a_user_can_replace_is_run_by_no_timer(
    machine: Machine, before: str, what: str
) -> None:
    release = machine.run("readlink", "-f", "/opt/creds-session/current").stdout.strip()
    names = {"link": LINK, "site": SITE, "release": release}
    spoil, program, part, mend = (one.format(**names) for one in REPLACEABLE[what])
    machine.sh(spoil)
    try:
        done = machine.run(program, "apply", "--confirm-within", "10m", check=False)
        assert (done.returncode, part in done.stderr) == (69, True), done.stderr
        assert "so no timer of root's may run creds-setup-pam" in done.stderr
        assert (sshd(machine), timers(machine)) == (before, "")
        assert machine.run("test", "-e", PENDING, check=False).returncode == 1
        tried = machine.run(
            *(program, "apply", "--confirm-within", "10m", "--try", "alice"), check=False
        )
        assert (tried.returncode, part in tried.stderr) == (69, True), tried.stderr  # unasked
    finally:
        machine.sh(mend)


def test_the_timer_and_the_boot_run_the_release_itself(machine: Machine, before: str) -> None:
    machine.run("creds-setup-pam", "apply", "--confirm-within", "10m")
    assert sshd(machine) != before
    release = machine.run("readlink", "-f", "/opt/creds-session/current").stdout.strip()
    unit = timers(machine).split()[0].replace(".timer", ".service")
    for name in (unit, "creds-setup-pam-revert.service"):
        line = machine.sh(f"systemctl cat {name} | grep ^ExecStart= | tail -1").stdout
        words = [word.strip('"') for word in line.partition("=")[2].split()]
        assert words[0] in {f"{release}/bin/python", f"{release}/bin/python3"}
        assert words[1:4] == ["-I", f"{release}/bin/creds-setup-pam", "revert"]
    machine.run("creds-setup-pam", "revert")


WEIRD = "/opt/My Tools %h $HOME é"


def test_a_program_with_any_name_is_found_by_the_timer_and_at_boot(
    machine: Machine, before: str
) -> None:
    quoted = shlex.quote(WEIRD)
    machine.sh(f"cp -a $(readlink -f /opt/creds-session/current) {quoted}")
    program = [f"{WEIRD}/bin/python", f"{WEIRD}/bin/creds-setup-pam"]
    try:
        machine.run(*program, "apply", "--confirm-within", "1s")
        wait_until(lambda: sshd(machine) == before and timers(machine) == "")
        machine.run(*program, "apply", "--confirm-within", "10m")
        assert sshd(machine) != before
        verified = machine.run("systemd-analyze", "verify", "creds-setup-pam-revert.service")
        assert verified.stderr == ""
        machine.reboot()
        wait_until(lambda: sshd(machine) == before)
        wait_until(lambda: machine.run("test", "-e", PENDING, check=False).returncode == 1)
        machine.sh(f"mv {quoted} '/opt/\"'")
        refused = machine.run(
            *('/opt/"/bin/python', '/opt/"/bin/creds-setup-pam'),
            *("apply", "--confirm-within", "10m"),
            check=False,
        )
        assert (refused.returncode, "systemd runs no program" in refused.stderr) == (69, True)
        assert (sshd(machine), timers(machine)) == (before, "")
        assert machine.run("test", "-e", PENDING, check=False).returncode == 1
    finally:
        machine.sh(f"rm -rf {quoted} '/opt/\"'")


LATE = "#!/bin/sh\n/opt/systemd-run \"$@\"\necho 'no answer' >&2\nexit 1\n"


def test_a_timer_that_was_set_though_it_was_not_said_is_stopped(
    machine: Machine, before: str
) -> None:
    (machine.root / "opt/late").write_text(LATE)
    machine.sh("cp /usr/bin/systemd-run /opt; chmod +x /opt/late")
    apply_it = "creds-setup-pam apply --confirm-within 10m"
    mount = "mount --bind /opt/late /usr/bin/systemd-run"
    done = machine.run("unshare", "-m", "sh", "-c", f"{mount}; {apply_it}", check=False)
    assert (done.returncode, "no answer" in done.stderr) == (69, True), done.stderr
    assert (sshd(machine), timers(machine)) == (before, "")
    assert machine.run("test", "-e", PENDING, check=False).returncode == 1


def test_a_timer_takes_back_no_other_change_than_its_own(machine: Machine, before: str) -> None:
    machine.run("creds-setup-pam", "apply")
    late = machine.run("creds-setup-pam", "revert", "--if-pending", "creds-setup-pam-revert-1")
    assert "the change of this timer does not wait for a confirmation" in late.stderr
    assert sshd(machine) != before
    machine.run("creds-setup-pam", "revert")
    assert sshd(machine) == before


def elapse(machine: Machine) -> str:
    """Have the timer's program run now; return the name of its unit."""
    (unit,) = set(re.findall(r"(\S+)\.timer", timers(machine)))
    machine.run("systemctl", "start", "--no-block", f"{unit}.service")
    return str(unit)


def notice(machine: Machine) -> str:
    """Return what a login sees first, as pam_motd(8) shows it."""
    with machine.ssh("alice", ALICE, answers=[""]) as session:
        return " ".join(session.transcript.split())


def test_a_full_disk_does_not_delay_the_timer(machine: Machine, before: str) -> None:
    machine.sh(
        "cp -a /etc/pam.d /root/pam.d; mount -t tmpfs -o size=256k,mode=755 tmpfs /etc/pam.d;"
        " cp -a /root/pam.d/. /etc/pam.d"
    )
    try:
        machine.run("creds-setup-pam", "apply", "--confirm-within", "10m")
        machine.sh("head -c 1M /dev/zero >/etc/pam.d/.full", check=False)
        assert sshd(machine) != before
        elapse(machine)
        wait_until(lambda: sshd(machine) == before)
        wait_until(lambda: timers(machine) == "")
        assert machine.run("test", "-e", PENDING, check=False).returncode == 1
    finally:
        machine.sh("umount --lazy /etc/pam.d; rm -r /root/pam.d")
    assert "creds-setup-pam: nobody confirmed the change by root in time" in notice(machine)
    machine.run("creds-setup-pam", "apply")
    assert "nobody confirmed" not in notice(machine)


PASSED_BY = {
    "a read-only file system": (
        "mount --bind -o ro /etc/pam.d /etc/pam.d",
        "/etc/pam.d/sshd: cannot be written: Read-only file system",
        "umount /etc/pam.d",
    ),
    "an edit within our lines": (
        f"sed -i 's/pam_gnome_keyring.so *$/& debug/' {SSHD}",
        "debug: this line of ours was edited since",
        f"sed -i 's/ debug$//' {SSHD}",
    ),
    "an immutable file": (
        f"chattr +i {SSHD}",  # from outside: a container may not
        "/etc/pam.d/sshd: cannot be written: Operation not permitted",
        f"chattr -i {SSHD}",
    ),
}


def from_outside(machine: Machine, command: str) -> None:
    """Run a command on a file of the machine with more rights than the machine has."""
    *words, path = command.split()
    subprocess.run([*words, machine.root / path.lstrip("/")], check=True)


@pytest.mark.parametrize("what", PASSED_BY)
def test_a_revert_that_fails_is_repeated_and_said_at_the_next_login(
    machine: Machine, before: str, what: str
) -> None:
    spoil, told, mend = PASSED_BY[what]
    machine.run("creds-setup-pam", "apply", "--confirm-within", "10m")
    do = partial(from_outside, machine) if what == "an immutable file" else machine.sh
    do(spoil)
    try:
        unit = elapse(machine)
        wait_until(lambda: told in machine.journal("-u", unit))
        shown = notice(machine)
        assert "creds-setup-pam: nobody confirmed the change of PAM, and it could not be" in shown
        assert told in shown
        assert "systemd tries again every 10 s" in shown
        assert sshd(machine) != before
    finally:
        do(mend)
    if what != "a read-only file system":  # once is enough to wait for
        machine.run("systemctl", "restart", f"{unit}.service")
    wait_until(lambda: sshd(machine) == before, 40)
    wait_until(lambda: timers(machine) == "")
    assert "could not be reverted" not in notice(machine)


def test_an_edit_beside_our_lines_a_new_systemd_and_a_new_file_of_a_package(
    machine: Machine, before: str
) -> None:
    machine.run("creds-setup-pam", "apply", "--confirm-within", "10m")
    machine.run("systemctl", "daemon-reexec")  # as an upgrade of systemd does
    mine = "# an administrator was here\n"
    (machine.root / SSHD.lstrip("/")).write_text(mine + sshd(machine))
    elapse(machine)
    wait_until(lambda: sshd(machine) == mine + before)
    wait_until(lambda: timers(machine) == "")
    (machine.root / SSHD.lstrip("/")).write_text(before)
    machine.run("creds-setup-pam", "apply", "--confirm-within", "10m")
    packaged = f"# of a new package\n{before}"
    machine.run("sh", "-c", f"cat >{SSHD}.new && mv {SSHD}.new {SSHD}", stdin=packaged.encode())
    elapse(machine)
    wait_until(lambda: machine.run("test", "-e", PENDING, check=False).returncode == 1)
    assert sshd(machine) == packaged
    wait_until(lambda: timers(machine) == "")
    (machine.root / SSHD.lstrip("/")).write_text(before)


def test_the_timer_is_of_a_clock_that_nobody_sets(machine: Machine, before: str) -> None:
    machine.run("creds-setup-pam", "apply", "--confirm-within", "10m")
    assert sshd(machine) != before
    (unit,) = set(re.findall(r"\S+\.timer", timers(machine)))
    shown = machine.run("systemctl", "show", unit, "-p", "TimersMonotonic", "-p", "TimersCalendar")
    assert "OnActiveUSec=10min" in shown.stdout
    assert "TimersCalendar={" not in shown.stdout
    machine.run("creds-setup-pam", "revert")


KEY = ("-i", "/root/key", "-o", "PasswordAuthentication=no", "-o", "IdentitiesOnly=yes")


def test_a_login_by_key_says_what_it_does_not_show(machine: Machine, before: str) -> None:
    machine.sh(
        "test -e /root/key || ssh-keygen -q -t ed25519 -N '' -f /root/key;"
        " mkdir -p /root/.ssh; cp /root/key.pub /root/.ssh/authorized_keys"
    )
    machine.run("creds-setup-pam", "apply", "--confirm-within", "10m")
    with machine.ssh("root", None, *KEY) as session:
        refused = session.run("creds-setup-pam confirm")
        assert refused.status == 77
        shown = " ".join(refused.output.split())
        assert "this login was let in by publickey" in shown
        assert "keep the change without a test: creds-setup-pam confirm --untested" in shown
        kept = session.run("creds-setup-pam confirm --untested")
        assert (kept.status, "the change of root stays" in kept.output) == (0, True)
        assert "it is not shown that a login with a password works" in " ".join(kept.output.split())
    assert sshd(machine) != before
    assert (timers(machine), machine.run("test", "-e", PENDING, check=False).returncode) == ("", 1)


READ_ONLY = """\
[Unit]
DefaultDependencies=no
Before=creds-setup-pam-revert.service
[Service]
Type=oneshot
ExecStart=/bin/mount --bind -o ro /etc/pam.d /etc/pam.d
"""


def test_a_boot_that_cannot_take_it_back_lets_people_in_and_tries_again(
    machine: Machine, before: str
) -> None:
    units = "/etc/systemd/system"
    (machine.root / "etc/systemd/system/read-only.service").write_text(READ_ONLY)
    machine.sh(
        f"mkdir -p {units}/sysinit.target.wants; cd {units}/sysinit.target.wants;"
        " ln -s ../read-only.service ."
    )
    machine.run("creds-setup-pam", "apply", "--confirm-within", "10m")
    try:
        machine.reboot()
        assert sshd(machine) != before
        with machine.ssh("alice", ALICE, answers=[""]) as session:
            assert session.run("true").status == 0
        unit = "creds-setup-pam-revert.service"
        wait_until(lambda: "restart counter is at 1" in machine.journal("-u", unit), 40)
        told = machine.journal("-u", unit)
        assert "/etc/pam.d/sshd: cannot be written: Read-only file system" in told
        assert "it could not be reverted: it is still in place" in told
        assert sshd(machine) != before
        machine.run("umount", "/etc/pam.d")
        wait_until(lambda: sshd(machine) == before, 40)
        wait_until(lambda: machine.run("test", "-e", PENDING, check=False).returncode == 1)
    finally:
        machine.sh(
            f"umount /etc/pam.d; rm -f {units}/*/read-only.service {units}/read-only.service",
            check=False,
        )


def test_a_change_that_fails_leaves_no_timer(machine: Machine, before: str) -> None:
    machine.run("mount", "--bind", "-o", "ro", "/etc/pam.d", "/etc/pam.d")
    try:
        done = machine.run("creds-setup-pam", "apply", "--confirm-within", "10m", check=False)
    finally:
        machine.run("umount", "/etc/pam.d")
    assert done.returncode == 73, done.stderr
    assert (sshd(machine), timers(machine)) == (before, "")
    assert machine.run("test", "-e", PENDING, check=False).returncode == 1


def test_a_machine_that_goes_down_meanwhile_comes_up_with_the_old_bytes(
    machine: Machine, before: str
) -> None:
    with machine.ssh("root", ROOT) as session:
        apply(session, "10m")
    assert sshd(machine) != before
    machine.run("systemctl", "enable", "ssh.socket")  # it starts ssh.service, as on Ubuntu
    machine.reboot()
    wait_until(lambda: sshd(machine) == before)
    wait_until(lambda: machine.run("test", "-e", PENDING, check=False).returncode == 1)
    booting = machine.journal("--boot")
    assert "ordering cycle" not in booting
    reverted = booting.index("reverted /etc/pam.d/sshd")
    assert reverted < booting.index("Listening on ssh.socket")
    machine.run("systemctl", "disable", "--now", "ssh.socket")
    machine.run("systemctl", "restart", "ssh.service")
    assert "nobody confirmed the change by root in time" in notice(machine)
    assert (
        machine.sh("ls /etc/systemd/system | grep -c creds-setup-pam", check=False).stdout == "0\n"
    )
    assert "nobody confirmed the change by root" in machine.journal("-t", "creds-setup-pam")
    with machine.ssh("alice", ALICE, answers=[""]) as session:  # the hook may ask again
        assert session.run("true").status == 0


def test_a_lock_that_is_held_only_delays_the_timer(machine: Machine, before: str) -> None:
    machine.run("creds-setup-pam", "apply", "--confirm-within", "10m")
    lock = "/var/lib/creds-session/lock"
    with subprocess.Popen(machine.enter("flock", lock, "cat"), stdin=subprocess.PIPE) as holder:
        wait_until(lambda: machine.run("flock", "-n", lock, "true", check=False).returncode != 0)
        unit = elapse(machine)
        wait_until(lambda: "another run holds the lock" in machine.journal("-u", unit))
        assert sshd(machine) != before
        holder.communicate()
    state = ("systemctl", "show", "-p", "SubState", f"{unit}.service")
    wait_until(lambda: machine.run(*state).stdout == "SubState=auto-restart\n")
    machine.run("systemctl", "restart", f"{unit}.service")  # in place of waiting for ten seconds
    wait_until(lambda: sshd(machine) == before)


@pytest.mark.parametrize(
    "line",
    ["apply --confirm-within soon", "apply --confirm-within 0s", "revert --confirm-within 1m"],
)
def test_what_is_no_time_is_64(machine: Machine, before: str, line: str) -> None:
    done = machine.run("creds-setup-pam", *line.split(), check=False)
    assert (done.returncode, sshd(machine)) == (64, before)


@pytest.mark.parametrize("line", ["apply --confirm-within 1m", "apply --try alice", "confirm"])
def test_an_image_is_neither_tried_nor_waited_for(machine: Machine, line: str) -> None:
    done = machine.run("creds-setup-pam", "--root", "/opt", *line.split(), check=False)
    assert (done.returncode, "--root names another" in done.stderr) == (64, True)
