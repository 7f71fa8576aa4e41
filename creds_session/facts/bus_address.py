"""Addresses of message buses at a path (D-Bus Specification, section "Server Addresses").

Every byte of the path but a few has to be escaped as %XX: libdbus refuses an address with any
other one, such as the @ in the home of alice@corp.example.
"""

from __future__ import annotations

AT_PATH = "unix:path="


def address_of_path(path: str) -> str:
    """Return the address of a bus whose unix socket has this path."""
    encoded = path.encode("utf-8", "surrogateescape")
    escaped = (chr(byte) if _is_plain(byte) else f"%{byte:02x}" for byte in encoded)
    return f"{AT_PATH}{''.join(escaped)}"


def path_of_address(address: str) -> str:
    """Return the path in the first of some addresses, or nothing if that has none.

    An address that somebody wrote without escapes is understood, too.
    """
    first = address.partition(";")[0].partition(",")[0]
    if not first.startswith(AT_PATH):
        return ""
    return _unescaped(first[len(AT_PATH) :])


def socket_of_address(address: str) -> str:
    """Return what connect(2) takes for the first unix socket that an address names.

    The name of an abstract socket begins with a NUL character (unix(7)). Raises ValueError if the
    address names no socket.
    """
    for place in address.split(";"):
        transport, _, keys = place.partition(":")
        values = dict(key.partition("=")[::2] for key in keys.split(","))
        if transport == "unix" and values.get("abstract"):
            return "\0" + _unescaped(values["abstract"])
        if transport == "unix" and values.get("path"):
            return _unescaped(values["path"])
    raise ValueError("the address names no unix socket")


def _is_plain(byte: int) -> bool:
    character = chr(byte)
    return (character.isascii() and character.isalnum()) or character in "-_/."


def _unescaped(value: str) -> str:
    if "%" not in value:
        return value
    import re  # the path of an ordinary session has no such byte

    def byte(found: re.Match[bytes]) -> bytes:
        return bytes([int(found[1], 16)])

    encoded = value.encode("utf-8", "surrogateescape")
    return re.sub(rb"%([0-9A-Fa-f]{2})", byte, encoded).decode("utf-8", "surrogateescape")
