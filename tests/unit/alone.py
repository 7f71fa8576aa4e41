"""Hide the session that whoever runs the tests has on this host, above all its bus and keyring."""

from __future__ import annotations

# Nobody can make a directory there, unlike below /run/user.
NOWHERE = "/proc/nowhere"
# The first lines of a program that is a process of its own.
ALONE = f"""\
from creds_session.system.processes import environment, user_ids
user_ids.RUNTIME_DIRECTORIES = {NOWHERE!r}
environment.environments = lambda uid: iter(())
"""
