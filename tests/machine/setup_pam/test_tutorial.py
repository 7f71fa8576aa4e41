"""The tutorial, typed as it stands there, on a machine where nothing of it is installed.

The machine has no network: apt has the packages in its cache, pip finds the Python packages in a
directory, and git finds the repository below /srv in place of the address in the tutorial.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import recipes
from tests.machine.support import rootfs
from tests.machine.support.login import Login
from tests.machine.support.machine import Boot, Machine
from tests.machine.support.typist import end_all, pam_files, typed

TUTORIAL = "docs/tutorial/first-secret.md"
PASSWORD, TOKEN = "pw of alice", "my-first-token"
GIT = """[url "/srv/checkout"]
    insteadOf = https://git.example.org/creds-session.git
[safe]
    directory = *
"""
FILES = {
    "/etc/gitconfig": GIT.encode(),
    "/etc/pip.conf": b"[global]\nno-index = true\nfind-links = /srv/wheels\n",
}
SLOW = 400  # seconds; packages are installed
ALLOWED = {0, 1, 77}
ROOT_SHELL = "sudo -i"
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(
    request: pytest.FixtureRequest, boot: Boot, tmp_path_factory: pytest.TempPathFactory
) -> Machine:
    machine = boot(request.param, is_bare=True, files=FILES)
    assert machine.sh("command -v git gnome-keyring-daemon", check=False).stdout == ""
    shutil.copytree(rootfs.wheels(request.param), machine.root / "srv/wheels")
    checkout = tmp_path_factory.mktemp("checkout")
    commit_checkout(checkout)
    shutil.copytree(checkout, machine.root / "srv/checkout", symlinks=True)
    machine.run("chmod", "-R", "a+rX", "/srv")
    machine.add_user("alice", PASSWORD)
    machine.run("usermod", "-aG", "sudo", "alice")
    machine.sh("echo 127.0.0.1 $(hostname) >>/etc/hosts")  # sudo asks for this machine's address
    assert machine.run("id", "-u", "alice").stdout == "1000\n"  # as in the tutorial
    return machine


def commit_checkout(place: Path) -> None:
    """Commit the checkout's files to a repository in this directory."""
    rootfs.copy_checkout(place)
    own = ("git", "-C", str(place), "-c", "user.name=x", "-c", "user.email=x@example.org")
    for words in (("init", "-q"), ("add", "--all"), ("commit", "-q", "--message=x")):
        subprocess.run([*own, *words], check=True, capture_output=True)


def follow(session: Login, step: recipes.Step) -> None:
    """Type a command, and compare what it prints with what the tutorial shows."""
    answers = (TOKEN, TOKEN) if " put " in step.command else ()
    done = typed(session, step.command, *answers, sudo=PASSWORD)
    shown = step.printed or ("…" if step.command.startswith("sudo apt-get") else "")
    if not recipes.is_as_shown(done.output, shown):
        pytest.fail(f"{step.command} should show\n{shown}\nand shows\n{done.output[-4000:]}")
    assert done.status in ALLOWED, done


def test_the_tutorial(machine: Machine) -> None:
    before = pam_files(machine)
    other: Login | None = None
    with contextlib.ExitStack() as terminals:
        for steps in recipes.logins(TUTORIAL):
            with machine.ssh("alice", PASSWORD, timeout=SLOW) as session:
                session.run("stty cols 80")
                for step in steps:
                    if step.command == ROOT_SHELL:
                        other = terminals.enter_context(machine.ssh("alice", PASSWORD))
                        other.enter(ROOT_SHELL, PASSWORD)
                    else:
                        follow(session, step)
        assert other is not None
        assert other.run("id -u").output == "0"
    end_all(machine, "alice")
    left = machine.sh("ls -A /home/alice; ls -d /opt/creds* /var/lib/creds*", check=False).stdout
    assert "creds" not in left
    assert "token.sh" not in left
    assert machine.sh("command -v creds creds-doctor creds-setup-pam", check=False).stdout == ""
    assert pam_files(machine) == before
