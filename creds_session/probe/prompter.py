"""Find the programs that show a prompt of the keyring daemon and wait for a person to answer it.

gcr-prompter runs only while prompts are shown. A desktop shell owns the prompter's name all the
time, so it counts only if the keyring daemon has a prompt. A prompt of the Secret Service is an
object of the daemon until it is answered, or until its client disconnects.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress

from creds_session.errors import CredsSessionError
from creds_session.facts.machine import OtherProcess
from creds_session.facts.session import BusFacts
from creds_session.system.bus.connection import Bus, CallFailed
from creds_session.system.processes.proc import executable_of, name_of
from creds_session.system.secret_service.service import PATH, SecretService, secret_service

PROMPTER = "org.gnome.keyring.SystemPrompter"
TIMEOUT = 0.5  # seconds
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def probe_prompters(
    connection: Bus, bus: BusFacts, known: Sequence[OtherProcess]
) -> tuple[OtherProcess, ...]:
    """Return the processes that show a prompt, the ``known`` ones first; start no process.

    ``bus`` is what was seen over this connection. Its calls have 0.5 seconds from now on.
    """
    processes = tuple(known)
    if bus.reason or bus.owner is None or not bus.owner.is_gnome_keyring:
        return processes
    connection.allow(TIMEOUT)
    with suppress(CredsSessionError):
        peer = connection.peer(PROMPTER)
        if peer is None or peer.pid in {process.pid for process in known}:
            return processes
        service = secret_service(connection)
        if service is not None and _has_prompts(connection, service):
            program = executable_of(peer.pid)
            processes += (OtherProcess(peer.pid, os.getuid(), name_of(peer.pid), "", program),)
    return processes


def may_prompt(environ: Mapping[str, str], bus: BusFacts) -> bool:
    """Return whether the keyring's own prompt may be shown to this person; start no process.

    It is shown on a display of this session, or by a desktop shell that owns the prompter's name.
    """
    if any(environ.get(name) for name in DISPLAYS):
        return True
    if not bus.answers or bus.address is None:
        return False
    with suppress(CredsSessionError), Bus(bus.address, TIMEOUT) as connection:
        return connection.peer(PROMPTER) is not None
    return False


def _has_prompts(bus: Bus, service: SecretService) -> bool:
    """Return whether any client of the service has a prompt that is not completed.

    Each prompt is an object below this path (gkd-secret-prompt.c). The answer is XML.
    """
    prompts = service.at(f"{PATH}/prompt", "org.freedesktop.DBus.Introspectable")
    try:
        (xml,) = bus.call(prompts, "Introspect")
    except CallFailed:  # the path is not an object while no object is below it
        return False
    return "<node name=" in str(xml)
