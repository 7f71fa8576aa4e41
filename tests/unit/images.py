"""A small image: a root directory with just what ``creds-setup-pam --root`` looks at."""

from __future__ import annotations

from pathlib import Path

from creds_session.system.files.root import Root
from tests.unit.examples import WITHOUT_RULES

SSHD = "/etc/pam.d/sshd"
VENDOR_SSHD = "/usr/lib/pam.d/sshd"
LIBPAM = "/usr/lib/x86_64-linux-gnu/libpam.so.0"
READS_IT = b"\x7fELF\0/etc/pam.d/%s\0/usr/lib/pam.d/%s\0"
UNIT = "/usr/lib/systemd/user/gnome-keyring-daemon.socket"
WANTS = "/etc/systemd/user/sockets.target.wants/gnome-keyring-daemon.socket"
PARTS = (
    "/usr/sbin/sshd",
    "/usr/bin/gnome-keyring-daemon",
    "/usr/lib/x86_64-linux-gnu/security/pam_gnome_keyring.so",
)


def make_image(directory: Path) -> Root:
    """Make an image that needs the rules and the condition on the user socket."""
    root = Root(directory)
    for path in (*PARTS, UNIT):
        write(root, path, b"")
    write(root, SSHD, WITHOUT_RULES)
    write(root, "/etc/os-release", b"ID=debian\n")
    root.path(WANTS).parent.mkdir(parents=True)
    root.path(WANTS).symlink_to(UNIT)
    return root


def write(root: Root, path: str, content: bytes) -> None:
    """Write a file of the image, and make the directories above it."""
    root.path(path).parent.mkdir(parents=True, exist_ok=True)
    root.path(path).write_bytes(content)


def make_vendor_image(place: Path) -> Root:
    """Make an image whose libpam reads /usr/lib/pam.d, and whose sshd has its file there."""
    root = make_image(place)
    write(root, LIBPAM, READS_IT)
    write(root, VENDOR_SSHD, WITHOUT_RULES)
    root.path(SSHD).unlink()
    return root
