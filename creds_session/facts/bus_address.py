"""Addresses of message buses at a path (D-Bus Specification, section "Server Addresses").

Every byte of the path but a few has to be escaped as %XX: libdbus refuses an address with any
other one, such as the @ in the home of alice@corp.example.
"""

from __future__ import annotations

import re
import string

AT_PATH = "unix:path="
PLAIN = frozenset(string.ascii_letters + string.digits + "-_/.")
ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")


def address_of_path(path: str) -> str:
    """Return the address of a bus whose unix socket has this path."""
    encoded = path.encode("utf-8", "surrogateescape")
    escaped = (chr(byte) if chr(byte) in PLAIN else f"%{byte:02x}" for byte in encoded)
    return f"{AT_PATH}{''.join(escaped)}"


def path_of_address(address: str) -> str:
    """Return the path in the first of some addresses, or nothing if that has none.

    An address that somebody wrote without escapes is understood, too.
    """
    first = address.partition(";")[0].partition(",")[0]
    if not first.startswith(AT_PATH):
        return ""
    escaped = first[len(AT_PATH) :].encode("utf-8", "surrogateescape")
    path = ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), escaped)
    return path.decode("utf-8", "surrogateescape")
