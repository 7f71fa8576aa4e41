"""The platforms that nightly runs boot, and their tables in docs/reference/platforms.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.machine.support import rootfs
from tests.machine.support.machine import Machine

PAGE = rootfs.CHECKOUT / "docs/reference/platforms.md"
STEPS = (
    *("install", "check", "apply", "first login", "unlock"),
    *("doctor", "revert", "uninstall"),
)
RELEASES = {
    "bullseye": "Debian 11",
    "bookworm": "Debian 12",
    "trixie": "Debian 13",
    "forky": "Debian testing (forky)",
    "sid": "Debian unstable (sid)",
}
# The file of Debian 11's keyring daemon demands this capability (capabilities(7)), which a machine
# of its own has, and which systemd-nspawn takes away.
CAPABILITIES = {"bullseye": "CAP_IPC_LOCK"}
NO_PROFILE = "pam-auth-update --package --remove gnome-keyring"
"""Since version 51.1-2, Debian's gnome-keyring itself sets up PAM by a profile for every login."""
SEEN = "seen"
VERSIONS = {
    "libpam": "dpkg-query -W -f '${Version}' libpam0g",
    "gnome-keyring": "dpkg-query -W -f '${Version}' gnome-keyring",
    "systemd": "dpkg-query -W -f '${Version}' systemd",
    "OpenSSH": "dpkg-query -W -f '${Version}' openssh-server",
    "Python": "python3 -c 'import platform; print(platform.python_version())'",
    "message bus": "dpkg-query -W -f '${Package} ${Version}' BUS",
}


class Platform(NamedTuple):
    """A release of Debian with one message bus; ``before`` is a command that changes it first."""

    release: str
    bus: str = "dbus-daemon"
    before: str = ""

    @property
    def name(self) -> str:
        """The name of its test, and of its row."""
        return f"{self.release}-no-profile" if self.before else f"{self.release}-{self.bus}"

    @property
    def title(self) -> str:
        """Its name for a reader of the page."""
        without = ", PAM profile of gnome-keyring removed" if self.before else ""
        return f"{RELEASES[self.release]}, {self.bus}{without}"

    @property
    def capability(self) -> str:
        """What ``booted`` gives the machine."""
        return CAPABILITIES.get(self.release, "")

    def layers(self) -> Iterator[Path]:
        """Yield what to boot from, the topmost first; each is made on first use."""
        base = rootfs.root_to_boot(self.release)
        if self.bus == "dbus-broker":
            yield rootfs.with_packages(self.release, rootfs.DBUS_BROKER, base)
        yield base


PLATFORMS = (
    *(Platform(release, bus) for release in RELEASES for bus in ("dbus-daemon", "dbus-broker")),
    *(Platform(release, before=NO_PROFILE) for release in ("forky", "sid")),
)


def versions(machine: Machine, platform: Platform) -> tuple[str, ...]:
    """Return the upstream version of each part that is installed."""
    bus = "dbus" if platform.bus == "dbus-daemon" else platform.bus
    asked = (command.replace("BUS", bus) for command in VERSIONS.values())
    return tuple(_upstream(machine.sh(command).stdout.strip()) for command in asked)


def _upstream(version: str) -> str:
    """Return a Debian version without epoch, revision and suffix, such as ``10.0p1``."""
    name, _, number = version.rpartition(" ")
    number = re.sub(r"^\d+:", "", number).rpartition("-")[0] or number
    return f"{name} {re.split(r'[+~]', number)[0]}".strip()


class Table(NamedTuple):
    """A table of the page: a row for each platform, whose last cell is the platform's name."""

    heading: tuple[str, ...]

    @property
    def head(self) -> str:
        """The first two lines of the table."""
        cells = ("platform", *self.heading, "test")
        return f"| {' | '.join(cells)} |\n{'|---' * len(cells)}|\n"

    def rows(self) -> dict[str, tuple[str, ...]]:
        """Return the cells of each row on the page, without title and name."""
        _, _, text = PAGE.read_text("utf-8").partition(self.head)
        lines = text.partition("\n\n")[0].splitlines()
        split = ([cell.strip() for cell in line.strip("|").split(" | ")] for line in lines)
        return {cells[-1].strip("`"): tuple(cells[1:-1]) for cells in split}

    def write(self, name: str, cells: tuple[str, ...]) -> None:
        """Write the row of a platform into the page, in the order of PLATFORMS."""
        before, head, text = PAGE.read_text("utf-8").partition(self.head)
        assert head, f"{PAGE} has no table that begins with\n{self.head}"
        rows = {**self.rows(), name: cells}
        told = "".join(
            f"| {platform.title} | {' | '.join(rows[platform.name])} | `{platform.name}` |\n"
            for platform in PLATFORMS
            if platform.name in rows
        )
        _, gap, after = text.partition("\n\n") if rows else ("", "\n\n", text)
        PAGE.write_text(f"{before}{head}{told.rstrip()}{gap}{after}", "utf-8")


OF_STEPS = Table(STEPS)
OF_VERSIONS = Table(tuple(VERSIONS))


def cells(seen: Mapping[str, str]) -> tuple[str, ...]:
    """Return the row of what a walk has seen; a step that it did not reach is not known."""
    return tuple(seen.get(step, "not known") for step in STEPS)
