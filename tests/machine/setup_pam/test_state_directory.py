"""The state directory of a running system is refused if others may have made what is in it."""

from __future__ import annotations

import pytest

from tests.machine.support.machine import Boot, Machine

SSHD = "/etc/pam.d/sshd"
STATE = "/var/lib/creds-session"
COMMANDS = ("apply", "apply --confirm-within 10m", "revert", "confirm")


@pytest.fixture(scope="module")
def machine(boot: Boot) -> Machine:
    booted = boot("bookworm")
    booted.add_user("alice", "pw of alice")
    booted.run("creds-setup-pam", "apply")
    booted.run("cp", "-p", "/etc/pam.d/su", "/root/su")
    return booted


def everything(machine: Machine) -> str:
    """Return what is in the state directory, in what a link there leads to, and in sshd's file."""
    found = f"find {STATE}* /var/lib/elsewhere /etc/systemd/system -printf '%p %y %m %U %l %T@\\n'"
    timers = "systemctl list-units --all --plain -q 'creds-setup-pam-revert-*'"
    return machine.sh(f"{found} 2>&1 | sort; sha256sum {SSHD}; {timers}", check=False).stdout


@pytest.mark.parametrize(
    ("spoil", "mend", "told"),
    [
        (
            f"mv {STATE} /var/lib/elsewhere; ln -s elsewhere {STATE}",
            f"rm {STATE}; mv /var/lib/elsewhere {STATE}",
            f"{STATE}: is a symbolic link, not a directory",
        ),
        (
            f"mv {STATE}/checkpoints /var/lib/elsewhere; ln -s ../elsewhere {STATE}/checkpoints",
            f"rm {STATE}/checkpoints; mv /var/lib/elsewhere {STATE}/checkpoints",
            f"{STATE}/checkpoints: is a symbolic link, not a directory",
        ),
        (
            f"chown alice {STATE}",
            f"chown root {STATE}",
            f"{STATE}: belongs to user id 1000, so it is not trusted",
        ),
        (
            f"chmod 777 {STATE}",
            f"chmod 700 {STATE}",
            f"{STATE}: users other than its owner can write to it",
        ),
        (
            f"mv {STATE}/lock {STATE}/lock.kept; mknod {STATE}/lock c 1 3",
            f"rm {STATE}/lock; mv {STATE}/lock.kept {STATE}/lock",
            f"{STATE}/lock: is a device, not a regular file",
        ),
    ],
)
def test_it_is_refused_and_nothing_changes(
    machine: Machine, spoil: str, mend: str, told: str
) -> None:
    machine.sh(spoil)
    before = everything(machine)
    for command in COMMANDS:
        if command == "confirm" and "checkpoints" in told:
            continue  # it has no use for them
        done = machine.run("creds-setup-pam", *command.split(), check=False)
        assert (done.returncode, told in done.stderr) == (65, True), (command, done.stderr)
        assert everything(machine) == before, command
    machine.sh(mend)


def test_it_is_used_again_once_it_is_in_order(machine: Machine) -> None:
    assert "reverted /etc/pam.d/sshd" in machine.run("creds-setup-pam", "revert").stderr
    assert machine.run("ls", "-A", f"{STATE}/checkpoints").stdout == ""


ON_ANOTHER_DISK = """
mkdir -p /run/disk/lib/dpkg
cp /var/lib/dpkg/status /run/disk/lib/dpkg # it tells which libpam this is
mount -t tmpfs -o mode=755 tmpfs /var
ln -s /run/disk/lib /var/lib
{spoil}
creds-setup-pam --service su apply
code=$?
find /run/disk -name checkpoints
exit $code
"""


@pytest.mark.parametrize(
    ("spoil", "code", "told"),
    [
        (":", 0, "changed /etc/pam.d/su"),
        ("chown -h alice /var/lib", 65, "/var/lib: is a symbolic link, not a directory"),
        ("chmod 777 /run/disk", 65, "/var/lib: is a symbolic link, not a directory"),
        ("chmod 777 /run/disk/lib", 65, "/var/lib: is a symbolic link, not a directory"),
    ],
)
def test_a_link_above_it_is_followed_if_only_root_decides_where_it_leads(
    machine: Machine, spoil: str, code: int, told: str
) -> None:
    before = everything(machine)
    script = ON_ANOTHER_DISK.format(spoil=spoil)
    try:
        done = machine.run("unshare", "-m", "sh", "-c", script, check=False)
        assert (done.returncode, told in done.stderr) == (code, True), done.stderr
        assert done.stdout == ("/run/disk/lib/creds-session/checkpoints\n" if code == 0 else "")
    finally:
        machine.sh("rm -r /run/disk; cp -p /root/su /etc/pam.d/su")
    assert everything(machine) == before


def test_an_ordinary_user_checks_a_machine_that_was_changed(machine: Machine) -> None:
    machine.run("creds-setup-pam", "apply")
    done = machine.run("runuser", "-u", "alice", "--", "creds-setup-pam", "check", check=False)
    assert (done.returncode, "sshd     session   present, reached" in done.stdout) == (0, True), (
        done
    )
