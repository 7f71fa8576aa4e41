"""Find out which process and user is at the far end of a unix socket."""

from __future__ import annotations

import struct

from creds_session.system.processes.unix_socket import SO_PEERCRED, SOL_SOCKET
from creds_session.system.processes.user_ids import stands_for_strangers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from creds_session.system.processes.unix_socket import Socket

UCRED = "iII"  # struct ucred: pid_t is signed, uid_t and gid_t are not


def peer_credentials(connected: Socket) -> tuple[int, int]:
    """Return pid and uid of the far end of a unix socket (SO_PEERCRED, unix(7)).

    The uid is -1 if it cannot be known: see ``stands_for_strangers``.
    """
    packed = connected.getsockopt(SOL_SOCKET, SO_PEERCRED, struct.calcsize(UCRED))
    pid, uid, _gid = struct.unpack(UCRED, packed)
    return int(pid), -1 if stands_for_strangers(uid) else int(uid)
