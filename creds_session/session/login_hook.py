"""The login hook of one person: a copy of it, and the one line that has a shell read it.

Where an admin put the hook into /etc/profile.d nobody needs this. zsh reads other files than
sh, and whoever installed for himself alone has no /etc to write to.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from creds_session.errors import UsageError
from creds_session.system.files.replace import (
    Attributes,
    make_directory,
    read_if_there,
    remove,
    replace,
)

COPY = "creds-session/hook.sh"
READ = b'[ ! -r "${XDG_CONFIG_HOME:-$HOME/.config}/creds-session/hook.sh" ] || '
SOURCE = b'. "${XDG_CONFIG_HOME:-$HOME/.config}/creds-session/hook.sh"'
MARK = b" # creds hook"
OPEN_MARK = b" # creds hook; the file had no newline at its end"
BASH_FILES = (".bash_profile", ".bash_login", ".profile")  # bash(1), INVOCATION: the first there is


class Hook(NamedTuple):
    """What is put where: ``copy`` is the hook itself, ``startup`` the file that gets ``line``.

    fish reads every file of its conf.d: there ``startup`` is None.
    """

    resource: str
    copy: Path
    startup: Path | None = None
    line: bytes = b""


def hook_of(shell: str, environ: Mapping[str, str]) -> Hook:
    """Return the hook of a shell, by its name. Raises UsageError."""
    home = Path(environ["HOME"])
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    if shell == "fish":
        return Hook("creds-session.fish", config / "fish/conf.d/creds-session.fish")
    if shell == "zsh":
        startup = Path(environ.get("ZDOTDIR") or home, ".zprofile")
        line = READ + b"emulate sh -c '" + SOURCE + b"'"
    elif shell == "bash":
        there = [home / name for name in BASH_FILES if (home / name).exists()]
        startup, line = (there or [home / ".profile"])[0], READ + SOURCE
    elif shell in {"sh", "dash", "ksh", "ash"}:
        startup, line = home / ".profile", READ + SOURCE
    else:
        raise UsageError(
            f"{shell}: no hook for this shell; there is one for sh, bash, zsh and fish"
        )
    return Hook("creds-session.sh", config / COPY, startup, line)


def with_line(content: bytes, line: bytes) -> bytes:
    """Put our line at the end, once."""
    if any(line + mark in content.splitlines() for mark in (MARK, OPEN_MARK)):
        return content
    if content and not content.endswith(b"\n"):
        return content + b"\n" + line + OPEN_MARK + b"\n"
    return content + line + MARK + b"\n"


def without_line(content: bytes, line: bytes) -> bytes:
    """Take our line out, and give the file the end that it had."""
    content = content.replace(b"\n" + line + OPEN_MARK + b"\n", b"")
    kept = [one for one in content.splitlines(keepends=True) if one.rstrip(b"\n") != line + MARK]
    return b"".join(kept)


def install(hook: Hook, text: bytes) -> list[Path]:
    """Put the hook there; return the files that changed. Raises CannotWrite, InvalidData."""
    changed = [hook.copy] if read_if_there(hook.copy) != text else []
    if changed:
        make_directory(hook.copy.parent, 0o700)
        _write(hook.copy, text)
    if hook.startup is not None:
        before = read_if_there(hook.startup) or b""
        after = with_line(before, hook.line)
        if after != before:
            _write(hook.startup, after)
            changed.append(hook.startup)
    return changed


def uninstall(hook: Hook) -> list[Path]:
    """Take the hook away again; return the files that changed. Raises CannotWrite, InvalidData."""
    changed = []
    before = read_if_there(hook.startup) if hook.startup is not None else None
    if hook.startup is not None and before is not None:
        after = without_line(before, hook.line)
        if after != before:
            _write(hook.startup, after)
            changed.append(hook.startup)
    if read_if_there(hook.copy) is not None:
        remove(hook.copy)
        changed.append(hook.copy)
    return changed


def _write(path: Path, content: bytes) -> None:
    """Write what the path leads to: many people keep their dot files elsewhere, and link them."""
    real = Path(os.path.realpath(path))
    new = Attributes(0o644, os.getuid(), os.getgid(), ())
    replace(real, content, Attributes.read(real) if real.exists() else new)
