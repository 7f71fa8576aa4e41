"""Unix sockets: which user owns one, and which process listens on one."""

from __future__ import annotations

import os
import stat

from creds_session.system.processes.peer import peer_credentials
from creds_session.system.processes.unix_socket import AF_UNIX, SOCK_STREAM, Socket
from creds_session.system.processes.user_ids import stands_for_strangers

LISTENS = b"00010000"  # __SO_ACCEPTCON, in the column Flags


def is_socket_of(path: str, uid: int) -> bool:
    """Return whether this path is a socket (not a link to one) that this user owns.

    Returns False if the owner cannot be known: see ``stands_for_strangers``.
    """
    try:
        status = os.lstat(path)
    except OSError:
        return False
    if stands_for_strangers(status.st_uid):
        return False
    return stat.S_ISSOCK(status.st_mode) and status.st_uid == uid


def is_listening(path: str) -> bool:
    """Return whether a process listens on a unix socket, without a connection to it.

    Use this only if no connection may be made because it could start a service (creds-doctor,
    ``creds unlock --explain``). The kernel lists only the sockets of this network name space
    (proc_pid_net(5), unix), so this returns False for a socket that is served from another one.
    """
    return listeners(path) > 0


def listeners(path: str) -> int:
    """Return how many sockets with this path have a listener, also if the file was replaced."""
    directory, name = os.path.split(os.fsencode(path))
    wanted, count = os.path.realpath(directory), 0
    with open("/proc/net/unix", "rb") as listed:  # line by line: the list may be long
        for line in listed:
            # Num RefCount Protocol Flags Type St Inode Path
            fields = line.rstrip(b"\n").split(None, 7)
            its_directory, its_name = os.path.split(b"".join(fields[7:]))
            if (fields[3], its_name, its_directory[:1]) != (LISTENS, name, b"/"):
                continue
            if os.path.realpath(its_directory) == wanted:
                count += 1
    return count


def peer_at(path: str) -> tuple[int, int] | None:
    """Return pid and uid of the process that bound a socket, or None if it refuses a connection.

    For a socket of systemd this is systemd, and the connection starts its service. The pid of a
    process in another pid name space is 0.
    """
    connection = Socket(AF_UNIX, SOCK_STREAM)
    try:
        connection.settimeout(1)
        connection.connect(path)
        return peer_credentials(connection)
    except OSError:
        return None
    finally:
        connection.close()
