"""Ask the real libpam, in a child process, because libpam can crash on a bad file."""

from __future__ import annotations

import sys

from creds_session.system.processes.commands import run

PROGRAM = """
import ctypes, ctypes.util, sys
pam = ctypes.CDLL("libpam.so.0")
handle = ctypes.c_void_p()
conversation = (ctypes.c_void_p * 2)()
talk, name = ctypes.byref(conversation), sys.argv[1].encode()
code = pam.pam_start(name, b"root", talk, ctypes.byref(handle))
if code == 0:
    pam.pam_end(handle, 0)
print(code)
"""


def start_failure(service: str) -> str:
    """Call pam_start(3) for a service; return why it failed, or an empty string.

    pam_start(3) reads the service's files and loads the modules that they name. It calls no module.
    """
    done = run([sys.executable, "-I", "-c", PROGRAM, service], timeout=10)
    answer = done.output.strip()
    if not done.succeeded:
        return f"the process that asked libpam ended with {done.code}"
    return "" if answer == "0" else f"pam_start returned {answer}"
