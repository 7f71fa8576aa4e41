"""Which Python packages can be imported here, and which of them bring backends of keyring's.

Read from the folders themselves: importlib.metadata costs as much as Python's own start.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

GROUP = b"[keyring.backends]"  # of entry points (keyring/backend.py:_load_plugins)
METADATA = (".dist-info", ".egg-info", "EGG-INFO")


class Packages(NamedTuple):
    """``names`` are those of files and folders; ``backends`` of what has backends of keyring's.

    ``unseen`` are archives in the path: what lies in them is not known.
    """

    names: frozenset[str] = frozenset()
    backends: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


def packages(path: Sequence[str]) -> Packages:
    """Look into the folders where Python looks."""
    names: set[str] = set()
    unseen, backends = [], []
    for folder in dict.fromkeys(path):
        try:
            entries = os.listdir(folder or ".")  # names, and pathlib costs
        except NotADirectoryError:
            unseen.append(folder)
            continue
        except OSError:
            continue
        names.update(entries)
        backends += [
            entry
            for entry in entries
            if entry.endswith(METADATA)
            and not entry.startswith("keyring-")
            and _has_backends(f"{folder or '.'}/{entry}/entry_points.txt")
        ]
    return Packages(frozenset(names), tuple(sorted(backends)), tuple(unseen))


def _has_backends(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # pathlib costs
            return GROUP in file.read()
    except OSError:
        return False
