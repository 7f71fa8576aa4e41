"""Facts of a machine where all is well, to be changed in one place at a time."""

from __future__ import annotations

from creds_session.facts.collection_state import CollectionState
from creds_session.facts.machine import ClientFacts
from creds_session.facts.session import (
    BusFacts,
    Daemon,
    DaemonRole,
    KeyringFacts,
    NameOwner,
    SessionFacts,
)
from creds_session.facts.snapshot import Facts, InstallationFacts, PamFacts

NOW = 1_000_000.0
ADDRESS = "unix:path=/run/user/1000/bus"
FILE = "/home/alice/.local/share/keyrings/login.keyring"
GNOME = NameOwner(7, 1000, "gnome-keyring-d")
KWALLET = NameOwner(8, 1000, "kwalletd6")
SSHD = b"""\
auth       required     pam_unix.so
auth       [default=ignore] pam_gnome_keyring.so
account    required     pam_unix.so
password   required     pam_unix.so
password   [default=ignore] pam_gnome_keyring.so use_authtok
session    required     pam_unix.so
session    optional     pam_systemd.so
session    [default=ignore] pam_gnome_keyring.so auto_start
"""
WITHOUT_RULES = b"".join(
    line for line in SSHD.splitlines(keepends=True) if b"gnome_keyring" not in line
)


def daemon(role: DaemonRole = DaemonRole.UNIT, pid: int = 7, age: float = 60) -> Daemon:
    words = {DaemonRole.LOGIN: ("--daemonize", "--login"), DaemonRole.UNIT: ("--foreground",)}
    name = "/usr/bin/gnome-keyring-daemon"
    arguments = (name, *words.get(role, ()))
    return Daemon(pid, 1, "systemd", 1000, name, arguments, NOW - age, role)


def bus(
    owner: NameOwner | None = GNOME, login: CollectionState | None = CollectionState.UNLOCKED
) -> BusFacts:
    return BusFacts(ADDRESS, owner=owner, login=login)


def keyring(*, exists: bool | None = True, listens: bool = False) -> KeyringFacts:
    return KeyringFacts(FILE, exists, "/run/user/1000/keyring/control", listens)


WELL = Facts(
    now=NOW,
    session=SessionFacts("alice", 1000, by_ssh=True, runtime_directory="/run/user/1000"),
    bus=bus(),
    keyring=keyring(),
    daemons=(daemon(),),
    installation=InstallationFacts(
        "/usr/bin/gnome-keyring-daemon",
        "/usr/lib/security/pam_gnome_keyring.so",
        "/usr/sbin/sshd",
        "ID=debian\n",
    ),
    pam=PamFacts(files={"/etc/pam.d/sshd": SSHD}),
    client=ClientFacts(hooks=("/etc/profile.d/creds-session.sh",)),
)
