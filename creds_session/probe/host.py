"""What kind of machine this is: its init, its bus services, what it keeps from programs."""

from __future__ import annotations

import fnmatch
import os
import re
import struct
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from creds_session.facts.machine import Activation, InitFacts, PolicyRefusal
from creds_session.probe.installation import package_version, probe_installation
from creds_session.probe.policy import probe_policy
from creds_session.system.files.listing import names_in
from creds_session.system.files.own_files import read_regular
from creds_session.system.files.root import Root
from creds_session.system.processes.proc import name_of

NAME = "org.freedesktop.secrets"
SERVICES = "dbus-1/services"
LARGEST = 1 << 16  # bytes of a service file
CAPABILITY = 14  # CAP_IPC_LOCK, capabilities(7)
SELINUX = "/sys/fs/selinux"
OF_SYSTEM = "system_u:"  # the SELinux user of what no person started
MODES = {"1": "enforcing", "0": "permissive"}  # security_getenforce(3)


def probe_init(root: Root, daemon: str | None) -> InitFacts:
    """Look at pid 1, the kernel, /proc's options, and the daemon's file capabilities."""
    kernel = _text("/proc/sys/kernel/osrelease").lower()
    return InitFacts(
        init=name_of(1),
        is_wsl="microsoft" in kernel,
        hides_processes=not Path("/proc/1/status").exists(),
        lacks_capability=_lacking(daemon) if daemon else "",
        keyring_version=package_version(root, "gnome-keyring"),
        selinux=(mode := selinux_mode()),
        selinux_context=_own_context() if mode else "",
    )


def selinux_mode() -> str:
    """Return ``enforcing`` or ``permissive``, or nothing where SELinux is off (selinux(8))."""
    return MODES.get(_text(f"{SELINUX}/enforce").strip(), "")


def refused_by_policy(
    init: InitFacts, daemon: str | None, environ: Mapping[str, str]
) -> tuple[PolicyRefusal, ...] | None:
    """Return what SELinux's policy refuses of a login by ssh, if it is enforced, else None."""
    if init.selinux != "enforcing":
        return None
    return probe_policy(SELINUX, daemon, init.selinux_context, environ.get("XDG_RUNTIME_DIR", ""))


def refused_to_logins(root: Root) -> tuple[PolicyRefusal, ...] | None:
    """Return what SELinux's policy refuses of a login by ssh to users like the one who asks.

    A service has no domain of users: then only sshd's part is asked. None if nothing can be asked.
    """
    context = _own_context()
    of_user = "" if context.startswith(OF_SYSTEM) else context
    runtime = f"/run/user/{os.getuid()}"  # logind's, pam_systemd(8)
    return probe_policy(SELINUX, probe_installation(root).daemon, of_user, runtime)


def _own_context() -> str:
    return _text("/proc/self/attr/current").strip("\0\n")


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def _lacking(daemon: str) -> str:
    """Name the capability that the daemon's file demands and this process may not pass on.

    execve(2) fails with EPERM for a file with the effective bit whose permitted capabilities are
    not all in the bounding set (capabilities(7)). The attribute is struct vfs_cap_data.
    """
    try:
        attribute = os.getxattr(daemon, "security.capability")
    except OSError:
        return ""
    magic, permitted = struct.unpack_from("<II", attribute)
    bounding = re.search(r"^CapBnd:\s*([0-9a-f]+)", _text("/proc/self/status"), re.MULTILINE)
    if not (magic & 1 and bounding):
        return ""
    missing = permitted & ~int(bounding.group(1), 16)
    if missing & 1 << CAPABILITY:
        return "CAP_IPC_LOCK"
    return f"{missing:#x}" if missing else ""


def probe_activations(environ: Mapping[str, str]) -> tuple[Activation, ...]:
    """Return the files by which a session bus starts a provider of secrets; the first counts.

    The folders are those of dbus-daemon(1), standard_session_servicedirs.
    """
    runtime = environ.get("XDG_RUNTIME_DIR")
    data = environ.get("XDG_DATA_HOME") or f"{environ.get('HOME', '')}/.local/share"
    shared = environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    folders = [f"{runtime}/{SERVICES}"] if runtime else []
    folders += [f"{folder}/{SERVICES}" for folder in (data, *shared.split(":"), "/usr/share")]
    found = []
    for folder in dict.fromkeys(folders):
        with suppress(OSError):
            for name in fnmatch.filter(names_in(folder, folder), "*.service"):
                path = f"{folder}/{name}"
                content = read_regular(path, LARGEST) or b""
                command = _command(content.decode(errors="replace"))
                if command is not None:
                    program = (command.split() or [""])[0]
                    found.append(Activation(path, command, os.access(program, os.X_OK)))
    return tuple(found)


def _command(text: str) -> str | None:
    """Return what a service file of the name runs, or None for one of another name."""
    told = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if told.get("Name", "").strip() != NAME:
        return None
    return told.get("Exec", "").strip()
