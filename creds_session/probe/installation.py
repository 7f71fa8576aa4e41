"""Find the installed programs, libpam's release and systemd's user units of this machine."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator

from creds_session.facts.distribution import has_libpam_1_5, is_debian_like, version_of
from creds_session.facts.session import DAEMON_NAME
from creds_session.facts.snapshot import FirstLoginFacts, InstallationFacts
from creds_session.pam.keyring_rules.names import MODULE
from creds_session.pam.syntax.kinds import Dialect
from creds_session.system.files.os_release import read_os_release
from creds_session.system.files.root import Root
from creds_session.system.systemd.systemctl import KEYRING_SOCKET

PACKAGES = "/var/lib/dpkg/status"
LARGEST_LIST = 1 << 26  # bytes; a desktop with 3,000 packages has about a tenth of that
MODULE_DIRECTORIES = (
    "/usr/lib/security",
    "/usr/lib64/security",
    "/lib/security",
    "/lib64/security",
)
"""The directories of libpam's modules. On SUSE 15, /lib64 is a separate directory."""
UNIT_DIRECTORIES = ("/etc/systemd/user", "/usr/lib/systemd/user", "/lib/systemd/user")
LARGEST_UNIT = 1 << 16  # bytes of a unit's drop-in
SERVES_NEW = 51  # the first version that serves a keyring created through its control socket
CONDITION = re.compile(
    rb"^[ \t]*ConditionPathExists[ \t]*=[ \t]*[^!|\s].*/keyrings/login\.keyring[ \t]*$",
    re.MULTILINE,
)


class Packages:
    """Debian's list of packages, which may have megabytes; it is read at most once."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._list: bytes | None = None

    def version(self, package: str) -> str:
        """Return a package's version, or an empty string. Raises InvalidData, NotPermitted."""
        if self._list is None:
            self._list = self._root.read(PACKAGES, limit=LARGEST_LIST) or b""
        return version_of(self._list, package)


def probe_installation(root: Root) -> InstallationFacts:
    """Return the paths of the daemon, the PAM module and sshd."""
    return InstallationFacts(
        daemon=_first(root, [f"{d}/{DAEMON_NAME}" for d in ("/usr/bin", "/usr/local/bin")]),
        pam_module=find_pam_module(root),
        sshd=_first(root, ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"]),
        os_release=read_os_release(root),
    )


def find_pam_module(root: Root) -> str | None:
    """Return the path of pam_gnome_keyring.so; libpam's directory differs by distribution."""
    return _first(root, [f"{d}/{MODULE}" for d in module_directories(root)])


def module_directories(root: Root) -> list[str]:
    """Return the directories in which libpam's modules may be, whether they exist or not."""
    multiarch = [
        f"{above}/{name}/security"
        for above in ("/usr/lib", "/lib")
        for name in fnmatch.filter(root.names(above), "*-linux-*")
    ]
    return [*multiarch, *MODULE_DIRECTORIES]


def _first(root: Root, paths: list[str]) -> str | None:
    return next((path for path in paths if root.exists(path)), None)


def probe_dialect(root: Root, packages: Packages | None = None) -> Dialect:
    """Return which libpam reads the files of this root: its release, and whether it is Debian's.

    Debian's list of packages names the version. Without that list, os-release(5) is used.
    """
    debian_version = (packages or Packages(root)).version("libpam0g")
    if debian_version:
        return Dialect.of(debian_version, debian=True)
    os_release = read_os_release(root)
    version = "1.5" if has_libpam_1_5(os_release) else "1.7"
    return Dialect.of(version, debian=is_debian_like(os_release))


def dialect_assumption(root: Root) -> str:
    """Return what ``probe_dialect`` assumed of a system of Debian's kind, or an empty string."""
    if Packages(root).version("libpam0g") or not is_debian_like(read_os_release(root)):
        return ""
    release = "before 1.6" if probe_dialect(root).has_line_limit else "1.6 or later"
    return (
        f"{PACKAGES} does not name libpam0g: assumed Debian's libpam {release}, by /etc/os-release"
    )


def probe_first_login(root: Root, packages: Packages | None = None) -> FirstLoginFacts:
    """Return whether gnome-keyring's user socket is enabled for people without a keyring."""
    units = [f"{d}/{KEYRING_SOCKET}" for d in UNIT_DIRECTORIES]
    unit = next((path for path in units if root.exists(path, last=False)), None)
    wants = [f"{d}/sockets.target.wants/{KEYRING_SOCKET}" for d in UNIT_DIRECTORIES]
    if unit is None or not any(root.exists(path, last=False) for path in wants):
        return FirstLoginFacts()
    masked = root.resolve(unit) == "/dev/null"
    serves_new = _major((packages or Packages(root)).version("gnome-keyring")) >= SERVES_NEW
    return FirstLoginFacts(unit, masked, any(_drop_ins(root)), serves_new)


def _major(version: str) -> int:
    major = version.partition(".")[0]
    return int(major) if major.isdecimal() else 0


def _drop_ins(root: Root) -> Iterator[bool]:
    """Yield for each drop-in of the socket whether it requires a keyring (systemd.unit(5))."""
    for directory in UNIT_DIRECTORIES:
        drop_ins = f"{directory}/{KEYRING_SOCKET}.d"
        for name in fnmatch.filter(root.names(drop_ins), "*.conf"):
            text = root.read(f"{drop_ins}/{name}", limit=LARGEST_UNIT) or b""
            yield CONDITION.search(text) is not None
