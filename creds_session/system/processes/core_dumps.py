"""Keep a password in the memory of this process out of core files and away from other processes."""

from __future__ import annotations

import resource

PR_SET_DUMPABLE = 4  # prctl(2)


def forbid_core_dumps() -> None:
    """Forbid core files of this process, and forbid the user's other processes to trace it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def _prctl(*arguments: int) -> None:
    """Call prctl(2), for which Python has no function.

    The package ``ctypes`` makes classes of all C types when it is loaded. The module in C below it
    loads in a quarter of that time (docs/decisions/0018).
    """
    try:
        from _ctypes import call_function, dlopen, dlsym
    except ImportError:  # another Python than CPython
        import ctypes

        ctypes.CDLL(None).prctl(*arguments)
    else:
        call_function(dlsym(dlopen(None, 0), "prctl"), arguments)  # type: ignore[arg-type]
