"""Install units: lock the keyrings at the last logout, unlock them at the first login, check PAM.

The first two are units of the user manager, and the third is a unit of the system. A person's units
are in their own configuration directory. Root's units are in /etc/systemd/user and apply to
everybody (systemd.unit(5), UNIT FILE LOAD PATH). The system's are in /etc/systemd/system. systemctl
enables and disables them.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from creds_session.errors import CannotWrite, NotPermitted, Unavailable
from creds_session.system.files.replace import (
    Attributes,
    make_directory,
    read_if_there,
    remove,
    replace,
)
from creds_session.system.processes.own_program import path_for_root_later
from creds_session.system.systemd.systemctl import systemctl

UNITS: Mapping[str, tuple[str, ...]] = {
    "lock": ("creds-session-lock.path", "creds-session-lock.service"),
    "unlock": ("creds-session-unlock.service",),
    "pam": ("creds-session-pam.path", "creds-session-pam.service"),
}
"""The unit files of each choice; the first unit is enabled."""
EVERYBODY = Path("/etc/systemd/user")
SYSTEM = Path("/etc/systemd/system")
PROGRAMS: Mapping[str, str] = {"lock": "creds", "unlock": "creds", "pam": "creds-setup-pam"}
"""The program that each choice runs."""
COMMAND = re.compile(rb"\bcreds(?: (?=lock|unlock)|-setup-pam (?=check))")
BOOTED = Path("/run/systemd/system")
TIMEOUT = 10.0  # seconds for one call of systemctl


def folder(environ: Mapping[str, str], what: str = "lock") -> Path:
    """Return the directory for the caller's units; root's units apply to everybody.

    Raises NotPermitted if the unit is one of the system, and the caller is not root.
    """
    if os.getuid() == 0:
        return SYSTEM if what == "pam" else EVERYBODY
    if what == "pam":
        raise NotPermitted("this unit is one of the system, and requires root", root_may=True)
    config = environ.get("XDG_CONFIG_HOME") or Path(environ["HOME"], ".config")
    return Path(config, "systemd/user")


def program_of(what: str) -> str:
    """Return the path of the program that these units of the caller run.

    systemd does not have the PATH of a login. The program is the one that runs now, or is installed
    beside it, and not another one that PATH has. Root's units run as root, or as every user, so
    nobody else may be able to replace their program. Raises Unavailable.
    """
    name = PROGRAMS[what]
    if os.getuid() == 0:
        return path_for_root_later(name, as_user=what != "pam")
    started = os.path.abspath(sys.argv[0])
    is_it = os.path.basename(started) == name and os.access(started, os.X_OK)
    return started if is_it else shutil.which(name) or started


def install(what: str, source: Path, place: Path, program: str) -> list[Path]:
    """Write the units, enable them and start them; return the files that changed.

    ``source`` is the directory with the unit files, and ``program`` is what ``program_of`` returns.
    If systemctl fails, then all files are as they were before.

    Raises: CannotWrite, InvalidData or Unavailable.
    """
    with _undone_on_failure(what, place) as before:
        for name in UNITS[what]:
            text = (source / name).read_bytes()
            text = COMMAND.sub(lambda _: os.fsencode(program) + b" ", text)
            previous = read_if_there(place / name)
            if previous != text:
                before[place / name] = previous
                _write(place / name, text)
        if _is_running(place):
            _systemctl(*_scope(place), "daemon-reload")
        now = ("--now",) if _is_running(place) else ()
        _systemctl(*_scope(place), "enable", *now, UNITS[what][0])
        return list(before)


def _scope(place: Path) -> tuple[str, ...]:
    """Return the option of systemctl for the manager that reads this directory."""
    return {EVERYBODY: ("--global",), SYSTEM: ()}.get(place, ("--user",))


def _is_running(place: Path) -> bool:
    """Return whether a manager runs that can start the unit now (sd_booted(3))."""
    return place != EVERYBODY and (place != SYSTEM or BOOTED.is_dir())


@contextmanager
def _undone_on_failure(what: str, place: Path) -> Iterator[dict[Path, bytes | None]]:
    """Yield a dictionary for the previous contents of the units; restore them on an error.

    None as a previous content means that the file did not exist.
    """
    made = make_directory(place, 0o755)
    before: dict[Path, bytes | None] = {}
    try:
        yield before
    except BaseException:
        # An enabled unit of an earlier installation stays enabled; a new one leaves no link.
        if before.get(place / UNITS[what][0], b"") is None:
            words = (*_scope(place), "disable", UNITS[what][0])
            systemctl(*words, timeout=TIMEOUT, environment=os.environ)
        for path, content in before.items():
            with suppress(CannotWrite):
                if content is None:
                    remove(path)
                else:
                    _write(path, content)
        for directory in reversed(made):
            with suppress(OSError):  # systemctl may have put another file there
                directory.rmdir()
        raise


def uninstall(what: str, place: Path) -> list[Path]:
    """Disable the units and remove their files; return the files that were removed.

    Raises: CannotWrite, InvalidData or Unavailable.
    """
    existing = [place / name for name in UNITS[what] if read_if_there(place / name) is not None]
    if not existing:
        return []
    now = ("--now",) if _is_running(place) else ()
    _systemctl(*_scope(place), "disable", *now, UNITS[what][0])
    for path in existing:
        remove(path)
    return existing


def _write(path: Path, content: bytes) -> None:
    replace(path, content, Attributes(0o644, os.getuid(), os.getgid(), ()))


def _systemctl(*arguments: str) -> None:
    completed = systemctl(*arguments, timeout=TIMEOUT, environment=os.environ)
    if not completed.succeeded:
        raise Unavailable(
            f"systemctl {' '.join(arguments)} failed: {completed.errors.strip()}",
            hint="it needs your user manager, which su does not start: log in by ssh or at the"
            " console, and run the command again",
        )
