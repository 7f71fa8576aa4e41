"""Describe this user's files: the home, the keyrings and the runtime directory."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from creds_session.facts.bus_address import path_of_address
from creds_session.facts.collection_state import KeyringForm
from creds_session.facts.machine import HomeFacts, PathFacts, PathKind, RuntimeFacts
from creds_session.facts.session_state import LOGIN
from creds_session.probe.keyring_files import (
    ENDING,
    bad_line_of,
    default_name,
    form_of,
    keyring_file,
    keyrings_directory,
    names,
)
from creds_session.quoting import quoted
from creds_session.system.bus.address import session_bus_address
from creds_session.system.files.ownership import weakness
from creds_session.system.files.path_parts import parts
from creds_session.system.processes.user_ids import own_account, own_name, usual_runtime_directory

LINGER = "/var/lib/systemd/linger"  # written by logind, loginctl(1): enable-linger
POINT, SUPER = 4, 2  # fields of mountinfo: the mount point; after " - ", the options
OCTAL = re.compile(r"\\([0-7]{3})")
MOST = 100  # keyrings whose files are read


def look_at(path: str) -> PathFacts:
    """Describe what is at a path, and the links to it, for the real user of this process."""
    links, redirection = _way_to(path)
    facts = PathFacts(
        path, PathKind.UNKNOWN, is_link=_is_link(path), links=links, redirection=redirection
    )
    try:
        status = os.stat(path)  # follows links, as os.access below
    except (FileNotFoundError, NotADirectoryError):
        return facts._replace(kind=PathKind.DANGLING if facts.is_link else PathKind.ABSENT)
    except PermissionError:
        return facts._replace(kind=PathKind.DENIED)
    except OSError:
        return facts
    enter = os.X_OK if stat.S_ISDIR(status.st_mode) else 0
    return facts._replace(
        kind=_kind(status.st_mode),
        uid=status.st_uid,
        mode=stat.S_IMODE(status.st_mode),
        is_readable=os.access(path, os.R_OK | enter),
        is_writable=os.access(path, os.W_OK | enter),
    )


def _is_link(path: str) -> bool:
    return os.path.islink(path.rstrip("/"))


def _way_to(path: str) -> tuple[tuple[str, ...], str]:
    """Return the links on the way to a path, and why root does not use it, as text."""
    links: list[str] = []
    with suppress(OSError):  # weakness() below reports it
        on_the_way = ((part.path, part.target) for part in parts(path) if part.target)
        links.extend(f"{quoted(link)} is a link to {quoted(target)}" for link, target in on_the_way)
    weak = weakness(path, strict=True)
    return tuple(links), next(iter(links), str(weak) if weak else "")


def _kind(mode: int) -> PathKind:
    if stat.S_ISDIR(mode):
        return PathKind.FOLDER
    if stat.S_ISREG(mode):
        return PathKind.FILE
    return PathKind.SOCKET if stat.S_ISSOCK(mode) else PathKind.OTHER


def probe_home(environ: Mapping[str, str]) -> HomeFacts:
    """Describe the home of the environment, and the directory in which a daemon keeps keyrings."""
    account = own_account().home
    home = environ.get("HOME") or account or "/"
    folder = keyrings_directory(environ)
    data = os.path.dirname(folder)
    login = look_at(keyring_file(environ, LOGIN))
    keyrings = names(folder)
    paths = {name[: -len(ENDING)]: f"{folder}/{name}" for name in keyrings[:MOST]}
    forms = {name: form_of(path) for name, path in paths.items()}
    broken = [name for name, form in forms.items() if form is KeyringForm.BROKEN]
    lines = {name: bad_line_of(paths[name]) for name in broken}
    free_bytes, free_files, is_read_only = _room(folder)
    return HomeFacts(
        home=look_at(home),
        home_of_account=account,
        data=look_at(data),
        above_data=look_at(os.path.dirname(data)),
        folder=look_at(folder),
        login=login,
        form=_form(login),
        keyrings=keyrings,
        default=default_name(folder),
        forms=forms,
        bad_lines={name: line for name, line in lines.items() if line is not None},
        free_bytes=free_bytes,
        free_files=free_files,
        is_read_only=is_read_only,
        file_system=file_system(home),
    )


def file_system(path: str) -> str:
    """Return the type of the file system of a path, and its sec= option (proc_pid_mountinfo(5))."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="replace")
    except OSError:
        return ""
    return file_system_of(path, mounts)


def file_system_of(path: str, mounts: str) -> str:
    """Return the same from the text of mountinfo: by the nearest mount, and of two by the last."""
    kind_found, depth = "", -1
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")
        if len(fields) <= POINT or len(kind) <= SUPER:
            continue
        point = OCTAL.sub(lambda one: chr(int(one[1], 8)), fields[POINT]).rstrip("/")
        is_above = path == point or path.startswith(f"{point}/")
        if is_above and len(point) >= depth:
            options = (one for one in kind[SUPER].split(",") if one.startswith("sec="))
            kind_found, depth = " ".join([kind[0], *options]), len(point)
    return kind_found


def _form(login: PathFacts) -> KeyringForm:
    if login.kind is not PathKind.FILE or not login.is_readable:
        return KeyringForm.UNKNOWN
    return form_of(login.path)


def _room(folder: str) -> tuple[int | None, int | None, bool]:
    """Return the free bytes and files where the keyrings are, and whether that is read-only."""
    for place in (Path(folder), *Path(folder).parents):
        try:
            room = os.statvfs(place)
        except OSError:
            continue
        files = room.f_favail if room.f_files else None  # btrfs keeps no count
        return room.f_bavail * room.f_frsize, files, bool(room.f_flag & os.ST_RDONLY)
    return None, None, False


def probe_runtime(environ: Mapping[str, str]) -> RuntimeFacts:
    """Describe the runtime directory of the environment, and the one that logind makes."""
    named = environ.get("XDG_RUNTIME_DIR")
    usual = look_at(usual_runtime_directory(os.getuid()))
    lingers = look_at(f"{LINGER}/{own_name()}").kind is PathKind.FILE
    path = path_of_address(session_bus_address(environ, os.getuid()) or "")
    socket = look_at(path) if path else None
    return RuntimeFacts(look_at(named) if named else None, usual, socket, lingers)
