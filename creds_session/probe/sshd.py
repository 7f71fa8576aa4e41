"""Ask this machine's sshd for its settings, with ``sshd -T``."""

from __future__ import annotations

import os

from creds_session.facts.sshd import NOT_STARTED, Connection, SshdFacts, parse
from creds_session.system.files.root import Root

TIMEOUT = 2.0  # seconds; sshd -T takes about 20 milliseconds


def probe_sshd(root: Root, program: str | None, login: Connection | None = None) -> SshdFacts:
    """Return sshd's settings for a login, with its Match blocks, or the reason why not.

    ``program`` is the path of sshd. Without a login, these are the settings before any Match block.
    Only root can ask, because sshd reads its host keys first. Options that a unit adds to the
    command line of sshd are not included.
    """
    if not root.is_running_system:
        return SshdFacts("nothing of another root is run")
    if program is None:
        return SshdFacts("sshd is not installed")
    if os.geteuid() != 0:
        return SshdFacts("only root can ask sshd, which reads its host keys first")
    from creds_session.system.processes.commands import run  # only root runs it

    words = login.words if login else ()
    asked = " ".join(("sshd", "-T", *words))
    done = run([program, "-T", *words], timeout=TIMEOUT)
    if done.succeeded:
        return parse(done.output)._replace(asked=asked)
    errors = [line.strip() for line in done.errors.splitlines() if line.strip()]
    reason = errors[-1] if errors else f"it ended with {done.code}"
    if NOT_STARTED in reason:
        reason += " (sshd has not been started since the boot)"
    return SshdFacts(f"sshd -T: {reason}", asked=asked)
