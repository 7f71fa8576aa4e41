"""Run ``creds-setup-pam`` as a process of its own, which ends without a clean-up."""

from __future__ import annotations

import gc

from creds_session.cli.boundary import end_at_once
from creds_session.cli.setup_pam import main as command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """Run the command, and end this process at once."""
    gc.disable()  # the process ends before a collection would be worth its time
    end_at_once(command.main())
