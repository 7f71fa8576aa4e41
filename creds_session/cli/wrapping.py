"""Lines of a message, broken at the width of a terminal; a command to be pasted is never broken."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

NARROWEST = 20  # columns of text; a narrower terminal breaks the lines itself
PROGRAMS = (
    r"(?:sudo|creds(?:-askpass|-doctor|-setup-pam)?|apt(?:-get)?|authselect|chmod|chown|cp"
    r"|dbus-run-session|dbus-update-activation-environment|dnf|echo|env|eval|export|git|gpasswd|grep"
    r"|journalctl|kill|ln|loginctl|ls|lsattr|mkdir|mv|pacman|pam-auth-update|pam-config|passwd|pip|pipx"
    r"|pkill|printf|ps|python3|restorecon|rm|rpm|secret-tool|semodule|setenforce|setsebool|ssh"
    r"|systemctl|systemd-run|touch|umount|unset|unshare|usermod|zypper|[A-Z_]+=\S+)"
)
PROSE = r";\ (?:then|or|and)\b|,\ (?:or|and|which)\b|\ \("  # what may follow on the same line
# A command stands in backquotes, or it stands behind a colon or at the beginning of a line, begins
# with the name of a program, and goes on to the end of the line or to the next clause. Within a
# sentence it is the name of a program of ours with its subcommand and options.
PIECES = re.compile(
    rf"""
      `[^`]+`\S*
    | (?:(?<=:\ )|^){PROGRAMS}\ (?=\S)(?:(?!{PROSE}).)*[;,]?
    | (?:sudo\ )?creds(?:-doctor|-setup-pam)?(?:\ [a-z-]+)?(?:\ --?[\w-]+(?:=\S+)?)*\S*
    | \S+
    """,
    re.VERBOSE,
)


def width(descriptor: int) -> int:
    """Return how many columns the terminal of a descriptor has, or 0 if nothing says so."""
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and int(named):
        return int(named)
    try:
        return os.get_terminal_size(descriptor).columns
    except OSError:
        return 0


def wrapped(line: str, columns: int) -> Iterator[str]:
    """Yield a line of text as lines of at most so many columns, if its words allow it.

    Blanks at the beginning are kept on each line, and blanks within a line stay as they are. A
    command is never broken: if it is longer than a line, it has a line of its own, which the
    terminal continues.
    """
    margin = line[: len(line) - len(line.lstrip(" "))]
    if len(line) <= columns or columns - len(margin) < NARROWEST:
        yield line
        return
    current, end = margin, len(margin)
    for found in PIECES.finditer(line, end):
        blanks, piece = line[end : found.start()], found[0]
        joined = f"{current}{blanks}{piece}"
        if len(joined) > columns and current != margin:
            yield current
            joined = f"{margin}{piece}"
        current, end = joined, found.end()
    yield current
