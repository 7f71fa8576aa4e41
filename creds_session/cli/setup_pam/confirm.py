"""``creds-setup-pam confirm``: keep a change of ``apply --confirm-within``."""

from __future__ import annotations

import argparse
import time

from creds_session.cli.output import complain, print_json
from creds_session.cli.setup_pam.arguments import PROGRAM
from creds_session.cli.typed import root_command
from creds_session.errors import UsageError
from creds_session.setup_pam import confirmation
from creds_session.system.files.root import Root
from creds_session.system.terminal import notice


def ask_to_confirm(within: float) -> tuple[str, str]:
    """Return what happens without a confirmation, and how to confirm."""
    until = time.strftime("%H:%M:%S", time.localtime(time.time() + within))
    return (
        f"the change is reverted at {until} unless it is confirmed; leave this session open,",
        f"log in again by password and run there as root: {root_command(f'{PROGRAM} confirm')}",
    )


def confirm(root: Root, arguments: argparse.Namespace) -> int:
    """Keep the change; return the exit code."""
    if not root.is_running_system:
        raise UsageError("confirm works on this machine only, and --root names another system")
    done = confirmation.confirm(root, untested=arguments.untested)
    notice.withdraw()
    user = done.pending.user
    if arguments.json:
        values = {"tested": done.is_tested, "login_methods": list(done.methods)}
        print_json({"confirmed": True, "changed_by": user, **values})
        return 0
    complain(PROGRAM, f"confirmed: the change of {user} stays")
    if not done.is_tested:
        complain(PROGRAM, "it is not shown that a login with a password works with it")
    return 0
