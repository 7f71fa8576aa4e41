"""The command that was typed, quoted for a shell, for a hint that repeats it."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence

from creds_session.errors import CredsSessionError, NotPermitted

END = "--"
MAY_HOLD_A_PASSWORD = ("--env", "-e", "--askpass", "--expect", "--password-credential")
SETUP = "creds-setup-pam"


def typed(program: str) -> str:
    """Return the command that runs, as a person can paste it.

    The words after ``creds run … --`` are left out, because they belong to another program and may
    contain its password. If the value of an option may be a password by mistake, as in
    ``--env PGPASSWORD=…``, only the subcommand is named. ``sys.argv[0]`` is not used, because it
    is the path of the program.
    """
    words: Sequence[str] = sys.argv[1:]
    words = words[1:] if words[:1] == [END] else words
    if any(word.startswith(MAY_HOLD_A_PASSWORD) for word in words):
        return f"{shlex.join([program, words[0]])} ..."
    if words[:1] != ["run"] or END not in words:
        return shlex.join([program, *words])
    before = words[: words.index(END) + 1]
    return f"{shlex.join([program, *before])} COMMAND..."


def root_command(command: str) -> str:
    """Return a command as a person types it to run it as root: with sudo, if it is installed."""
    from creds_session.system.processes.proc import find_program  # seldom

    return f"sudo {command}" if find_program("sudo") else command


def root_hint(error: CredsSessionError, program: str) -> str:
    """Return how to run the typed command as root, or nothing if that does not help.

    ``creds`` works on the files and the keyring of a person, so it is never run as root.
    """
    is_for_root = isinstance(error, NotPermitted) or program == SETUP
    if not (error.root_may and is_for_root) or os.geteuid() == 0:
        return ""
    return f"run it as root: {root_command(typed(program))}"
