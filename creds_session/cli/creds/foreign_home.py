"""Root with the home of another user: refused before a command looks at anything."""

from __future__ import annotations

import os

from creds_session.errors import UsageError


def refuse_foreign_home(program: str) -> None:
    """Refuse to run as root with the home or the runtime directory of another user.

    The command would reach nobody's keyring, and load what that user's keyringrc names, as root.
    Raises UsageError.
    """
    if os.getuid() != 0:
        return
    from creds_session.system.files.foreign_home import (  # for root alone
        foreign_place,
    )

    place = foreign_place(os.environ)
    if place is not None:
        from creds_session.cli.typed import typed  # seldom

        raise UsageError(
            f"root with {place.variable}={place.place} would reach nobody's keyring",
            hint=f"run it as {place.user or 'that user'}: {typed(program)}",
        )
