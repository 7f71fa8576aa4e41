from __future__ import annotations

import pytest

from creds_session.facts.distribution import has_libpam_1_5, install_command, is_debian_like

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
        ("ID=alpine\n", "apk add gnome-keyring", "apk add openssh"),
        ("ID=photon\n", "tdnf install gnome-keyring-pam", "tdnf install openssh-server"),
    ],
)
def test_install_command_knows_the_distribution(os_release: str, module: str, sshd: str) -> None:
    assert install_command(MODULE, os_release) == module
    assert install_command("sshd", os_release) == sshd


def test_install_command_takes_several_parts_and_names_a_package_once() -> None:
    parts = ("gnome-keyring-daemon", MODULE, "sshd")
    assert install_command(parts, ARCH) == "pacman -S gnome-keyring openssh"
    assert install_command(parts, "") == f"install the packages that contain {', '.join(parts)}"


@pytest.mark.parametrize("os_release", ["", "ID=plan9\n", "ID\n=\n", "ID_LIKE=\n", "ID=Debian\n"])
def test_install_command_names_the_file_where_the_distribution_is_unknown(os_release: str) -> None:
    assert install_command(MODULE, os_release) == f"install the package that contains {MODULE}"


def test_install_command_names_the_file_where_the_package_is_unknown() -> None:
    assert install_command("xterm", DEBIAN) == "install the package that contains xterm"


def test_install_command_knows_dbus_on_arch() -> None:
    assert install_command("dbus-run-session", ARCH) == "pacman -S dbus"


@pytest.mark.parametrize(
    ("os_release", "is_old", "debian"),
    [
        ("ID=debian\nVERSION_ID=12\n", True, True),
        ("ID=debian\nVERSION_ID=13\n", False, True),
        ("ID=debian\n", False, True),  # testing and unstable have no number
        ('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n', True, True),
        ("ID=raspbian\nID_LIKE=debian\nVERSION_ID=11\n", True, True),
        ('ID="ol"\nID_LIKE="fedora"\nVERSION_ID="10.0"\n', False, False),
        ('ID="ol"\nID_LIKE="fedora"\nVERSION_ID="9.4"\n', True, False),
        ('ID=rocky\nID_LIKE="rhel centos fedora"\nVERSION_ID=10.1\n', False, False),
        ("ID=fedora\nVERSION_ID=39\n", True, False),
        ("ID=fedora\nVERSION_ID=40\n", False, False),
        ("ID=azurelinux\nVERSION_ID=3.0\n", True, False),
        ("ID=photon\nVERSION_ID=5.0\n", True, False),
        ('ID="openEuler"\nVERSION_ID="22.03"\n', True, False),
        ("ID=slackware\nVERSION_ID=15.0\n", True, False),
        ("", False, False),
    ],
)
def test_the_release_says_which_libpam_it_came_with(
    os_release: str, *, is_old: bool, debian: bool
) -> None:
    assert has_libpam_1_5(os_release) is is_old
    assert is_debian_like(os_release) is debian


@pytest.mark.parametrize(
    ("os_release", "command"),
    [
        (ROCKY, "dnf install dbus"),
        (LEAP, "zypper install dbus-1"),
        (UBUNTU, "apt install dbus-user-session"),
    ],
)
def test_install_command_knows_who_serves_the_user_bus(os_release: str, command: str) -> None:
    assert install_command("user-bus", os_release) == command
