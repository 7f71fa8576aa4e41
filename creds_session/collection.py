"""What became of a collection of the Secret Service; apart, for ``creds get`` needs no more."""

from __future__ import annotations

import enum


class CollectionState(enum.Enum):
    """What became of a collection of the Secret Service."""

    UNLOCKED = "unlocked"
    LOCKED = "locked"
    ABSENT = "absent"
    GHOST = "ghost"


def collection_name(path: str) -> str:
    """Return what tells a collection from others: the last part of its path."""
    return path.rpartition("/")[2]
