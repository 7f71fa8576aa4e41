"""Know what differs by distribution: the names of packages, and the age of libpam."""

from __future__ import annotations

import re
from collections.abc import Sequence

from creds_session.records import NamedTuple

DEBIAN = {
    "gnome-keyring-daemon": "gnome-keyring",
    "pam_gnome_keyring.so": "libpam-gnome-keyring",
    "sshd": "openssh-server",
    "dbus-run-session": "dbus",
    "user-bus": "dbus-user-session",
}
RED_HAT = {
    "gnome-keyring-daemon": "gnome-keyring",
    "pam_gnome_keyring.so": "gnome-keyring-pam",
    "sshd": "openssh-server",
    "dbus-run-session": "dbus-daemon",
    "user-bus": "dbus",
}
"""dbus requires the bus that serves users there: dbus-daemon or dbus-broker (dbus.spec)."""
SUSE = {
    **RED_HAT,
    "sshd": "openssh",
    "dbus-run-session": "/usr/bin/dbus-run-session",
    "user-bus": "dbus-1",
}
"""dbus-run-session is in dbus-1, since 1.14.6 in dbus-1-daemon (dbus-1.spec): zypper finds it."""
ALPINE = {
    "gnome-keyring-daemon": "gnome-keyring",
    "pam_gnome_keyring.so": "gnome-keyring",
    "sshd": "openssh",
    "dbus-run-session": "dbus",
}
ARCH = {
    "gnome-keyring-daemon": "gnome-keyring",
    "pam_gnome_keyring.so": "gnome-keyring",
    "sshd": "openssh",
    "dbus-run-session": "dbus",
    "user-bus": "dbus",
}
FAMILIES = {
    "debian": ("apt install", DEBIAN),
    "ubuntu": ("apt install", DEBIAN),
    "fedora": ("dnf install", RED_HAT),
    "rhel": ("dnf install", RED_HAT),
    "suse": ("zypper install", SUSE),
    "arch": ("pacman -S", ARCH),
    "alpine": ("apk add", ALPINE),
    "azurelinux": ("tdnf install", RED_HAT),
    "mariner": ("tdnf install", RED_HAT),
    "openEuler": ("dnf install", RED_HAT),
    "photon": ("tdnf install", RED_HAT),
}


_NIXOS = "install it by the NixOS configuration: {}.enable = true, then nixos-rebuild switch"
_GUIX = "install it by the Guix System configuration: {}, then guix system reconfigure"
OF_STORES = {
    "nixos": {
        **dict.fromkeys(
            ("gnome-keyring-daemon", "pam_gnome_keyring.so"),
            _NIXOS.format("services.gnome.gnome-keyring"),
        ),
        "sshd": _NIXOS.format("services.openssh"),
    },
    "guix": {
        **dict.fromkeys(
            ("gnome-keyring-daemon", "pam_gnome_keyring.so"),
            _GUIX.format("gnome-keyring-service-type"),
        ),
        "sshd": _GUIX.format("openssh-service-type"),
    },
}
"""Distributions whose programs lie in a store, under names that only their configuration knows."""


def is_of_store(os_release: str) -> bool:
    """Return whether a distribution keeps its programs in a store: no usual path has them."""
    return not OF_STORES.keys().isdisjoint(_names(_fields(os_release)))


class InstallStep(NamedTuple):
    """How to install programs or modules: in words, and as a command for root if there is one."""

    text: str
    command: tuple[str, ...] = ()


def install_step(what: str | Sequence[str], os_release: str) -> InstallStep:
    """Return how to install programs or modules, by /etc/os-release (os-release(5)).

    ``what`` is the file name of a program or a module, or several of them. For a distribution that
    is not known, and for one that installs by its configuration alone, the step has no command.
    """
    parts = [what] if isinstance(what, str) else what
    for name in _names(_fields(os_release)):
        of_store = OF_STORES.get(name, {})
        if of_store.keys() >= set(parts):
            return InstallStep("; ".join(dict.fromkeys(of_store[part] for part in parts)))
        known = FAMILIES.get(name.removeprefix("opensuse-"))
        if known and known[1].keys() >= set(parts):
            packages = dict.fromkeys(known[1][part] for part in parts)  # each once, in order
            command = (*known[0].split(" "), *packages)
            return InstallStep(" ".join(command), command)
    if len(parts) > 1:
        return InstallStep(f"install the packages that contain {', '.join(parts)}")
    return InstallStep(f"install the package that contains {parts[0]}")


def install_command(what: str | Sequence[str], os_release: str) -> str:
    """Return the same as text: the command, or what to install if no command is known."""
    return install_step(what, os_release).text


LAST_WITH_LIBPAM_1_5 = {
    "amzn": 2023,
    "azurelinux": 3,
    "fedora": 39,
    "mariner": 2,
    "ol": 9,
    "openEuler": 22,
    "photon": 5,
    "rhel": 9,
    "slackware": 15,
    "sles": 15,
    "suse": 15,
}
"""The last major release with a libpam before 1.6.0, if no package list says it (fedora 39 has
1.5.3, rhel 9 1.5.1, sles 15 1.3.0, azurelinux 3 1.5.3, photon 5 1.5.2, openEuler 22.03 1.5.2,
slackware 15 1.5.2). Oracle Linux is like fedora by its own word, and counts as
rhel."""
LAST_DEBIAN_WITH_LIBPAM_1_5 = {"debian": 12, "ubuntu": 24}
"""debian 12 has 1.5.2, debian 13 1.7.0, ubuntu 24.04 1.5.3."""


VERSION = re.compile(rb"^Version: (?:\d{1,9}:)?([\d.]{1,40})", re.MULTILINE)


def version_of(status: bytes, package: str) -> str:
    """Return the upstream version that dpkg's status file has of a package, or nothing.

    The fields are those of deb-control(5); the epoch and Debian's revision are left out. No byte
    is looked at more than a few times, whatever the file holds.
    """
    wanted = re.compile(b"^Package: " + re.escape(package.encode()) + b"$", re.MULTILINE)
    end = 0
    for name in wanted.finditer(status):
        if name.start() < end:  # of the stanza that was looked at already
            continue
        end = status.find(b"\n\n", name.end())
        end = len(status) if end < 0 else end
        found = VERSION.search(status, name.end(), end)
        if found:
            return found.group(1).decode()
    return ""


def conffile_digest(status: bytes, path: str) -> str:
    """Return the MD5 digest that dpkg's status file has of a package's conffile, or nothing.

    It is the digest of the file that the package brought (deb-conffiles(5)), in hexadecimal.
    """
    wanted = b"^ " + re.escape(path.encode()) + rb" ([0-9a-f]{32})$"
    found = re.search(wanted, status, re.MULTILINE)
    return found.group(1).decode() if found else ""


def has_libpam_1_5(os_release: str) -> bool:
    """Return whether this release of a distribution came with a libpam before 1.6.0."""
    known = {**LAST_WITH_LIBPAM_1_5, **LAST_DEBIAN_WITH_LIBPAM_1_5}
    fields = _fields(os_release)
    major = fields.get("VERSION_ID", "").partition(".")[0]
    last = next((known[name] for name in _names(fields) if name in known), None)
    return last is not None and major.isdigit() and int(major) <= last


def is_debian_like(os_release: str) -> bool:
    """Return whether a distribution is Debian or says that it is like Debian."""
    return not LAST_DEBIAN_WITH_LIBPAM_1_5.keys().isdisjoint(_names(_fields(os_release)))


def _fields(os_release: str) -> dict[str, str]:
    lines = (line.split("=", 1) for line in os_release.splitlines() if line[:1] != "#")
    return {pair[0]: pair[1].strip().strip("\"'") for pair in lines if len(pair) > 1}


def _names(fields: dict[str, str]) -> list[str]:
    """Return the distribution's own name, then those that it says it is like."""
    return [fields.get("ID", ""), *fields.get("ID_LIKE", "").split()]
