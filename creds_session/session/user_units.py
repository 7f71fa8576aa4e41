"""Units of the user manager: lock the keyrings at the last logout, or unlock at its start.

For one person in his own folder, for root in /etc/systemd/user and for everybody
(systemd.unit(5), UNIT FILE LOAD PATH). systemd itself enables and disables them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from creds_session.errors import Unavailable
from creds_session.system.files.replace import (
    Attributes,
    make_directory,
    read_if_there,
    remove,
    replace,
)
from creds_session.system.systemd.systemctl import systemctl

UNITS: Mapping[str, tuple[str, ...]] = {
    "lock": ("creds-session-lock.path", "creds-session-lock.service"),
    "unlock": ("creds-session-unlock.service",),
}
"""What belongs to each; the first is the one that is enabled."""
EVERYBODY = Path("/etc/systemd/user")
COMMAND = re.compile(rb"\bcreds (?=lock|unlock)")


def folder(environ: Mapping[str, str]) -> Path:
    """Return where units of the caller's lie: root's are everybody's."""
    if os.getuid() == 0:
        return EVERYBODY
    config = environ.get("XDG_CONFIG_HOME") or Path(environ["HOME"], ".config")
    return Path(config, "systemd/user")


def install(what: str, source: Path, place: Path, program: str) -> list[Path]:
    """Put the units there, enable them, start them; return the files that changed.

    ``program`` is the command's own path: a user manager has no PATH of a person's. Raises
    CannotWrite, InvalidData, Unavailable.
    """
    changed = []
    make_directory(place, 0o755)
    for name in UNITS[what]:
        text = (source / name).read_bytes()
        text = COMMAND.sub(lambda _: os.fsencode(program) + b" ", text)
        if read_if_there(place / name) != text:
            replace(place / name, text, Attributes(0o644, os.getuid(), os.getgid(), ()))
            changed.append(place / name)
    if place == EVERYBODY:
        _systemctl("--global", "enable", UNITS[what][0])
    else:
        _systemctl("--user", "daemon-reload")
        _systemctl("--user", "enable", "--now", UNITS[what][0])
    return changed


def uninstall(what: str, place: Path) -> list[Path]:
    """Disable the units, and take them away; return the files that are gone."""
    there = [place / name for name in UNITS[what] if read_if_there(place / name) is not None]
    if not there:
        return []
    if place == EVERYBODY:
        _systemctl("--global", "disable", UNITS[what][0])
    else:
        _systemctl("--user", "disable", "--now", UNITS[what][0])
    for path in there:
        remove(path)
    return there


def _systemctl(*arguments: str) -> None:
    done = systemctl(*arguments, timeout=10, environment=os.environ)
    if not done.succeeded:
        raise Unavailable(
            f"systemctl {' '.join(arguments)} failed: {done.errors.strip()}",
            hint="a user manager must run: log in by ssh or at the console (su starts none)",
        )
