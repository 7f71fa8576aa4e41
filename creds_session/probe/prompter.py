"""Whether a program waits for a person to answer the keyring's prompt, whoever shows it.

gcr-prompter runs only while prompts are shown. A desktop's shell owns the name of the prompter all
the time, so it counts only if the keyring daemon has a prompt: a prompt of the Secret Service is an
object of the daemon's until it is answered, or until its client leaves.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

from creds_session.errors import CredsSessionError
from creds_session.facts.machine import OtherProcess
from creds_session.facts.session import BusFacts
from creds_session.system.bus.connection import Bus
from creds_session.system.processes.proc import executable_of, name_of
from creds_session.system.secret_service.service import secret_service

NAME = "org.gnome.keyring.SystemPrompter"
TIMEOUT = 0.5  # seconds


def probe_prompters(bus: BusFacts, known: Sequence[OtherProcess]) -> tuple[OtherProcess, ...]:
    """Return the processes that show a prompt, those that are ``known`` first; starts none."""
    found = tuple(known)
    if bus.reason or bus.owner is None or not bus.owner.is_gnome_keyring or bus.address is None:
        return found
    with suppress(CredsSessionError), Bus(bus.address, TIMEOUT) as connection:
        peer = connection.peer(NAME)
        service = secret_service(connection)
        if peer is None or service is None or peer.pid in {one.pid for one in known}:
            return found
        if service.has_prompts():
            program = executable_of(peer.pid)
            found += (OtherProcess(peer.pid, os.getuid(), name_of(peer.pid), "", program),)
    return found
