"""Copy the startup files of a user, so that a change of them can be tried without making it."""

from __future__ import annotations

import difflib
import os
import stat

DIRECTORIES = ("", ".config/creds-session", ".config/fish", ".config/fish/conf.d", ".config/zsh")
LARGEST = 1024 * 1024  # bytes


def startup_files(home: str) -> dict:
    """Return the bytes of the files in which startup files are looked for, by relative path."""
    found = {}
    for directory in DIRECTORIES:
        place = os.path.join(home, directory)
        try:
            names = sorted(os.listdir(place))
        except OSError:
            continue
        for name in names:
            if directory or name.startswith("."):
                content = _read(os.path.join(place, name))
                if content is not None:
                    found[os.path.join(directory, name)] = content
    return found


def _read(path: str) -> bytes | None:
    """Return the bytes of a regular file that is not too large, or None."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(LARGEST)
    finally:
        os.close(descriptor)


def write(home: str, files: dict) -> str:
    """Write these files below a new directory, which only this user can read; return it."""
    os.makedirs(home, mode=0o700)
    for name, content in files.items():
        path = os.path.join(home, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
    return home


def environment(home: str) -> dict:
    """Return the variables by which programs find their startup files in this home."""
    return {"HOME": home, "XDG_CONFIG_HOME": os.path.join(home, ".config"), "ZDOTDIR": home}


def unified(home: str, before: dict, after: dict) -> str:
    """Return the unified diff of the startup files."""
    lines = []
    for name in sorted({*before, *after}):
        path = os.path.join(home, name)
        old, new = before.get(name, b""), after.get(name, b"")
        lines += difflib.unified_diff(_lines(old), _lines(new), fromfile=path, tofile=path)
    return "".join(lines)


def _lines(content: bytes) -> list:
    return content.decode("utf-8", "backslashreplace").splitlines(True)
