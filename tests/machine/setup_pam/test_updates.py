"""Updates of a vendor's PAM files on booted machines: seen at once, and rebased with a proof."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.machine.support import debian_packages
from tests.machine.support.debian_packages import INSTALL, NEW, Built, sh
from tests.machine.support.machine import Boot, Machine, wait_until

# An installation takes minutes on a busy host.
pytestmark = pytest.mark.timeout(1800)
RELEASES = ("bookworm", "trixie")
PASSWORD = "correct horse 7!"
UNIT = "creds-session-pam.service"
NEWER = "session optional pam_umask.so"
PUT = "printf s3cret | creds put app me"
GET = "creds get app me"
# A package with a service of its own; $1 is the version, $2 the last rule.
PACKAGE = """
package() {
    place=/mnt/made/door-$1
    mkdir -p $place/DEBIAN $place/etc/pam.d
    {
        echo 'Package: door'
        echo "Version: $1"
        echo 'Architecture: all'
        echo 'Maintainer: nobody <nobody@example.org>'
        echo 'Description: a door'
    } >$place/DEBIAN/control
    echo /etc/pam.d/door >$place/DEBIAN/conffiles
    printf '@include common-auth\\n@include common-account\\n@include common-session\\n%s\\n' "$2" \
        >$place/etc/pam.d/door
    dpkg-deb -Zgzip -z1 --build $place /mnt/made/door-$1.deb
}
package 1 'session optional pam_env.so'
package 2 'session optional pam_umask.so'
"""


@pytest.fixture(params=RELEASES)
def packaged(
    request: pytest.FixtureRequest, debian_build: Callable[[str], Built]
) -> Iterator[Machine]:
    with debian_packages.machine(request.param, debian_build(request.param).directory) as started:
        started.add_user("alice", PASSWORD)
        sh(started, NEW)
        sh(started, PACKAGE)
        yield started


@pytest.mark.nightly
def test_an_update_by_dpkg_is_checked_and_never_fails(packaged: Machine) -> None:
    first = sh(packaged, f"{INSTALL} /mnt/made/door-1.deb")
    assert "creds-setup-pam:" not in first.stderr
    packaged.run("creds-setup-pam", "--service", "door", "apply")

    # The administrator's file is kept, so the newer one waits beside it.
    update = sh(packaged, f"{INSTALL} /mnt/made/door-2.deb")
    beside = "/etc/pam.d/door.dpkg-dist"
    assert f"creds-setup-pam: /etc/pam.d/door: {beside} is newer" in update.stderr
    assert NEWER in update.stderr
    report = packaged.run(
        "creds-doctor", "--user", "alice", "--format", "prometheus", check=False
    ).stdout
    assert 'id="pam-vendor-newer"' in report

    packaged.run("creds-setup-pam", "--service", "door", "rebase")
    content = packaged.sh("cat /etc/pam.d/door").stdout
    assert NEWER in content
    assert "pam_env.so" not in content
    assert "pam_gnome_keyring.so" in content
    assert packaged.run("creds-setup-pam", "rebase", "--check").returncode == 0

    # A program that fails in any way, or that is not there, fails no package.
    for broken in ("echo exit 7", "echo kill -9 \\$\\$"):
        script = f"{{ echo '#!/bin/sh'; {broken}; }} >/usr/bin/creds-setup-pam"
        sh(packaged, f"cp -p /usr/bin/creds-setup-pam /mnt/kept; {script}")
        assert sh(packaged, f"{INSTALL} /mnt/made/door-1.deb").returncode == 0
        sh(packaged, "cp -p /mnt/kept /usr/bin/creds-setup-pam")
    assert debian_packages.state(packaged) == "installed"
    assert debian_packages.state(packaged, "door") == "installed"


@pytest.fixture(scope="module", params=RELEASES)
def machine(request: pytest.FixtureRequest, boot: Boot) -> Machine:
    settings = {"/etc/ssh/sshd_config.d/root.conf": b"PermitRootLogin yes\n"}
    booted = boot(request.param, files=settings)
    booted.add_user("alice", PASSWORD)
    booted.run("chpasswd", stdin=f"root:{PASSWORD}\n".encode())
    return booted


def messages(machine: Machine) -> str:
    return machine.journal("--unit", UNIT)


def test_the_path_unit_reports_a_newer_file_only_after_apply(machine: Machine) -> None:
    assert machine.run("systemctl", "is-active", "creds-session-pam.path").stdout == "active\n"
    machine.run("creds-setup-pam", "apply")
    machine.sh(f"{{ grep -v gnome_keyring /etc/pam.d/sshd; echo '{NEWER}'; }} >/mnt/new")
    machine.run("cp", "/mnt/new", "/etc/pam.d/sshd.dpkg-dist")
    wait_until(lambda: "/etc/pam.d/sshd.dpkg-dist is newer" in messages(machine), 60)
    machine.run("rm", "/etc/pam.d/sshd.dpkg-dist")
    machine.run("creds-setup-pam", "revert")


# In the place of sshd. The check asks `sshd -T` once for each service. The second time, which is
# after the look at the first service, this takes our lines out of the first service's file.
SLOW_UPDATE = r"""#!/bin/sh
if [ "$1" = -T ] && [ -e /mnt/first ] && [ -e /mnt/door ]; then
    cp /mnt/door /etc/pam.d/door
    rm /mnt/door
fi
[ "$1" != -T ] || touch /mnt/first
exec /usr/sbin/sshd.real "$@"
"""


def test_a_file_that_is_written_during_the_check_is_looked_at(machine: Machine) -> None:
    machine.sh("cp -p /etc/pam.d/sshd /etc/pam.d/door; cp -p /etc/pam.d/sshd /mnt/door")
    machine.run("creds-setup-pam", "--service", "sshd", "--service", "door", "apply")
    try:
        machine.sh("mv /usr/sbin/sshd /usr/sbin/sshd.real; rm -f /mnt/first")
        machine.run("tee", "/usr/sbin/sshd", stdin=SLOW_UPDATE.encode())
        machine.sh("chmod 0755 /usr/sbin/sshd; touch /etc/pam.d/door")
        wait_until(lambda: "door auth: no rule of pam_gnome_keyring" in messages(machine), 60)
        machine.sh("! test -e /mnt/door")
    finally:
        machine.sh("mv -f /usr/sbin/sshd.real /usr/sbin/sshd; rm -f /mnt/first /mnt/door")
        machine.run("creds-setup-pam", "revert", check=False)
        machine.run("rm", "-f", "/etc/pam.d/door")


def test_a_newer_file_of_a_vendor_directory_is_rebased_and_confirmed(machine: Machine) -> None:
    machine.sh("cp -p /etc/pam.d/sshd /mnt/sshd; mv /etc/pam.d/sshd /usr/lib/pam.d/sshd")
    try:
        machine.run("creds-setup-pam", "apply")
        assert "pam_gnome_keyring" in machine.sh("cat /etc/pam.d/sshd").stdout
        machine.sh(f"echo '# mine' >>/etc/pam.d/sshd; sed -i '1i {NEWER}' /usr/lib/pam.d/sshd")
        wait_until(lambda: "/usr/lib/pam.d/sshd is newer" in messages(machine), 60)

        looked = machine.run("creds-setup-pam", "rebase", "--check", check=False)
        assert looked.returncode == 1
        assert f"the vendor's file alone has: {NEWER}" in looked.stdout
        assert f"+{NEWER}" in looked.stdout
        machine.run("creds-setup-pam", "rebase", "--confirm-within", "10m")
        with machine.ssh("alice", PASSWORD) as session:
            assert session.run(f"{PUT} && {GET}").output == "s3cret"
        with machine.ssh("root", PASSWORD) as session:
            assert session.run("creds-setup-pam confirm").status == 0
        content = machine.sh("cat /etc/pam.d/sshd").stdout
        assert content.startswith(f"{NEWER}\n")
        assert "# mine" in content
        assert machine.run("creds-setup-pam", "check").returncode == 0

        # What is left is the vendor's newer file with the administrator's line.
        machine.run("creds-setup-pam", "revert")
        machine.sh("{ cat /usr/lib/pam.d/sshd; echo '# mine'; } | diff - /etc/pam.d/sshd")
    finally:
        machine.run("creds-setup-pam", "revert", check=False)
        machine.sh("rm -f /usr/lib/pam.d/sshd; cp -p /mnt/sshd /etc/pam.d/sshd")
