"""Images that are built as docs/how-to/images.md says: booted, the first login reads a secret."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import recipes
from tests.machine.support import images, rootfs
from tests.machine.support.machine import Boot, Machine, booted

RELEASE = "trixie"
PASSWORD = "correct horse 7!"
PUT = "printf s3cret | creds put app me"
GET = "creds get app me"
STORE = "printf s3cret | secret-tool store --label=x service app username me"
LOOK_UP = "secret-tool lookup service app username me"
pytestmark = pytest.mark.timeout(900)


def first_login(machine: Machine, put: str = PUT, get: str = GET) -> None:
    """Expect that a new user's first login stores a secret, and that the second one reads it."""
    machine.add_user("nina", PASSWORD)
    for commands in ((put, get), (get,)):
        with machine.ssh("nina", PASSWORD) as session:
            done = [session.run(command) for command in commands]
            assert [one.status for one in done] == [0] * len(commands), done
            assert done[-1].output == "s3cret"
        machine.wait_until_gone("nina")


def test_a_bootc_image_has_the_change_in_usr(
    installation: Callable[[str], list[Path]], tmp_path: Path
) -> None:
    layers = installation(RELEASE)
    layer = images.built(layers, tmp_path, images.run_lines("example/bootc-with-creds-session"))
    with booted(layer, *layers) as machine:
        assert machine.sh("ls /etc/pam.d/sshd", check=False).returncode != 0
        assert "pam_gnome_keyring" in machine.sh("cat /usr/lib/pam.d/sshd").stdout
        assert machine.sh("ls -d /etc/systemd/user/*.d", check=False).stdout == ""
        first_login(machine)
        assert machine.run("creds-setup-pam", "check").returncode == 0
        refused = machine.run("creds-setup-pam", "apply", "--vendor", check=False)
        assert refused.returncode == 64
        assert "this machine is running" in refused.stderr


@pytest.mark.nightly
def test_a_containerfile_changes_pam(
    installation: Callable[[str], list[Path]], tmp_path: Path
) -> None:
    layers = installation(RELEASE)
    script = images.run_lines("FROM debian:trixie\nRUN apt-get update")
    assert script == "creds-setup-pam apply && creds-setup-pam check"
    with booted(images.built(layers, tmp_path, script), *layers) as machine:
        first_login(machine)


@pytest.mark.nightly
def test_an_image_in_a_directory_is_changed_from_outside(tmp_path: Path) -> None:
    """Nothing of this project is installed in it."""
    base = rootfs.root_file_system(RELEASE)
    script = recipes.block(images.PAGE, "creds-setup-pam --root /mnt/image check")
    script = script.replace("image diff", "image diff || [ $? = 1 ]")
    with booted(images.changed_from_outside([base], tmp_path, script), base) as machine:
        first_login(machine, STORE, LOOK_UP)


@pytest.mark.nightly
def test_cloud_init_changes_pam_at_the_first_boot(boot: Boot) -> None:
    config = recipes.block(images.PAGE, "#cloud-config")
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"],
        input=PASSWORD,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    seed = "/var/lib/cloud/seed/nocloud"
    files = {
        f"{seed}/user-data": config.replace("HASH", f'"{hashed}"').encode(),
        f"{seed}/meta-data": b"instance-id: first\n",
        "/etc/cloud/cloud.cfg.d/90-source.cfg": b"datasource_list: [NoCloud]\n",
    }
    machine = boot(RELEASE, packages=("cloud-init",), files=files)
    waited = machine.run("cloud-init", "status", "--wait", "--long", timeout=300, check=False)
    assert "status: done" in waited.stdout, waited
    with machine.ssh("alice", PASSWORD) as session:
        assert session.run(f"{PUT} && {GET}").output == "s3cret"
    assert machine.run("creds-setup-pam", "check").returncode == 0
