"""Walk each platform from the installation to the removal, with real logins by a typed password.

CREDS_PLATFORMS=write writes what was seen into docs/reference/platforms.md.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.machine.support import rootfs
from tests.machine.support.machine import Machine, booted
from tests.machine.support.platforms import (
    OF_STEPS,
    OF_VERSIONS,
    PAGE,
    PLATFORMS,
    RELEASES,
    SEEN,
    STEPS,
    Platform,
    cells,
    versions,
)

PASSWORD = "correct horse 7!"
SECRET = "s3cret of emcli"
PUT = f"printf %s '{SECRET}' | creds put emcli sysman"
GET = "creds get emcli sysman"
UNLOCK = f"printf %s '{PASSWORD}' | creds unlock --password-stdin"
PAM = "cd /etc/pam.d && stat -c '%n %a %u %g' * && sha256sum *"
LEFT = (
    "ls -d /opt/creds-session /etc/pam.d/creds-session /var/lib/creds-session"
    " /etc/profile.d/creds-session.sh* /usr/local/*bin/creds* /usr/*bin/creds*"
    " /etc/systemd/user/gnome-keyring-daemon.socket.d /etc/systemd/user/creds-session* 2>/dev/null"
)
IN_ORDER = "sshd     session   present, reached, proved safe"
LIMIT, LOGIN_LIMIT = 1200, 300  # seconds; an installation compiles Python on a busy machine
IS_WRITING = os.environ.get("CREDS_PLATFORMS") == "write"
Step = Callable[[], str]


class Walk:
    """The steps on one machine; each returns a note if the word "seen" alone would mislead."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.pristine = machine.sh(PAM).stdout
        self.installed = ""
        self.is_needed = True

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command as root, which may take long on a busy machine."""
        return self.machine.run(*command, check=check, timeout=LIMIT)

    def log_in(self, *commands: tuple[str, int, str]) -> None:
        """Log in by ssh with the typed password.

        Each command exits with this code and prints these words.
        """
        with self.machine.ssh("nina", PASSWORD, timeout=LOGIN_LIMIT) as session:
            for command, status, words in commands:
                done = session.run(command)
                assert done.status == status, f"{command} exited with {done.status}: {done.output}"
                assert words in done.output, f"{command} printed: {done.output}"

    def install(self) -> str:
        """Install from the checkout, without a network; the services of PAM stay as they are."""
        self.run("/opt/source/scripts/install", "--wheels", "/mnt/wheels")
        assert self.run("creds", "--version").stdout.startswith("creds ")
        self.machine.sh("mv /etc/pam.d/creds-session /")  # the only file that it adds
        assert self.machine.sh(PAM).stdout == self.pristine
        self.machine.sh("mv /creds-session /etc/pam.d")
        self.installed = self.machine.sh(PAM).stdout
        return SEEN

    def check(self) -> str:
        """Say whether a change is needed."""
        done = self.run("creds-setup-pam", "check", check=False)
        assert done.returncode in {0, 1}, done.stderr
        self.is_needed = done.returncode == 1
        assert (IN_ORDER in done.stdout) is not self.is_needed, done.stdout
        return SEEN if self.is_needed else f"{SEEN}: no change is needed"

    def apply(self) -> str:
        """Make the change; a second time there is nothing to do."""
        told = self.run("creds-setup-pam", "apply").stderr
        changed = self.machine.sh(PAM).stdout
        assert ("changed /etc/pam.d/sshd" in told) is self.is_needed, told
        assert (changed != self.installed) is self.is_needed
        assert "nothing to do" in self.run("creds-setup-pam", "apply").stderr
        assert self.machine.sh(PAM).stdout == changed
        self.run("creds-setup-pam", "check")
        return SEEN if self.is_needed else f"{SEEN}: nothing to change"

    def first_login(self) -> str:
        """A user who never logged in stores a secret and reads it."""
        self.machine.add_user("nina", PASSWORD)
        self.log_in((PUT, 0, ""), (GET, 0, SECRET))
        self.machine.wait_until_gone("nina", LOGIN_LIMIT)
        self.log_in((GET, 0, SECRET))
        return SEEN

    def unlock(self) -> str:
        """Unlock a locked keyring by the password."""
        self.log_in(("creds lock", 0, ""), (GET, 77, ""), (UNLOCK, 0, ""), (GET, 0, SECRET))
        return SEEN

    def doctor(self) -> str:
        """Find nothing in a session in which a secret can be read."""
        self.log_in(("creds-doctor", 0, "a secret can be read"))
        return SEEN

    def revert(self) -> str:
        """Restore PAM byte for byte; a login works as before."""
        told = self.run("creds-setup-pam", "revert").stderr
        assert ("reverted /etc/pam.d/sshd" in told) is self.is_needed, told
        assert self.machine.sh(PAM).stdout == self.installed
        self.log_in(("true", 0, ""))
        return SEEN if self.is_needed else f"{SEEN}: nothing to revert"

    def uninstall(self) -> str:
        """Apply once more, remove everything, and find PAM as it was before the installation."""
        self.run("creds-setup-pam", "apply")
        self.run("/opt/source/scripts/install", "--uninstall")
        assert self.machine.sh(LEFT, check=False).stdout == ""
        assert self.machine.sh(PAM).stdout == self.pristine
        self.log_in(("true", 0, ""))
        return SEEN


@pytest.fixture
def machine(platform: Platform) -> Iterator[Machine]:
    """A machine with nothing of this project installed, which can install without a network."""
    with booted(*platform.layers(), capability=platform.capability) as started:
        shutil.copytree(
            rootfs.wheels(platform.release), started.root / "mnt/wheels", dirs_exist_ok=True
        )
        rootfs.copy_checkout(started.root / "opt/source")
        if platform.before:
            started.sh(platform.before)
        running = {*started.run("ps", "-eo", "comm=").stdout.split()}
        assert running & {"dbus-daemon", "dbus-broker"} == {platform.bus}
        yield started


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
def test_each_step_is_as_the_page_says(platform: Platform, machine: Machine) -> None:
    walk, seen = Walk(machine), {}
    reasons = []
    for step in STEPS:
        act: Step = getattr(walk, step.replace(" ", "_"))
        try:
            seen[step] = act()
        except (AssertionError, subprocess.TimeoutExpired) as error:
            seen[step] = f"fails: {told_of(error)}"
            reasons.append(f"{step}: {error}")
            if step == "install":  # the other steps need what it installs
                break
    if IS_WRITING:
        OF_STEPS.write(platform.name, cells(seen))
        OF_VERSIONS.write(platform.name, versions(machine, platform))
    assert OF_STEPS.rows()[platform.name] == cells(seen), "\n\n".join(reasons)
    if IS_WRITING and reasons:
        pytest.fail("the page now says that steps fail:\n" + "\n\n".join(reasons))


def told_of(error: Exception) -> str:
    """Return what a cell of the table can hold of an error: its first line."""
    text = re.sub(r"\x1b\[[\d;]*m", "", str(error))  # the colours of a terminal
    told = [line for line in text.splitlines() if line.strip()] or [type(error).__name__]
    return re.sub(r"\s*\|\s*", " ", told[0])[:160]


def test_the_page_has_a_row_for_each_platform_and_no_other() -> None:
    names = [platform.name for platform in PLATFORMS]
    assert list(OF_STEPS.rows()) == names
    assert list(OF_VERSIONS.rows()) == names


def test_each_cell_says_seen_or_what_fails() -> None:
    for name, row in OF_STEPS.rows().items():
        assert len(row) == len(STEPS), name
        for cell in row:
            assert re.fullmatch(r"seen(: .+)?|fails: .+|not known", cell), f"{name}: {cell}"


def test_the_releases_are_those_that_the_tests_can_boot() -> None:
    assert set(RELEASES) == {*rootfs.RELEASES, *rootfs.AT_NIGHT}


def test_every_test_that_the_page_names_is_there() -> None:
    named = re.findall(r"tests/[\w/]+\.py", PAGE.read_text("utf-8"))
    assert "tests/machine/setup_pam/test_platforms.py" in named
    assert [name for name in named if not (rootfs.CHECKOUT / name).is_file()] == []
