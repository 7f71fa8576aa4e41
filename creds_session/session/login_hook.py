"""Install the login hook for one person: a copy of the hook, and one line that reads the copy.

Nobody needs this on a machine whose administrator has installed the hook in /etc/profile.d. It is
for zsh, which does not read /etc/profile.d, and for a person who installed creds-session without
root.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from creds_session.errors import NoSuchFile, UsageError
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
NEW_MARK = b" # creds hook; creds hook install created this file"
# bash reads the first of these files that exists (bash(1), INVOCATION).
BASH_FILES = (".bash_profile", ".bash_login", ".profile")
SHELLS = ("sh", "dash", "ksh", "ash", "bash", "zsh", "fish")
CSH = frozenset({"csh", "tcsh"})
WITHOUT_HOOK = "csh and tcsh have no login hook: run creds unlock by hand there"
WITH_HOOK = f"the shells with a hook are {', '.join(SHELLS[:-1])} and {SHELLS[-1]}"
PACKAGE = Path(__file__).parents[1]


class Hook(NamedTuple):
    """Say which files belong to the hook of one shell.

    ``resource`` is the name of the hook among the package's files, ``copy`` is the place of the
    person's copy, and ``startup`` is the file that gets ``line``. ``startup`` is None for fish,
    which reads every file in its conf.d.
    """

    resource: str
    copy: Path
    startup: Path | None = None
    line: bytes = b""


class Removal(NamedTuple):
    """Say which files ``uninstall`` removed, and which files lost the hook's line."""

    removed: list[Path]
    changed: list[Path]


def profile_directory(package: Path = PACKAGE) -> Path:
    """Return the directory that holds the hooks and the user units.

    The installed package has it as ``creds_session/profile`` (setup.py), a checkout has it as
    ``scripts/profile``.

    Raises: NoSuchFile if neither exists.
    """
    for directory in (package / "profile", package.parent / "scripts/profile"):
        if directory.is_dir():
            return directory
    raise NoSuchFile(
        f"the login hook is missing from the installation: {package / 'profile'} does not exist",
        hint="install creds-session again",
    )


def hook_of(shell: str, environ: Mapping[str, str]) -> Hook:
    """Return the hook for the shell with this name.

    Raises: UsageError if there is no hook for this shell.
    """
    home = Path(environ["HOME"])
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    if shell == "fish":
        return Hook("creds-session.fish", config / "fish/conf.d/creds-session.fish")
    if shell == "zsh":
        startup = Path(environ.get("ZDOTDIR") or home, ".zprofile")
        line = READ + b"emulate sh -c '" + SOURCE + b"'"
    elif shell == "bash":
        existing = [home / name for name in BASH_FILES if (home / name).exists()]
        startup, line = (existing or [home / ".profile"])[0], READ + SOURCE
    elif shell in SHELLS:
        startup, line = home / ".profile", READ + SOURCE
    else:
        why = WITHOUT_HOOK if shell in CSH else "run creds unlock by hand there"
        raise UsageError(
            f"{shell}: there is no login hook for this shell", hint=f"{why}; {WITH_HOOK}"
        )
    return Hook("creds-session.sh", config / COPY, startup, line)


def with_line(content: bytes, line: bytes, *, is_new: bool = False) -> bytes:
    """Return the content with the hook's line at its end; add the line only once.

    ``is_new``: the file does not exist yet. The line then says that ``install`` created the file.
    """
    if any(line + mark in content.splitlines() for mark in (MARK, OPEN_MARK, NEW_MARK)):
        return content
    if is_new:
        return line + NEW_MARK + b"\n"
    if content and not content.endswith(b"\n"):
        return content + b"\n" + line + OPEN_MARK + b"\n"
    return content + line + MARK + b"\n"


def without_line(content: bytes, line: bytes) -> bytes:
    """Return the content without the hook's line, byte for byte as it was before the line."""
    content = content.replace(b"\n" + line + OPEN_MARK + b"\n", b"")
    lines = content.splitlines(keepends=True)
    ours = {line + MARK, line + NEW_MARK}
    return b"".join(other for other in lines if other.rstrip(b"\n") not in ours)


def install(hook: Hook, text: bytes) -> list[Path]:
    """Write the hook and the line that reads it; return the files that changed.

    Raises: CannotWrite or InvalidData.
    """
    changed = [hook.copy] if read_if_there(hook.copy) != text else []
    if changed:
        make_directory(hook.copy.parent, 0o700)
        _write(hook.copy, text)
    if hook.startup is not None:
        is_new = not os.path.lexists(hook.startup)
        before = read_if_there(hook.startup) or b""
        after = with_line(before, hook.line, is_new=is_new)
        if after != before:
            _write(hook.startup, after)
            changed.append(hook.startup)
    return changed


def uninstall(hook: Hook) -> Removal:
    """Remove the hook and its line; return what was done.

    A startup file that ``install`` created is removed if it holds nothing else, which its line
    says. A startup file that the person made stays, also if it is empty now.

    Raises: CannotWrite or InvalidData.
    """
    done = Removal([], [])
    before = read_if_there(hook.startup) if hook.startup is not None else None
    if hook.startup is not None and before is not None:
        after = without_line(before, hook.line)
        if before == hook.line + NEW_MARK + b"\n" and not hook.startup.is_symlink():
            remove(hook.startup)
            done.removed.append(hook.startup)
        elif after != before:
            _write(hook.startup, after)
            done.changed.append(hook.startup)
    if read_if_there(hook.copy) is not None:
        remove(hook.copy)
        done.removed.append(hook.copy)
    return done


def _write(path: Path, content: bytes) -> None:
    """Write the file that the path leads to.

    Many people store their startup files elsewhere and link them, so that links are followed.
    """
    real = Path(os.path.realpath(path))
    new = Attributes(0o644, os.getuid(), os.getgid(), ())
    replace(real, content, Attributes.read(real) if real.exists() else new)
