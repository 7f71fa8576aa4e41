"""What lies on the disk of this machine: programs, libpam's release, systemd's user units."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator

from creds_session.facts.distribution import has_libpam_1_5, is_debian_like, version_of
from creds_session.facts.session import DAEMON_NAME
from creds_session.facts.snapshot import FirstLoginFacts, InstallationFacts
from creds_session.pam.keyring_rules.policy import MODULE
from creds_session.pam.syntax.terms import Dialect
from creds_session.system.files.root import Root

PACKAGES = "/var/lib/dpkg/status"
LARGEST_LIST = 1 << 26  # bytes; a desktop with 3,000 packages has about a tenth of that
MODULE_DIRECTORIES = (
    "/usr/lib/security",
    "/usr/lib64/security",
    "/lib/security",
    "/lib64/security",
)
"""/lib64 is a directory of its own on SUSE 15, where libpam's modules are there."""
UNIT_DIRECTORIES = ("/etc/systemd/user", "/usr/lib/systemd/user", "/lib/systemd/user")
LARGEST_UNIT = 1 << 16  # bytes of a unit's drop-in
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
    """Return the first of the two files that os-release(5) names, or an empty string."""
    content = root.read("/etc/os-release") or root.read("/usr/lib/os-release") or b""
    return content.decode(errors="replace")


def find_pam_module(root: Root) -> str | None:
    """Return where pam_gnome_keyring.so lies: libpam's own directory differs by distribution."""
    folders = [
        f"{above}/{name}/security"
        for above in ("/usr/lib", "/lib")
        for name in fnmatch.filter(root.names(above), "*-linux-*")
    ]
    return _first(root, [f"{d}/{MODULE}" for d in [*folders, *MODULE_DIRECTORIES]])


def _first(root: Root, paths: list[str]) -> str | None:
    return next((path for path in paths if root.exists(path)), None)


def probe_dialect(root: Root) -> Dialect:
    """Return which libpam reads the files of this root: its release, and whether Debian's.

    Debian's list of packages says it. Without that list it is assumed from os-release(5).
    """
    found = package_version(root, "libpam0g")
    if found:
        return Dialect.of(found, debian=True)
    os_release = _os_release(root)
    version = "1.5" if has_libpam_1_5(os_release) else "1.7"
    return Dialect.of(version, debian=is_debian_like(os_release))


def dialect_assumption(root: Root) -> str:
    """Return what ``probe_dialect`` assumed of a system of Debian's kind, or an empty string."""
    if package_version(root, "libpam0g") or not is_debian_like(_os_release(root)):
        return ""
    release = "before 1.6" if probe_dialect(root).has_line_limit else "1.6 or later"
    return (
        f"{PACKAGES} does not name libpam0g: assumed Debian's libpam {release}, by /etc/os-release"
    )


def package_version(root: Root, package: str) -> str:
    """Return the version of a Debian package as dpkg knows it, or nothing. Raises InvalidData."""
    return version_of(root.read(PACKAGES, limit=LARGEST_LIST) or b"", package)


def probe_first_login(root: Root) -> FirstLoginFacts:
    """Tell whether the user socket of gnome-keyring is on for people who have no keyring yet."""
    units = [f"{d}/{SOCKET_UNIT}" for d in UNIT_DIRECTORIES]
    unit = next((path for path in units if root.exists(path, last=False)), None)
    wants = [f"{d}/sockets.target.wants/{SOCKET_UNIT}" for d in UNIT_DIRECTORIES]
    if unit is None or not any(root.exists(path, last=False) for path in wants):
        return FirstLoginFacts()
    masked = root.resolve(unit) == "/dev/null"
    serves_new = _major(package_version(root, "gnome-keyring")) >= SERVES_NEW
    return FirstLoginFacts(unit, masked, any(_drop_ins(root)), serves_new)


def _major(version: str) -> int:
    major = version.partition(".")[0]
    return int(major) if major.isdecimal() else 0


def _drop_ins(root: Root) -> Iterator[bool]:
    """Tell of each drop-in of the socket whether it asks for a login keyring (systemd.unit(5))."""
    for directory in UNIT_DIRECTORIES:
        folder = f"{directory}/{SOCKET_UNIT}.d"
        for name in fnmatch.filter(root.names(folder), "*.conf"):
            text = root.read(f"{folder}/{name}", limit=LARGEST_UNIT) or b""
            yield CONDITION.search(text) is not None
