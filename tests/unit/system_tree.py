"""A system in a folder, as ``--root`` takes it: installed, and without our change."""

from __future__ import annotations

from pathlib import Path

from tests.unit.examples import WITHOUT_RULES

SSHD = "etc/pam.d/sshd"
PASSWD = "etc/pam.d/passwd"
UNIT = "usr/lib/systemd/user/gnome-keyring-daemon.socket"
DROP_IN = "etc/systemd/user/gnome-keyring-daemon.socket.d/creds-session.conf"
WANTS = "etc/systemd/user/sockets.target.wants/gnome-keyring-daemon.socket"
PROGRAMS = ("usr/sbin/sshd", "usr/bin/gnome-keyring-daemon", "usr/bin/systemctl")
FILES = {
    "usr/lib/x86_64-linux-gnu/security/pam_gnome_keyring.so": b"",
    UNIT: b"",
    SSHD: WITHOUT_RULES,
    PASSWD: b"password required pam_unix.so\n",
    "etc/os-release": b"ID=debian\n",
    "etc/ssh/sshd_config": b"UsePAM yes\n",
}


def make_system(directory: Path) -> Path:
    """Make the system; each of its programs fails, and leaves a file ``NAME-was-run`` beside it."""
    for name, content in FILES.items():
        _write(directory / name, content)
    for name in PROGRAMS:
        path = directory / name
        _write(path, f'#!/bin/sh\n: >"{path}-was-run"\nexit 1\n'.encode())
        path.chmod(0o755)
    (directory / WANTS).parent.mkdir(parents=True)
    (directory / WANTS).symlink_to(f"/{UNIT}")
    return directory


def snapshot(directory: Path) -> dict[str, bytes]:
    """Return the content of every file, except those of the state directory."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and "creds-session" not in path.parts
    }


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
