"""Run ``creds`` in the session of the user that the task runs as."""

from __future__ import annotations

import os

from ansible_collections.creds_session.keyring.plugins.module_utils.command import (
    SBIN,
    Done,
    run,
)

PROGRAM = "creds"
UNLOCKED = "unlocked"
NO_SUCH = 1
NEWLINE = b"\n"


class Creds:
    """The command ``creds`` of one user, in that user's session."""

    def __init__(self, module) -> None:
        self._module = module
        named = module.params["executable"]
        program = named or module.get_bin_path(PROGRAM, required=True, opt_dirs=SBIN)
        self._program = program
        self._timeout = module.params.get("timeout")
        self._environment = _environment()

    def run(self, *words: str, password=None, environment=None) -> Done:
        """Run a subcommand. ``password`` is sent to its standard input, and is never an argument.

        The command removes one newline from the end of what it reads, so one is added. A password
        that ends with a newline therefore keeps it.
        """
        data = None if password is None else password + NEWLINE
        line = [self._program, *words]
        variables = {**self._environment, **(environment or {})}
        return run(self._module, line, data=data, environment=variables)

    def on(self, command: str, *words: str, options=(), password=None) -> Done:
        """Run a subcommand on a credential; ``words`` are the service and the user name."""
        limit = ("--timeout", f"{self._timeout:g}") if self._timeout else ()
        return self.run(command, *limit, *options, "--", *words, password=password)

    def state(self) -> dict:
        """Return the state of the session's keyring. Nothing is started and nothing is unlocked."""
        return self.run("status", "--json").values


def _environment() -> dict:
    """Return the variable that leads to the user's session bus, if the task's login set none."""
    directory = f"/run/user/{os.getuid()}"
    if os.environ.get("XDG_RUNTIME_DIR"):
        return {}
    try:
        status = os.lstat(directory)
    except OSError:
        return {}
    return {"XDG_RUNTIME_DIR": directory} if status.st_uid == os.getuid() else {}
