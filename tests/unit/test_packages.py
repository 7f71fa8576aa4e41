from __future__ import annotations

import pytest

from creds_session.packages import install_command

DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\n'
UBUNTU = 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n'
MINT = "ID=linuxmint\nID_LIKE='ubuntu debian'\n"
FEDORA = "# a comment=1\n\nID=fedora\n"
ROCKY = 'ID="rocky"\nID_LIKE="rhel centos fedora"\n'
LEAP = 'ID="opensuse-leap"\nID_LIKE="suse opensuse"\n'
TUMBLEWEED = 'ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n'
ARCH = "ID=arch\n"
MODULE = "pam_gnome_keyring.so"


@pytest.mark.parametrize(
    ("os_release", "module", "sshd"),
    [
        (DEBIAN, "apt install libpam-gnome-keyring", "apt install openssh-server"),
        (UBUNTU, "apt install libpam-gnome-keyring", "apt install openssh-server"),
        (MINT, "apt install libpam-gnome-keyring", "apt install openssh-server"),
        (FEDORA, "dnf install gnome-keyring-pam", "dnf install openssh-server"),
        (ROCKY, "dnf install gnome-keyring-pam", "dnf install openssh-server"),
        (LEAP, "zypper install gnome-keyring-pam", "zypper install openssh"),
        (TUMBLEWEED, "zypper install gnome-keyring-pam", "zypper install openssh"),
        (ARCH, "pacman -S gnome-keyring", "pacman -S openssh"),
    ],
)
def test_install_command_knows_the_distribution(os_release: str, module: str, sshd: str) -> None:
    assert install_command(MODULE, os_release) == module
    assert install_command("sshd", os_release) == sshd


@pytest.mark.parametrize("os_release", ["", "ID=plan9\n", "ID\n=\n", "ID_LIKE=\n", "ID=Debian\n"])
def test_install_command_names_the_file_where_the_distribution_is_unknown(os_release: str) -> None:
    assert install_command(MODULE, os_release) == f"install the package that has {MODULE}"


def test_install_command_names_the_file_where_the_package_is_unknown() -> None:
    assert install_command("xterm", DEBIAN) == "install the package that has xterm"


def test_install_command_knows_dbus_on_arch() -> None:
    assert install_command("dbus-run-session", ARCH) == "pacman -S dbus"
