"""Describe the machine: its init, its kernel, its SELinux policy, the daemon's capabilities."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Mapping
from pathlib import Path

from creds_session.facts.machine import InitFacts, PolicyRefusal
from creds_session.probe.installation import Packages, probe_installation
from creds_session.probe.policy import probe_policy
from creds_session.system.files.root import Root
from creds_session.system.processes.proc import name_of
from creds_session.system.processes.user_ids import usual_runtime_directory

CAPABILITY = 14  # CAP_IPC_LOCK, capabilities(7)
SELINUX = "/sys/fs/selinux"
OF_SYSTEM = "system_u:"  # the SELinux user of processes that no person started
ENFORCING = "enforcing"
MODES = {"1": ENFORCING, "0": "permissive"}  # security_getenforce(3)


def probe_init(daemon: str | None, packages: Packages) -> InitFacts:
    """Return what pid 1 is, and what the kernel, /proc and SELinux allow the daemon to do."""
    kernel = _text("/proc/sys/kernel/osrelease").lower()
    return InitFacts(
        init=name_of(1),
        is_wsl="microsoft" in kernel,
        hides_processes=not Path("/proc/1/status").exists(),
        lacks_capability=_lacking(daemon) if daemon else "",
        keyring_version=packages.version("gnome-keyring"),
        selinux=(mode := selinux_mode()),
        selinux_context=_own_context() if mode else "",
    )


def selinux_mode() -> str:
    """Return ``enforcing`` or ``permissive``, or an empty string if SELinux is off (selinux(8))."""
    return MODES.get(_text(f"{SELINUX}/enforce").strip(), "")


def refused_by_policy(
    init: InitFacts, daemon: str | None, environ: Mapping[str, str]
) -> tuple[PolicyRefusal, ...] | None:
    """Return what the SELinux policy refuses of an ssh login, or None if it is not enforced."""
    if init.selinux != ENFORCING:
        return None
    return probe_policy(SELINUX, daemon, init.selinux_context, environ.get("XDG_RUNTIME_DIR", ""))


def refused_to_logins(root: Root) -> tuple[PolicyRefusal, ...] | None:
    """Return what the SELinux policy refuses of an ssh login for users like the one who runs this.

    A service does not run in a domain of users: then only the part of sshd is checked. Returns None
    if nothing can be checked.
    """
    context = _own_context()
    of_user = "" if context.startswith(OF_SYSTEM) else context
    runtime = usual_runtime_directory(os.getuid())
    return probe_policy(SELINUX, probe_installation(root).daemon, of_user, runtime)


def _own_context() -> str:
    return _text("/proc/self/attr/current").strip("\0\n")


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def _lacking(daemon: str) -> str:
    """Return the capability that the daemon's file requires and this process cannot give it.

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
