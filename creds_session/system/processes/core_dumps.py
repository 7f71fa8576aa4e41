"""Keep a password in the memory of this process out of core files and away from other processes."""

from __future__ import annotations

import ctypes
import resource

PR_SET_DUMPABLE = 4  # prctl(2)


def forbid_core_dumps() -> None:
    """Forbid core files of this process, and forbid the user's other processes to trace it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
