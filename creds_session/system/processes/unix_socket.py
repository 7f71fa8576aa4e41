"""Python's own sockets, without its module ``socket``.

That module gives each constant of the system a name in an enumeration, and loads ``enum`` and
``selectors`` for it, which takes as long as Python's own start (docs/decisions/0018). ``_socket``
is the part in C below that module. The class and the constants have been there since Python 2.
"""

from __future__ import annotations

from _socket import AF_UNIX, SO_PEERCRED, SOCK_STREAM, SOL_SOCKET
from _socket import socket as Socket  # noqa: N812 - a class
from _socket import timeout as SocketTimeout  # noqa: N812 - TimeoutError since Python 3.10

__all__ = ["AF_UNIX", "SOCK_STREAM", "SOL_SOCKET", "SO_PEERCRED", "Socket", "SocketTimeout"]
