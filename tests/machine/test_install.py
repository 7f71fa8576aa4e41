"""scripts/install on a real machine, and everything gone after --uninstall."""

from __future__ import annotations

from tests.machine.machine import Boot

LEFT = "ls -d /opt/creds-session /etc/profile.d/creds-session.sh /usr/local/*bin/creds* 2>/dev/null"


def test_uninstall_reverts_pam_and_leaves_nothing(boot: Boot) -> None:
    machine = boot("bookworm")
    before = machine.sh("sha256sum /etc/pam.d/*").stdout
    machine.run("creds-setup-pam", "apply")
    assert machine.sh("sha256sum /etc/pam.d/*").stdout != before
    assert machine.sh("stat -c '%U %a' /opt/creds-session/current/bin").stdout == "root 755\n"
    machine.add_user("alice", "pw of alice")
    with machine.ssh("alice", "pw of alice") as session:  # sudo's own path has the links
        assert session.run("creds --version").output.startswith("creds 0.")
        assert session.run("ls -l /opt/creds-session | grep -c ' root root '").status == 0
    gone = machine.run("/opt/source/scripts/install", "--uninstall")
    assert "took back /etc/pam.d/sshd" in gone.stderr
    assert machine.sh("sha256sum /etc/pam.d/*").stdout == before
    assert machine.sh(LEFT, check=False).stdout == ""
    with machine.ssh("alice", "pw of alice") as session:
        assert session.run("command -v creds").status != 0


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
