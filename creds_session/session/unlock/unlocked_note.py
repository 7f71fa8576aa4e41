"""Write a note for the login hook which says that a daemon's keyring was unlocked.

The note is one line in the runtime directory: the pid and the start time of the daemon, and the
address of the bus. The hook compares them without starting a process. ``creds lock`` removes the
note. If another program locks the keyring, the note stays, and ``creds get`` reports the locked
keyring.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress

from creds_session.facts.session import LOCKED_BY_US, REFUSED
from creds_session.system.bus.address import session_bus_address
from creds_session.system.processes.proc import stat_of

NOTE = "creds-session/unlocked"


def note(environ: Mapping[str, str], pid: int) -> None:
    """Note that the keyring of the daemon with this pid is unlocked; ignore all errors.

    Without a note, the hook starts ``creds unlock``, which finds the keyring unlocked.
    """
    address = session_bus_address(environ, os.getuid())
    runtime = environ.get("XDG_RUNTIME_DIR")
    for name in (REFUSED, LOCKED_BY_US) if runtime else ():
        with suppress(OSError):
            os.unlink(f"{runtime}/{name}")
    if not runtime or not address or any(blank in address for blank in " \t\n"):
        return
    with suppress(OSError):
        if os.lstat(runtime).st_uid == os.getuid():
            _write(f"{runtime}/{NOTE}", f"{pid} {start_time(pid)} {address}\n")


def forget(environ: Mapping[str, str]) -> None:
    """Remove the note, because the keyring is locked again; ignore all errors.

    Another note tells creds-doctor that the user has locked it.
    """
    runtime = environ.get("XDG_RUNTIME_DIR")
    with suppress(OSError):
        if runtime and os.lstat(runtime).st_uid == os.getuid():
            _write(f"{runtime}/{LOCKED_BY_US}", "")
            os.unlink(f"{runtime}/{NOTE}")


def note_refusal(environ: Mapping[str, str]) -> None:
    """Note for creds-doctor that the keyring refused a password in this session; ignore errors."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    with suppress(OSError):
        if runtime and os.lstat(runtime).st_uid == os.getuid():
            _write(f"{runtime}/{REFUSED}", "")


def start_time(pid: int) -> str:
    """Return when a process started, in clock ticks since boot. Raises ProcessLookupError."""
    stat = stat_of(pid)
    if stat is None:
        raise ProcessLookupError(f"process {pid} has ended")
    return str(stat.start_ticks)


def _write(path: str, line: str) -> None:
    """Write a line to a file in a directory of this user, completely or not at all."""
    folder, _, name = path.rpartition("/")
    with suppress(FileExistsError):
        os.mkdir(folder, mode=0o700)
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        return
    new = f"{folder}/.{name}.{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(new, flags, 0o600)
    try:
        os.write(descriptor, line.encode())
        os.replace(new, path)
    finally:
        os.close(descriptor)
        with suppress(FileNotFoundError):
            os.unlink(new)
