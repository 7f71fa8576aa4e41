"""``creds hook``: the login hook of the person who calls."""

from __future__ import annotations

import argparse
import os
import pwd
import sys
from pathlib import Path

import creds_session
from creds_session import hooks
from creds_session.cli.common import complain
from creds_session.errors import UsageError

PROFILE = Path(creds_session.__file__).parent / "profile"
"""Where the package keeps what is scripts/profile in the checkout (setup.py)."""


def hook(arguments: argparse.Namespace) -> int:
    """Install, remove or print the hook; return the exit code."""
    shell = arguments.shell or Path(pwd.getpwuid(os.getuid()).pw_shell).name
    environ = {"HOME": pwd.getpwuid(os.getuid()).pw_dir, **os.environ}
    ours = hooks.hook_of(shell, environ)
    text = (PROFILE / ours.resource).read_bytes()
    if arguments.action == "print":
        sys.stdout.buffer.write(text)
        return 0
    if os.getuid() == 0:
        raise UsageError(
            "root is never asked for a keyring's password, so root needs no hook",
            hint="for everyone on this machine: scripts/install",
        )
    changed = hooks.install(ours, text) if arguments.action == "install" else hooks.uninstall(ours)
    for path in changed:
        complain("creds", f"changed {path}")
    if not changed:
        complain("creds", "nothing to do")
    return 0
