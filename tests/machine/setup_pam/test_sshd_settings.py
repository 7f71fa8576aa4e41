"""What a real sshd says of itself, and what of it is heeded: addresses, Match, another service."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.machine.support.machine import Boot, Machine

pytestmark = pytest.mark.in_turn

PASSWORD = "correct horse 7!"
SETTINGS = "/etc/ssh/sshd_config.d/00-test.conf"
TYPE = ("-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=1")


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    machine = boot(request.param)
    for user in ("alice", "bob"):
        machine.add_user(user, PASSWORD)
    machine.run("creds-setup-pam", "apply")
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run("printf s3cret | creds put app me").status == 0
    return machine


@pytest.fixture
def settings(machine: Machine) -> Iterator[None]:
    yield
    configure(machine, "")


def configure(machine: Machine, text: str) -> None:
    """Give sshd these settings; a restart waits until it listens, a reload does not."""
    machine.sh(f"cat >{SETTINGS}; systemctl restart ssh", stdin=text.encode())


def findings(machine: Machine, user: str = "alice") -> dict[str, str]:
    """Return what root's doctor finds for a user, with the evidence."""
    done = machine.run("creds-doctor", "--user", user, "--json", check=False)
    found = [one for check in json.loads(done.stdout)["checks"] for one in check["findings"]]
    return {one["id"]: "\n".join(one["evidence"]) for one in found}


@pytest.mark.usefixtures("settings")
def test_a_login_over_ipv6_is_judged_by_its_own_address(machine: Machine) -> None:
    configure(
        machine,
        "ListenAddress 127.0.0.1\nListenAddress [::1]:22\nListenAddress 127.0.0.1:2222\n"
        "Match Address ::1\n  KbdInteractiveAuthentication yes\nMatch all\n",
    )
    machine.wait_until_gone("alice")  # what an earlier login started has that login's address
    with machine.ssh("alice", PASSWORD, *TYPE, "-o", "HostName=::1") as session:
        assert session.run("creds get app me").output == "s3cret"
        found = findings(machine)
        assert "addr=::1" in found["sshd-keyboard-interactive"], found
    machine.wait_until_gone("alice")
    with machine.ssh("alice", PASSWORD, *TYPE, "-p", "2222") as session:
        assert session.run("creds get app me").output == "s3cret"
        assert "sshd-keyboard-interactive" not in findings(machine)


@pytest.mark.usefixtures("settings")
def test_a_block_for_a_local_port_is_heeded(machine: Machine) -> None:
    configure(
        machine,
        "ListenAddress 127.0.0.1:22\nListenAddress 127.0.0.1:2222\n"
        "Match LocalPort 2222\n  KbdInteractiveAuthentication yes\nMatch all\n",
    )
    machine.wait_until_gone("alice")
    with machine.ssh("alice", PASSWORD, *TYPE, "-p", "2222"):
        assert "lport=2222" in findings(machine)["sshd-keyboard-interactive"]


@pytest.mark.usefixtures("settings")
def test_who_is_not_allowed_in_changes_nothing_for_the_others(machine: Machine) -> None:
    """AllowUsers is not of the password: sshd -T still answers, and alice is judged as before."""
    configure(machine, "AllowUsers alice@127.0.0.1\n")
    machine.wait_until_gone("alice")
    with machine.ssh("alice", PASSWORD, *TYPE) as session:
        assert session.run("creds get app me").output == "s3cret"
        assert not {one for one in findings(machine) if one.startswith("sshd-")}
    check = machine.run("creds-setup-pam", "check")
    assert "sshd" in check.stdout


@pytest.mark.usefixtures("settings")
def test_the_service_that_sshd_names_is_the_one_that_is_changed(machine: Machine) -> None:
    """PAMServiceName is of OpenSSH 9.8; before, the service has the program's name."""
    release = machine.sh(". /etc/os-release; echo $VERSION_CODENAME").stdout.strip()
    machine.run("creds-setup-pam", "revert")
    before = machine.sh("sha256sum /etc/pam.d/sshd").stdout
    if release == "bookworm":
        machine.sh("cp /usr/sbin/sshd /usr/sbin/second-sshd; cp /etc/pam.d/sshd /etc/pam.d/second")
        done = machine.run("creds-setup-pam", "--service", "second", "apply")
        assert "changed /etc/pam.d/second" in done.stderr
        assert machine.sh("sha256sum /etc/pam.d/sshd").stdout == before
    else:
        machine.sh("cp /etc/pam.d/sshd /etc/pam.d/second")
        configure(machine, "PAMServiceName second\n")
        done = machine.run("creds-setup-pam", "apply")
        assert "changed /etc/pam.d/second" in done.stderr
        assert machine.sh("sha256sum /etc/pam.d/sshd").stdout == before
        machine.wait_until_gone("alice")
        with machine.ssh("alice", PASSWORD, *TYPE) as session:
            assert session.run("creds get app me").output == "s3cret"
    machine.run("creds-setup-pam", "revert")
    machine.sh("rm /etc/pam.d/second /usr/sbin/second-sshd", check=False)
    configure(machine, "")
    machine.run("creds-setup-pam", "apply")
