"""Say from the names of PAM files alone whether one of them can be a vendor's newer file.

The doctor asks this at each look. What the files contain is compared only if one can be newer
(``vendor_files``), because loading the proof takes a tenth of the doctor's time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

BESIDE: Final = (".dpkg-dist", ".dpkg-new", ".ucf-dist", ".rpmnew", ".pacnew")
"""The ends of the names under which dpkg, ucf, rpm and pacman leave a newer file."""


def can_be_newer(listed: Iterable[Sequence[str]]) -> bool:
    """Return whether a name is in two directories of services, or a newer file lies beside one.

    ``listed`` has the names in each of the directories.
    """
    names = [name for directory in listed for name in directory]
    known = set(names)
    is_hidden = len(known) < len(names)
    return is_hidden or any(f"{name}{end}" in known for name in known for end in BESIDE)
