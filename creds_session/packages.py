"""What differs by distribution: the names of packages, and the age of libpam."""

from __future__ import annotations

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
    "user-bus": "dbus-broker",
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
    "suse": ("zypper install", {**RED_HAT, "sshd": "openssh"}),
    "arch": ("pacman -S", ARCH),
}


def install_command(what: str, os_release: str) -> str:
    """Return the command that installs a program or module, by /etc/os-release (os-release(5)).

    ``what`` is the program's or the module's file name. For a distribution that is not known the
    answer names the file alone.
    """
    for name in _names(_fields(os_release)):
        known = FAMILIES.get(name.removeprefix("opensuse-"))
        if known and what in known[1]:
            return f"{known[0]} {known[1][what]}"
    return f"install the package that has {what}"


LAST_WITH_LIBPAM_1_5 = {"amzn": 2023, "rhel": 9, "fedora": 39, "sles": 15, "suse": 15}
"""The last major release with a libpam before 1.6.0, where no package list tells (fedora 39 has
1.5.3, rhel 9 1.5.1, sles 15 1.3.0)."""


def has_libpam_1_5(os_release: str) -> bool:
    """Tell whether this release of a distribution came with a libpam before 1.6.0."""
    fields = _fields(os_release)
    major = fields.get("VERSION_ID", "").partition(".")[0]
    known = (LAST_WITH_LIBPAM_1_5.get(name) for name in _names(fields))
    last = next((last for last in known if last is not None), None)
    return last is not None and major.isdigit() and int(major) <= last


def _fields(os_release: str) -> dict[str, str]:
    lines = (line.split("=", 1) for line in os_release.splitlines() if line[:1] != "#")
    return {pair[0]: pair[1].strip().strip("\"'") for pair in lines if len(pair) > 1}


def _names(fields: dict[str, str]) -> list[str]:
    """Return the distribution's own name, then those that it says it is like."""
    return [fields.get("ID", ""), *fields.get("ID_LIKE", "").split()]
