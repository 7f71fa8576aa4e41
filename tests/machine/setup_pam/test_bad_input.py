"""Bad input: one clear line, the contract's exit code, and nothing changed."""

from __future__ import annotations

import pytest

from tests.elf import with_illegal_first_instruction
from tests.machine.support.machine import Boot, Machine

SSHD = "/etc/pam.d/sshd"
CONTENTS = (
    "find /etc/pam.d /etc/systemd/user -type f -printf '%p %m %U\\n' -exec sha256sum {} + | sort"
)


@pytest.fixture(scope="module")
def machine(boot: Boot) -> Machine:
    booted = boot("bookworm")
    booted.add_user("alice", "pw of alice")
    return booted


def tree(machine: Machine) -> str:
    return machine.sh("find /etc/pam.d /etc/systemd/user -printf '%p %m %T@ %i\\n' | sort").stdout


def refused(machine: Machine, code: int, *words: str, command: str = "apply") -> None:
    before = tree(machine)
    done = machine.run("creds-setup-pam", *command.split(), check=False)
    assert done.returncode == code, done
    assert all(word in done.stderr for word in words), done.stderr
    assert "Traceback" not in done.stderr
    assert tree(machine) == before


def test_no_such_service(machine: Machine) -> None:
    refused(machine, 66, "no PAM service 'nosuch'", command="--service nosuch apply")


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("auth requierd pam_unix.so", "sshd:56"),
        ("auth [success=1 pam_unix.so", "sshd:56"),
        ("athu required pam_unix.so", "sshd:56:1"),
        ("auth required", "sshd:56"),
    ],
)
def test_a_file_that_libpam_would_refuse(machine: Machine, line: str, place: str) -> None:
    machine.sh(f"cp -p {SSHD} /root/sshd; echo '{line}' >> {SSHD}")
    try:
        refused(machine, 65, place)
        refused(machine, 65, place, command="diff")
    finally:
        machine.sh(f"cp -p /root/sshd {SSHD}")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/usr/sbin/sshd", ("sshd is not installed", "apt install openssh-server")),
        ("/usr/bin/gnome-keyring-daemon", ("gnome-keyring-daemon", "apt install gnome-keyring")),
        ("/usr/lib/*/security/pam_gnome_keyring.so", ("apt install libpam-gnome-keyring",)),
    ],
)
def test_a_part_is_missing(machine: Machine, path: str, words: tuple[str, ...]) -> None:
    machine.sh(f"for f in {path}; do mv $f $f.away; done")
    try:
        refused(machine, 69, *words)
    finally:
        machine.sh(f"for f in {path}.away; do mv $f ${{f%.away}}; done")


def test_a_module_that_ends_the_process_that_loads_it(machine: Machine) -> None:
    """The rules are proved from their text; only libpam finds out. With them nobody gets in."""
    (module,) = (machine.root / "usr/lib").glob("*/security/pam_gnome_keyring.so")
    # Debian's package names its module there, for passwd; today's sshd shall not load it.
    machine.sh(
        "cp -p /etc/pam.d/common-password /root; sed -i /pam_gnome/d /etc/pam.d/common-password"
    )
    good, before = module.read_bytes(), machine.sh(CONTENTS).stdout
    module.write_bytes(with_illegal_first_instruction(good))
    try:
        done = machine.run("creds-setup-pam", "apply", check=False)
        assert (done.returncode, "libpam refuses sshd: " in done.stderr) == (65, True), done
        assert "was reverted" in done.stderr
        assert machine.sh(CONTENTS).stdout == before
        assert "nothing to revert" in machine.run("creds-setup-pam", "revert").stderr
        with machine.ssh("alice", "pw of alice") as session:
            assert session.run("true").status == 0
    finally:
        module.write_bytes(good)
        machine.sh("cp -p /root/common-password /etc/pam.d/common-password")


def test_not_root(machine: Machine) -> None:
    before = tree(machine)
    with machine.ssh("alice", "pw of alice") as session:
        done = session.run("creds-setup-pam apply || /usr/local/sbin/creds-setup-pam apply")
        assert done.status == 77, done
        assert "changing PAM requires root" in done.output
        for words in ("revert", "--service sshd apply --skip-root", "confirm"):
            done = session.run(f"/usr/local/sbin/creds-setup-pam {words}")
            assert f"run it as root: sudo creds-setup-pam {words}" in done.output
        done = session.run("creds-doctor --user root")
        assert "run it as root: sudo creds-doctor --user root" in done.output
        assert session.run("/usr/local/sbin/creds-setup-pam check").status == 1
    assert tree(machine) == before


def test_a_symbolic_link_and_a_hard_link(machine: Machine) -> None:
    machine.sh(f"cp -p {SSHD} /root/sshd; mv {SSHD} /opt/sshd; ln -s /opt/sshd {SSHD}")
    refused(machine, 65, "a symbolic link to /opt/sshd")
    machine.sh(f"rm {SSHD}; ln /opt/sshd {SSHD}")
    refused(machine, 65, "has 2 names")
    machine.sh(f"rm /opt/sshd {SSHD}; cp -p /root/sshd {SSHD}")


def test_no_bus_and_no_daemon(machine: Machine) -> None:
    machine.run("loginctl", "terminate-user", "alice", check=False)
    machine.wait_until_gone("alice")
    for command in ("creds get a b", "creds unlock"):
        done = machine.sh(f"setpriv --reuid=alice --clear-groups {command}", check=False)
        assert done.returncode == 69, done
        assert "no session bus" in done.stderr
        assert "creds env --start" in done.stderr


def test_root_does_not_unlock_a_users_keyring(machine: Machine) -> None:
    done = machine.sh("HOME=/home/alice SUDO_USER=alice creds unlock", check=False)
    assert done.returncode == 64, done
    assert "run it as alice: creds unlock" in done.stderr


def test_usage(machine: Machine) -> None:
    for command in ("creds", "creds frobnicate", "creds-setup-pam frobnicate", "creds-doctor x"):
        done = machine.sh(command, check=False)
        assert done.returncode == 64, done
        assert "usage:" in done.stderr
