"""Keep a password that passes through this process out of core files and other eyes."""

from __future__ import annotations

import ctypes
import resource

PR_SET_DUMPABLE = 4  # prctl(2)


def forbid_core_dumps() -> None:
    """No core file of this process, and no other process of the user may trace it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
