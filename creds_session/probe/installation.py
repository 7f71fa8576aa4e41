"""What lies on the disk of this machine: programs, libpam's release, systemd's user units."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from creds_session.facts import FirstLoginFacts, InstallationFacts
from creds_session.packages import has_libpam_1_5
from creds_session.pam.policy import MODULE
from creds_session.pam.terms import Dialect
from creds_session.probe.init import keyring_version
from creds_session.session_facts import DAEMON_NAME
from creds_session.system.root import Root

LIBPAM_VERSION = re.compile(
    r"^Package: libpam0g\n(?:.+\n)*?Version: (?:\d+:)?([\d.]+)", re.MULTILINE
)
MODULE_DIRECTORIES = ("/usr/lib/security", "/usr/lib64/security", "/lib/security")
UNIT_DIRECTORIES = ("/etc/systemd/user", "/usr/lib/systemd/user", "/lib/systemd/user")
SOCKET_UNIT = f"{DAEMON_NAME}.socket"
SERVES_NEW = 51  # the first gnome-keyring that serves a keyring made through its control socket
CONDITION = re.compile(
    rb"^[ \t]*ConditionPathExists[ \t]*=[ \t]*[^!|\s].*/keyrings/login\.keyring[ \t]*$",
    re.MULTILINE,
)


def probe_installation(root: Root) -> InstallationFacts:
    """Tell where the daemon, the PAM module and sshd lie."""
    return InstallationFacts(
        daemon=_first(root, [f"{d}/{DAEMON_NAME}" for d in ("/usr/bin", "/usr/local/bin")]),
        pam_module=find_pam_module(root),
        sshd=_first(root, ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"]),
        os_release=_os_release(root),
    )


def _os_release(root: Root) -> str:
    return (root.read("/etc/os-release") or b"").decode(errors="replace")


def find_pam_module(root: Root) -> str | None:
    """Return where pam_gnome_keyring.so lies: libpam's own folder differs by distribution."""
    multiarch = sorted(root.path(root.resolve("/usr/lib")).glob("*-linux-*/security"))
    folders = [f"/usr/lib/{path.parent.name}/security" for path in multiarch]
    return _first(root, [f"{d}/{MODULE}" for d in [*folders, *MODULE_DIRECTORIES]])


def _first(root: Root, paths: list[str]) -> str | None:
    return next((path for path in paths if root.exists(path)), None)


def probe_dialect(root: Root) -> Dialect:
    """Tell which libpam reads the files of this root: its release, and whether Debian's."""
    status = (root.read("/var/lib/dpkg/status", limit=1 << 28) or b"").decode(errors="replace")
    found = LIBPAM_VERSION.search(status)
    if found:
        return Dialect.of(found.group(1), debian=True)
    is_old = has_libpam_1_5(_os_release(root))
    return Dialect.UPSTREAM_1_5 if is_old else Dialect.UPSTREAM_1_7


def probe_first_login(root: Root) -> FirstLoginFacts:
    """Tell whether the user socket of gnome-keyring is on for people who have no keyring yet."""
    units = [f"{d}/{SOCKET_UNIT}" for d in UNIT_DIRECTORIES]
    unit = next((path for path in units if os.path.lexists(root.place(path))), None)
    wants = [f"{d}/sockets.target.wants/{SOCKET_UNIT}" for d in UNIT_DIRECTORIES]
    if unit is None or not any(os.path.lexists(root.place(path)) for path in wants):
        return FirstLoginFacts()
    masked = root.resolve(unit) == "/dev/null"
    serves_new = _major(keyring_version(root)) >= SERVES_NEW
    return FirstLoginFacts(unit, masked, any(_drop_ins(root)), serves_new)


def _major(version: str) -> int:
    major = version.partition(".")[0]
    return int(major) if major.isdecimal() else 0


def _drop_ins(root: Root) -> Iterator[bool]:
    """Tell of each drop-in of the socket whether it asks for a login keyring (systemd.unit(5))."""
    for directory in UNIT_DIRECTORIES:
        folder = f"{directory}/{SOCKET_UNIT}.d"
        for drop_in in sorted(root.path(root.resolve(folder)).glob("*.conf")):
            text = root.read(f"{folder}/{drop_in.name}") or b""
            yield CONDITION.search(text) is not None
