"""List the Python packages that can be imported, and those that add backends to python-keyring.

The directories themselves are read: importlib.metadata would take as long as Python's own start.
"""

from __future__ import annotations

import os
import sys

from creds_session.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

GROUP = b"[keyring.backends]"  # of entry points (keyring/backend.py:_load_plugins)
WITHOUT_DIRECTORIES = frozenset({"distutils-precedence.pth"})  # of setuptools: for setup.py alone
METADATA = (".dist-info", ".egg-info", "EGG-INFO")


class Packages(NamedTuple):
    """The names of files and directories, and the packages with backends for python-keyring.

    ``unseen`` are archives in the path, whose contents are not known.
    """

    names: frozenset[str] = frozenset()
    backends: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


def packages() -> Packages:
    """Return the packages in the directories of Python's search path.

    ``creds`` starts without ``site``, which adds the directories that files with the ending .pth
    name (docs/decisions/0021). If there is such a file, ``site`` is run first.
    """
    found = packages_in(sys.path)
    if sys.flags.no_site and any(map(_may_add_directories, found.names)):
        import site

        site.main()
        return packages_in(sys.path)
    return found


def _may_add_directories(name: str) -> bool:
    return name.endswith(".pth") and name not in WITHOUT_DIRECTORIES


def packages_in(path: Sequence[str]) -> Packages:
    """Return the packages in these directories."""
    names: set[str] = set()
    unseen, backends = [], []
    for directory in dict.fromkeys(path):
        try:
            entries = os.listdir(directory or ".")  # pathlib is slow to load
        except NotADirectoryError:
            unseen.append(directory)
            continue
        except OSError:
            continue
        names.update(entries)
        backends += [
            entry
            for entry in entries
            if entry.endswith(METADATA)
            and not entry.startswith("keyring-")
            and _has_backends(f"{directory or '.'}/{entry}/entry_points.txt")
        ]
    return Packages(frozenset(names), tuple(sorted(backends)), tuple(unseen))


def _has_backends(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # pathlib is slow to load
            return GROUP in file.read()
    except OSError:
        return False
