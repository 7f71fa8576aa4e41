"""Show a notice to everybody who logs in, and to everybody who is logged in now.

pam_motd(8) shows the files of /run/motd.d at each login, also by ssh. /run is empty after a boot,
and has space when the disks are full. wall(1) shows a message to everybody who is logged in.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from creds_session.errors import CredsSessionError
from creds_session.system.files.replace import (
    Attributes,
    make_directory,
    read_if_there,
    remove,
    replace,
)
from creds_session.system.processes.commands import run

PLACE = Path("/run/motd.d/creds-session")


def post(lines: tuple[str, ...], place: Path = PLACE, *, is_urgent: bool = True) -> None:
    """Show these lines at each login from now on, and once now if they are urgent.

    This never raises: the subject of the notice matters more than the notice.
    """
    text = "".join(f"{line}\n" for line in lines).encode(errors="backslashreplace")
    with suppress(OSError, CredsSessionError):
        if read_if_there(place) == text:
            return
        make_directory(place.parent, 0o755)
        replace(place, text, Attributes(0o644, os.geteuid(), os.getegid(), ()))
    if is_urgent:
        run(["wall", "\n".join(lines)])


def withdraw(place: Path = PLACE) -> None:
    """Remove the notice. This never raises."""
    with suppress(OSError, CredsSessionError):
        remove(place)
