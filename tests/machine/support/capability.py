"""Whether a machine can be booted here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

PROGRAMS = ("systemd-nspawn", "mmdebstrap", "nsenter", "unshare", "setpriv", "ssh")


def why_no_machine() -> str:
    """Return why no machine can be booted here, or an empty string."""
    if os.getuid() != 0:
        return "not root"
    if not control_groups():
        return "no cgroup v2 is mounted"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


def control_groups() -> str:
    """Return where cgroup v2 is mounted, or an empty string."""
    mounts = Path("/proc/self/mountinfo").read_text("utf-8").splitlines()
    return next((line.split()[4] for line in mounts if " - cgroup2 " in line), "")
