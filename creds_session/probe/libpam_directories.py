"""Read from the installed libpam in which directories it looks for services.

The directories are chosen when libpam is built: distributions differ, and so do releases. libpam
has no function that returns them, but its file has the text of each, such as ``/etc/pam.d/%s``
(pam_private.h: PAM_CONFIG_DF, PAM_CONFIG_DIST_DF, PAM_CONFIG_DIST2_DF).
"""

from __future__ import annotations

from creds_session.probe.installation import module_directories
from creds_session.records import NamedTuple
from creds_session.system.files.root import Root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

LARGEST_LIBRARY: Final = 1 << 24  # bytes; libpam.so.0 has about 70,000
LONGEST_NAME: Final = 200  # bytes after the first slash; usr/share/pam/pam.d has 19
_END: Final = b"/%s\0"
_FIRST: Final = ("/etc/pam.d", "/usr/lib/pam.d")
"""The order in which libpam looks; a directory of its vendor comes after them."""


class LibpamDirectories(NamedTuple):
    """The directories in the order in which libpam looks, and the file that names them."""

    directories: tuple[str, ...]
    library: str


UNKNOWN: Final = (
    "libpam.so.0 was not found, or does not say which directories it reads: its usual directories"
    " are assumed"
)


def directories_of_services(root: Root) -> tuple[str, ...] | None:
    """Return the directories alone; see ``libpam_directories``."""
    found = libpam_directories(root)
    return found.directories if found else None


def libpam_directories(root: Root) -> LibpamDirectories | None:
    """Return the directories, or None if no libpam is found or its file does not name them.

    Raises InvalidData, NotPermitted.
    """
    for directory in module_directories(root):
        path = f"{directory.rpartition('/')[0]}/libpam.so.0"
        content = root.read(path, limit=LARGEST_LIBRARY)
        named = set(_named(content or b""))
        # The linker stores one text as the end of another one: /etc/pam.d of /usr/etc/pam.d.
        if any(directory.endswith(_FIRST[0]) for directory in named):
            named.add(_FIRST[0])
            vendors = sorted(named - set(_FIRST))
            known = [directory for directory in _FIRST if directory in named]
            return LibpamDirectories((*known, *vendors), path)
    return None


def _named(content: bytes) -> Iterator[str]:
    """Yield each text of a library that is a path and ends with ``/%s``, without that end.

    A regular expression takes ten times as long, and the doctor reads the library at each look.
    """
    end = content.find(_END)
    while end >= 0:
        start = content.rfind(b"\0", max(end - LONGEST_NAME - 2, 0), end) + 1
        text = content[start:end]
        if start and len(text) > 1 and text.startswith(b"/") and text.isascii():
            name = text.decode()
            if name.isprintable() and " " not in name:
                yield name
        end = content.find(_END, end + 1)
