"""What this machine has: programs, PAM files, systemd's user units, and the whole snapshot."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from creds_session.errors import CredsSessionError
from creds_session.facts import (
    DAEMON_NAME,
    BusFacts,
    Facts,
    FirstLoginFacts,
    InstallationFacts,
    PamFacts,
)
from creds_session.pam.policy import MODULE
from creds_session.pam.terms import Dialect
from creds_session.probe.session import probe_bus, probe_keyring, probe_session
from creds_session.system.bus import is_socket_of, session_bus_address
from creds_session.system.processes import bus_daemon_runs, keyring_daemons
from creds_session.system.root import Root

LIBPAM_VERSION = re.compile(
    r"^Package: libpam0g\n(?:.+\n)*?Version: (?:\d+:)?([\d.]+)", re.MULTILINE
)
PAM_DIRECTORIES = ("/etc/pam.d", "/usr/lib/pam.d", "/usr/share/pam.d")
MODULE_DIRECTORIES = ("/usr/lib/security", "/usr/lib64/security", "/lib/security")
UNIT_DIRECTORIES = ("/etc/systemd/user", "/usr/lib/systemd/user", "/lib/systemd/user")
SOCKET_UNIT = f"{DAEMON_NAME}.socket"
CONDITION = re.compile(
    rb"^[ \t]*ConditionPathExists[ \t]*=[ \t]*[^!|\s].*/keyrings/login\.keyring[ \t]*$",
    re.MULTILINE,
)


def probe(environ: Mapping[str, str], root: Root, timeout: float = 3) -> Facts:
    """Take the whole snapshot of this session; connects only to a bus that already runs."""
    uid = os.getuid()
    address = session_bus_address(environ, uid)
    reason = "nobody has used it yet, so nothing runs on it"
    bus = BusFacts(address, reason, is_idle=True)
    if address is None or bus_daemon_runs(uid) or not _may_be_idle(address, uid):
        bus = probe_bus(environ, timeout)
    daemons = keyring_daemons(uid)
    return Facts(
        now=time.time(),
        session=probe_session(environ),
        bus=bus,
        keyring=probe_keyring(environ, connect=False),
        daemons=daemons,
        installation=probe_installation(root),
        pam=probe_pam(root, "sshd"),
        first_login=probe_first_login(root),
    )


def _may_be_idle(address: str, uid: int) -> bool:
    """Tell whether the socket of this bus is there; if not, a connection starts nothing."""
    return is_socket_of(address.partition(",")[0].removeprefix("unix:path="), uid)


def probe_installation(root: Root) -> InstallationFacts:
    """Tell where the daemon, the PAM module and sshd lie."""
    return InstallationFacts(
        daemon=_first(root, [f"{d}/{DAEMON_NAME}" for d in ("/usr/bin", "/usr/local/bin")]),
        pam_module=find_pam_module(root),
        sshd=_first(root, ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"]),
        os_release=(root.read("/etc/os-release") or b"").decode(errors="replace"),
    )


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
    return Dialect.of(found.group(1), debian=True) if found else Dialect.UPSTREAM_1_7


def probe_pam(root: Root, service: str) -> PamFacts:
    """Read every PAM service file of this system: a verdict may need any of them."""
    files: dict[str, bytes] = {}
    reasons: list[str] = []
    for directory in PAM_DIRECTORIES:
        with _noted(reasons):
            for name in root.names(directory):
                with _noted(reasons):
                    content = root.read(f"{directory}/{name}")
                    if content is not None:
                        files[f"{directory}/{name}"] = content
    return PamFacts(service, files, probe_dialect(root), "; ".join(reasons))


@contextmanager
def _noted(reasons: list[str]) -> Iterator[None]:
    try:
        yield
    except (OSError, CredsSessionError) as error:
        reasons.append(str(error))


def probe_first_login(root: Root) -> FirstLoginFacts:
    """Tell whether the user socket of gnome-keyring is on for people who have no keyring yet."""
    units = [f"{d}/{SOCKET_UNIT}" for d in UNIT_DIRECTORIES]
    unit = next((path for path in units if os.path.lexists(root.place(path))), None)
    wants = [f"{d}/sockets.target.wants/{SOCKET_UNIT}" for d in UNIT_DIRECTORIES]
    if unit is None or not any(os.path.lexists(root.place(path)) for path in wants):
        return FirstLoginFacts()
    masked = root.resolve(unit) == "/dev/null"
    return FirstLoginFacts(unit, masked, any(_drop_ins(root)))


def _drop_ins(root: Root) -> Iterator[bool]:
    """Tell of each drop-in of the socket whether it asks for a login keyring (systemd.unit(5))."""
    for directory in UNIT_DIRECTORIES:
        folder = f"{directory}/{SOCKET_UNIT}.d"
        for drop_in in sorted(root.path(root.resolve(folder)).glob("*.conf")):
            text = root.read(f"{folder}/{drop_in.name}") or b""
            yield CONDITION.search(text) is not None
