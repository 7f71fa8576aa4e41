"""The state of a collection of the Secret Service, and the keyring file that it stands for.

This module stands apart, because ``creds get`` needs no more than this.
"""

from __future__ import annotations

import enum


class CollectionState(enum.Enum):
    """The state of a collection of the Secret Service."""

    UNLOCKED = "unlocked"
    LOCKED = "locked"
    ABSENT = "absent"
    GHOST = "ghost"


class KeyringForm(enum.Enum):
    """What the file of a keyring contains (gkm-secret-binary.c, gkm-secret-textual.c)."""

    SEALED = "encrypted"
    PLAIN = "not encrypted"
    EMPTY = "empty"
    BROKEN = "not a keyring"
    ABSENT = "absent"
    UNKNOWN = "unknown"

    @property
    def is_damaged(self) -> bool:
        """Return whether gnome-keyring reads no keyring from such a file."""
        return self in {KeyringForm.EMPTY, KeyringForm.BROKEN}


COLLECTIONS = "/org/freedesktop/secrets/collection/"


def path_of_collection(name: str) -> str:
    """Return the path of the collection whose keyring file has this name."""
    plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    encoded = (chr(code) if chr(code) in plain else f"_{code:02x}" for code in name.encode())
    return f"{COLLECTIONS}{''.join(encoded)}"


def collection_name(path: str) -> str:
    """Return the name of a collection, as the name of its keyring file has it.

    The last part of the path is that name, in which every byte but ASCII letters and digits is
    written as ``_`` and two hexadecimal digits (gkd-secret-util.c; KeePassXC does the same).
    """
    encoded = path.rpartition("/")[2]
    if "_" not in encoded:
        return encoded
    import re  # `creds get` of an ordinary keyring does without

    def byte(found: re.Match[bytes]) -> bytes:
        return bytes([int(found[1], 16)])

    return re.sub(rb"_([0-9a-f]{2})", byte, encoded.encode()).decode(errors="replace")
