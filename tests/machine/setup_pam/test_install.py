"""scripts/install on a real machine, and everything gone after --uninstall."""

from __future__ import annotations

import shutil

import pytest

from creds_session.version import __version__
from tests.machine.support import rootfs
from tests.machine.support.machine import Boot, Machine

LEFT = (
    "ls -d /opt/creds-session /etc/pam.d/creds-session /var/lib/creds-session"
    " /etc/profile.d/creds-session.sh* /usr/local/*bin/creds* /usr/*bin/creds*"
    " /etc/systemd/user/creds-session* /etc/systemd/user/*.wants/creds-session* 2>/dev/null"
)
HOOK = "/etc/profile.d/creds-session.sh"
EVERYTHING = (
    "find /opt /usr/local /etc/profile.d /etc/pam.d /var/lib/creds-session -type f -o -type l"
    " | sort | xargs -d '\\n' sha256sum; ls -l /usr/local/*bin /opt/creds-session"
)
pytestmark = pytest.mark.timeout(900)  # an installation takes a minute on a busy machine
INSTALL = "/opt/source/scripts/install --wheels /mnt/wheels"


@pytest.fixture(scope="module")
def machine(boot: Boot) -> Machine:
    """A machine that can install again, without a network."""
    machine = boot("bookworm")
    shutil.copytree(rootfs.wheels("bookworm"), machine.root / "mnt" / "wheels", dirs_exist_ok=True)
    return machine


def install(machine: Machine, script: str = INSTALL) -> str:
    """Install; return the messages. On a busy machine the compiling takes more than a minute."""
    return machine.sh(script).stderr


def refused(machine: Machine, script: str, status: int, *words: str) -> None:
    before = machine.sh(EVERYTHING, check=False).stdout
    done = machine.sh(script, check=False)
    assert done.returncode == status, done.stderr
    for word in words:
        assert word in done.stderr
    assert machine.sh(EVERYTHING, check=False).stdout == before


def test_an_old_python_is_refused_before_anything_is_done(machine: Machine) -> None:
    machine.sh("printf '#!/bin/sh\\necho 3.8\\n' >/py; chmod +x /py; mkdir /pythons")
    machine.sh("mv /usr/bin/python3* /pythons; cp /py /usr/bin/python3")
    try:
        refused(machine, INSTALL, 69, "Python 3.9 or later is needed, and /usr/bin/python3 is 3.8")
    finally:
        machine.sh("mv -f /pythons/python3* /usr/bin")


def test_what_is_not_ours_is_not_overwritten(machine: Machine) -> None:
    link = "/usr/local/bin/creds"
    for theirs in (f"echo theirs >{link}", f"ln -s /bin/true {link}", f"mkdir {link}"):
        machine.sh(f"rm {link}; {theirs}")
        refused(machine, INSTALL, 73, f"{link} is there and not ours")
        machine.sh(f"rm -r {link}; ln -s /opt/creds-session/current/bin/creds {link}")


def test_it_installs_what_is_in_the_checkout_with_the_python_of_the_system(
    machine: Machine,
) -> None:
    machine.sh("mkdir -p /fake /opt/source/build/lib/creds_session; cp /py /fake/python3")
    machine.sh("touch /opt/source/build/lib/creds_session/deleted.py")
    machine.sh(f"echo '# edited' >>{HOOK}")
    before = machine.sh("find /opt/source | sort").stdout
    edited = machine.sh(f"cat {HOOK}").stdout
    assert f"{HOOK}.new" in install(machine, f"PATH=/fake:$PATH {INSTALL}")
    assert machine.sh(f"cat {HOOK}").stdout == edited
    machine.sh(f"cmp {HOOK}.new /opt/source/scripts/profile/creds-session.sh")
    assert machine.sh("find /opt/source | sort").stdout == before
    assert (
        machine.sh("find /opt/creds-session -name deleted.py; ls /tmp | grep ^tmp. || :").stdout
        == ""
    )
    assert "home = /usr/bin\n" in machine.sh("cat /opt/creds-session/current/pyvenv.cfg").stdout
    assert machine.sh("creds --version").stdout.startswith("creds ")


def test_root_s_commands_load_nothing_of_the_caller(machine: Machine) -> None:
    machine.sh("mkdir -p /evil; echo 'print(\"evil ran\")' >/evil/sitecustomize.py")
    for name in ("creds", "creds-doctor", "creds-setup-pam"):
        done = machine.sh(f"PYTHONPATH=/evil {name} --version")
        assert "evil" not in done.stdout + done.stderr
        first = machine.sh(f"head -1 /opt/creds-session/current/bin/{name}").stdout
        assert first.endswith((" -I\n", " -IS\n"))


def test_no_hook_removes_a_hook_that_nobody_edited(machine: Machine) -> None:
    machine.sh(f"mv {HOOK}.new {HOOK}; echo '# newer' >>/opt/source/scripts/profile/*.sh")
    install(machine, f"{INSTALL} --no-hook")
    assert machine.sh(f"ls {HOOK}*", check=False).stdout == ""


def test_a_timer_finds_its_release_after_an_upgrade(machine: Machine) -> None:
    """While a change waits, the release that made it stays; the next install removes it."""
    before = machine.sh("cat /etc/pam.d/sshd").stdout
    old = machine.sh("readlink /opt/creds-session/current").stdout.strip()
    machine.run("creds-setup-pam", "apply", "--confirm-within", "10m")
    told = install(machine)
    assert f"kept {old}: a change of PAM waits to be confirmed" in told
    assert "waits for confirmation until" in told
    assert machine.sh("readlink /opt/creds-session/current").stdout.strip() != old
    timer = "creds-setup-pam-revert-*.timer"
    unit = machine.run("systemctl", "list-units", "--plain", "-q", timer).stdout.split(".timer")[0]
    machine.run("systemctl", "start", "--wait", f"{unit}.service")  # as the timer does
    assert machine.sh("cat /etc/pam.d/sshd").stdout == before
    install(machine)
    assert machine.sh("ls -d /opt/creds-session/2* | wc -l").stdout == "1\n"


OLDER = r"""
rm -rf /older; cp -a /opt/source /older
sed -i 's/^__version__.*/__version__ = "0.0.9"/' /older/creds_session/version.py
sed -i 's/^version = .*/version = 0.0.9/' /older/setup.cfg
sed -i 's/^# It must never fail a login.*/# As it was./' /older/scripts/profile/*.sh
echo '# of an older version' >>/older/scripts/profile/creds-session.sh
"""
PAM = "cd /etc/pam.d; sha256sum *"


def test_an_upgrade_keeps_pam_as_it_was_changed_and_a_hook_that_was_edited(
    machine: Machine,
) -> None:
    """The older version has changed PAM and installed a unit."""
    before = machine.sh(PAM).stdout
    install(machine, f"{OLDER} rm -f {HOOK}*; /older/scripts/install --wheels /mnt/wheels")
    assert machine.run("creds", "--version").stdout == "creds 0.0.9\n"
    assert "creds hook install --unit lock" in machine.run("creds-setup-pam", "apply").stderr
    machine.run("creds", "hook", "install", "--unit", "lock")
    machine.sh(f"echo '# edited' >>{HOOK}")
    changed, edited = machine.sh(PAM).stdout, machine.run("cat", HOOK).stdout
    assert changed != before
    assert "PAM is set up already" in install(machine)
    assert machine.run("creds", "--version").stdout != "creds 0.0.9\n"
    assert machine.sh(PAM).stdout == changed
    assert machine.run("cat", HOOK).stdout == edited
    machine.sh(f"cmp {HOOK}.new /opt/source/scripts/profile/creds-session.sh")
    assert machine.sh("ls -d /opt/creds-session/2* | wc -l").stdout == "1\n"
    assert machine.run("creds-setup-pam", "check").returncode == 0
    unit = machine.run("cat", "/etc/systemd/user/creds-session-lock.service").stdout
    program = next(line for line in unit.splitlines() if "ExecStart" in line).split("=")[1].split()
    assert machine.run(program[0], "--version").stdout.startswith("creds ")
    machine.run("creds-setup-pam", "revert")
    assert machine.sh(PAM).stdout == before
    machine.sh(f"mv {HOOK}.new {HOOK}")  # for the tests that follow


def test_uninstall_needs_the_program_while_pam_is_changed(machine: Machine) -> None:
    program = "/opt/creds-session/current/bin/creds-setup-pam"
    machine.run("creds-setup-pam", "apply")
    uninstall = "/opt/source/scripts/install --uninstall"
    words = ("run scripts/install again first, then --uninstall", "nothing was removed")
    machine.sh(f"mv {program} /kept")
    refused(machine, uninstall, 69, *words)
    machine.sh(f"printf '#!/bin/sh\\nexit 1\\n' >{program}; chmod +x {program}")
    refused(machine, uninstall, 69, *words)  # as after an upgrade of the release
    machine.sh(f"mv /kept {program}; {program} revert; touch /var/lib/creds-session/pending.json")
    machine.sh(f"mv {program} /kept")
    refused(machine, uninstall, 69, *words)
    machine.sh(f"rm /var/lib/creds-session/pending.json; {uninstall}")  # nothing to revert
    assert machine.sh(LEFT, check=False).stdout == ""


def test_uninstall_reverts_pam_and_leaves_nothing(boot: Boot) -> None:
    machine = boot("bookworm")
    others = "ls /etc/pam.d/* | grep -v creds-session | xargs sha256sum"
    before = machine.sh(others).stdout
    machine.run("creds-setup-pam", "apply")
    assert machine.sh(others).stdout != before
    assert machine.sh("stat -c '%U %a' /opt/creds-session/current/bin").stdout == "root 755\n"
    machine.add_user("alice", "pw of alice")
    with machine.ssh("alice", "pw of alice") as session:  # sudo's own path has the links
        assert session.run("creds --version").output == f"creds {__version__}"
        assert session.run("ls -l /opt/creds-session | grep -c ' root root '").status == 0
        assert session.run("command -v creds-setup-pam").status == 0
        assert session.run("creds hook install --shell sh").status == 0
    for unit in ("lock", "unlock"):
        machine.run("creds", "hook", "install", "--unit", unit)
    assert "/etc/systemd/user/creds-session-lock.path" in machine.sh(LEFT, check=False).stdout
    gone = machine.run("/opt/source/scripts/install", "--uninstall")
    assert "reverted /etc/pam.d/sshd" in gone.stderr
    assert "removed the unit creds-session-lock.path" in gone.stderr
    assert "removed the unit creds-session-unlock.service" in gone.stderr
    stays = gone.stderr.partition("left in place:")[2]
    assert "/home/alice/.config/creds-session/hook.sh" in stays
    assert "the users' keyrings" in stays
    assert machine.sh(others).stdout == before
    assert machine.sh(LEFT, check=False).stdout == ""
    with machine.ssh("alice", "pw of alice") as session:
        assert session.run("command -v creds").status != 0


def test_uninstall_follows_no_link_in_place_of_the_state_directory(boot: Boot) -> None:
    machine = boot("bookworm")
    machine.sh("mkdir /srv/other; touch /srv/other/lock; ln -s /srv/other /var/lib/creds-session")
    uninstall = "/opt/source/scripts/install --uninstall"
    refused(machine, uninstall, 1, "is a symbolic link", "nothing was removed")
    machine.sh("rm /opt/creds-session/current/bin/creds-setup-pam")  # nobody can say it then
    done = machine.sh(uninstall)
    assert "kept /var/lib/creds-session: it is a symbolic link" in done.stderr
    assert machine.run("ls", "/srv/other").stdout == "lock\n"


def test_install_needs_root_and_knows_its_options(boot: Boot) -> None:
    machine = boot("trixie")
    refused = machine.sh(
        "setpriv --reuid=65534 --clear-groups sh /opt/source/scripts/install", check=False
    )
    assert refused.returncode == 77
    assert "must be run as root" in refused.stderr
    unknown = machine.run("/opt/source/scripts/install", "--frobnicate", check=False)
    assert unknown.returncode == 64
    assert machine.run("/opt/source/scripts/install", "--help").stdout.startswith("usage:")
