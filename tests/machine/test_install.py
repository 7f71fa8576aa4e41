"""scripts/install on a real machine, and everything gone after --uninstall."""

from __future__ import annotations

import shutil

import pytest

from tests.machine import rootfs
from tests.machine.machine import Boot, Machine

LEFT = (
    "ls -d /opt/creds-session /etc/pam.d/creds-session /var/lib/creds-session"
    " /etc/profile.d/creds-session.sh* /usr/local/*bin/creds* 2>/dev/null"
)
HOOK = "/etc/profile.d/creds-session.sh"
EVERYTHING = (
    "find /opt /usr/local /etc/profile.d /etc/pam.d /var/lib/creds-session -type f -o -type l"
    " | sort | xargs -d '\\n' sha256sum; ls -l /usr/local/*bin /opt/creds-session"
)
INSTALL = "PIP_NO_INDEX=1 PIP_FIND_LINKS=/mnt/wheels /opt/source/scripts/install"


@pytest.fixture(scope="module")
def machine(boot: Boot) -> Machine:
    """A machine that can install anew, without a network."""
    machine = boot("bookworm")
    shutil.copytree(rootfs.wheels("bookworm"), machine.root / "mnt" / "wheels", dirs_exist_ok=True)
    return machine


def refused(machine: Machine, script: str, status: int, *words: str) -> None:
    before = machine.sh(EVERYTHING, check=False).stdout
    done = machine.sh(script, check=False)
    assert done.returncode == status, done.stderr
    for word in words:
        assert word in done.stderr
    assert machine.sh(EVERYTHING, check=False).stdout == before


def test_an_old_python_is_refused_before_anything_is_done(machine: Machine) -> None:
    machine.sh("mv /usr/bin/python3 /usr/bin/python3.kept; printf '#!/bin/sh\\necho 3.8\\n' >/py")
    machine.sh("chmod +x /py; cp /py /usr/bin/python3")
    try:
        refused(machine, INSTALL, 69, "Python 3.9 or later is needed, and /usr/bin/python3 is 3.8")
    finally:
        machine.sh("mv /usr/bin/python3.kept /usr/bin/python3")


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
    done = machine.sh(f"PATH=/fake:$PATH {INSTALL}")
    assert f"{HOOK}.new" in done.stderr
    assert machine.sh(f"cat {HOOK}").stdout == edited
    machine.sh(f"cmp {HOOK}.new /opt/source/scripts/profile/creds-session.sh")
    assert machine.sh("find /opt/source | sort").stdout == before
    assert (
        machine.sh("find /opt/creds-session -name deleted.py; ls /tmp | grep ^tmp. || :").stdout
        == ""
    )
    assert "home = /usr/bin\n" in machine.sh("cat /opt/creds-session/current/pyvenv.cfg").stdout
    assert machine.sh("creds --version").stdout.startswith("creds ")


def test_no_hook_removes_a_hook_that_nobody_edited(machine: Machine) -> None:
    machine.sh(f"mv {HOOK}.new {HOOK}; echo '# newer' >>/opt/source/scripts/profile/*.sh")
    machine.sh(f"{INSTALL} --no-hook")
    assert machine.sh(f"ls {HOOK}*", check=False).stdout == ""


def test_a_timer_finds_its_release_after_an_upgrade(machine: Machine) -> None:
    """While a change waits, the release that made it stays; the next install removes it."""
    before = machine.sh("cat /etc/pam.d/sshd").stdout
    old = machine.sh("readlink /opt/creds-session/current").stdout.strip()
    machine.run("creds-setup-pam", "apply", "--confirm-within", "10m")
    done = machine.sh(INSTALL)
    assert f"kept {old}: a change of PAM waits to be confirmed" in done.stderr
    assert machine.sh("readlink /opt/creds-session/current").stdout.strip() != old
    timer = "creds-setup-pam-revert-*.timer"
    unit = machine.run("systemctl", "list-units", "--plain", "-q", timer).stdout.split(".timer")[0]
    machine.run("systemctl", "start", "--wait", f"{unit}.service")  # as the timer does
    assert machine.sh("cat /etc/pam.d/sshd").stdout == before
    machine.sh(INSTALL)
    assert machine.sh("ls -d /opt/creds-session/2* | wc -l").stdout == "1\n"


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
        assert session.run("creds --version").output.startswith("creds 0.")
        assert session.run("ls -l /opt/creds-session | grep -c ' root root '").status == 0
    gone = machine.run("/opt/source/scripts/install", "--uninstall")
    assert "took back /etc/pam.d/sshd" in gone.stderr
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
