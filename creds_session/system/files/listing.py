"""List the names in a directory, up to a limit."""

from __future__ import annotations

import os
from itertools import islice

from creds_session.errors import InvalidData

MOST_NAMES = 20_000  # of entries in one directory, each of which takes memory while it is listed


def names_in(directory: int | str, shown: object) -> list[str]:
    """Return the names in a directory, sorted: a descriptor, or a path that the caller chose.

    Raises InvalidData, which names ``shown``, if there are more than 20,000; OSError.
    """
    with os.scandir(directory) as entries:
        names = [entry.name for entry in islice(entries, MOST_NAMES + 1)]
    if len(names) > MOST_NAMES:
        raise InvalidData(f"{shown}: has more than {MOST_NAMES} entries")
    return sorted(names)
