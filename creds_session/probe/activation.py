"""Find the files by which a session bus starts a program that serves secrets."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Mapping
from contextlib import suppress

from creds_session.facts.machine import Activation
from creds_session.system.files.listing import names_in
from creds_session.system.files.own_files import read_regular
from creds_session.system.secret_service.service import NAME

SERVICES = "dbus-1/services"
LARGEST = 1 << 16  # bytes of a service file


def probe_activations(environ: Mapping[str, str]) -> tuple[Activation, ...]:
    """Return the files by which a session bus starts the service; the bus uses the first.

    The directories are those of dbus-daemon(1), standard_session_servicedirs.
    """
    runtime = environ.get("XDG_RUNTIME_DIR")
    data = environ.get("XDG_DATA_HOME") or f"{environ.get('HOME', '')}/.local/share"
    shared = environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    directories = [f"{runtime}/{SERVICES}"] if runtime else []
    bases = (data, *shared.split(":"), "/usr/share")
    directories += [f"{base}/{SERVICES}" for base in bases]
    activations = []
    for directory in dict.fromkeys(directories):
        with suppress(OSError):
            for name in fnmatch.filter(names_in(directory, directory), "*.service"):
                path = f"{directory}/{name}"
                content = read_regular(path, LARGEST) or b""
                command = _command(content.decode(errors="replace"))
                if command is not None:
                    program = (command.split() or [""])[0]
                    activations.append(Activation(path, command, os.access(program, os.X_OK)))
    return tuple(activations)


def _command(text: str) -> str | None:
    """Return the command of a service file, or None if the file is for another name."""
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if fields.get("Name", "").strip() != NAME:
        return None
    return fields.get("Exec", "").strip()
