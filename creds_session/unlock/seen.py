"""A note for the login hook: this daemon's keyring was seen open, so nothing need be started.

One line in the runtime directory: pid and start time of the daemon, and the bus. The hook
compares them without starting a process. That the keyring was locked again since is left to
``creds get``, which says so.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from creds_session.system.bus import session_bus_address

NOTE = "creds-session/unlocked"
START_TIME = 19  # among the fields behind the name: the 22nd of all (proc_pid_stat(5))


def note(environ: Mapping[str, str], pid: int) -> None:
    """Note that the keyring of this daemon is open; where no note can be made, none is missed."""
    address = session_bus_address(environ, os.getuid())
    runtime = environ.get("XDG_RUNTIME_DIR")
    if not runtime or not address or any(blank in address for blank in " \t\n"):
        return
    with suppress(OSError, IndexError):
        if os.lstat(runtime).st_uid == os.getuid():
            _write(Path(runtime, NOTE), f"{pid} {start_time(pid)} {address}\n")


def start_time(pid: int) -> str:
    """Return when a process started, in clock ticks since boot. Raises OSError, IndexError."""
    text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    return text.rpartition(")")[2].split()[START_TIME]


def _write(path: Path, line: str) -> None:
    """Put a line into a file of nobody else's, at once or not at all."""
    with suppress(FileExistsError):
        path.parent.mkdir(mode=0o700)
    folder = path.parent.lstat()
    if not stat.S_ISDIR(folder.st_mode) or folder.st_uid != os.getuid():
        return
    new = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(new, flags, 0o600)
    try:
        os.write(descriptor, line.encode())
        os.replace(new, path)  # noqa: PTH105 - Path.replace is the same, and imports no less
    finally:
        os.close(descriptor)
        new.unlink(missing_ok=True)
