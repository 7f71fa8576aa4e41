"""Find, watch and end the process at the far end of a unix socket."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from creds_session.system.processes.peer import peer_credentials

PATIENCE = 3.0  # seconds


@contextmanager
def listener(path: str) -> Iterator[int | None]:
    """Yield a pidfd of the process of this user that listens there, or None (pidfd_open(2)).

    It is None for a process in another pid name space, which has no pid here, and for this process.
    """
    descriptor = None
    with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        connection.connect(path)
        pid, uid = peer_credentials(connection)
        if uid == os.getuid() and pid not in {0, os.getpid()}:
            descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def await_end(pidfd: int | None, patience: float = PATIENCE) -> None:
    """Wait for the end of a process; send SIGTERM after some time, and then SIGKILL."""
    if pidfd is None:
        return
    for number in (0, signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, number)  # 0 sends no signal
        if select.select([pidfd], [], [], patience)[0]:
            return


def end_listener(path: str) -> None:
    """End the process of this user that listens there, if there is one."""
    with listener(path) as pidfd:
        if pidfd is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGTERM)
        await_end(pidfd)
