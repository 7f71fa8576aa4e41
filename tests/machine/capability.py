"""Whether a machine can be booted here."""

from __future__ import annotations

import os
import shutil

PROGRAMS = ("systemd-nspawn", "mmdebstrap", "nsenter", "unshare", "setpriv", "ssh")


def why_no_machine() -> str:
    """Return why no machine can be booted here, or an empty string."""
    if os.getuid() != 0:
        return "not root"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""
