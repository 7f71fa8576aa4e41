"""Which package brings what is missing, by the distribution's own names."""

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
    fields = dict(
        line.split("=", 1) for line in os_release.splitlines() if "=" in line and line[0] != "#"
    )
    likes = [fields.get("ID", ""), *fields.get("ID_LIKE", "").strip("\"'").split()]
    for like in likes:
        known = FAMILIES.get(like.strip("\"'").removeprefix("opensuse-"))
        if known and what in known[1]:
            return f"{known[0]} {known[1][what]}"
    return f"install the package that has {what}"
