"""Say what was seen of a keyring daemon that holds the control socket and serves another bus."""

from __future__ import annotations

from creds_session.facts.bus_address import path_of_address
from creds_session.facts.next_step import UNLOCK, Step
from creds_session.facts.session import ControlHolder, KeyringFacts


def holder_line(keyring: KeyringFacts) -> str:
    """Return why no keyring can be unlocked here: another daemon holds the control socket."""
    pid = keyring.holder.pid if keyring.holder else 0
    return (
        f"a keyring daemon (pid {pid}) holds the control socket {keyring.control} and does not"
        " serve this session bus, so no keyring daemon can be started here"
    )


def own_bus_lines(holder: ControlHolder, here: str) -> tuple[str, ...]:
    """Return what was seen of the session bus that the daemon was started with.

    ``here`` is the address of this session bus.
    """
    path = path_of_address(holder.address)
    if not holder.address or (path and path == path_of_address(here)):
        return ()
    started = f"pid {holder.pid} was started with DBUS_SESSION_BUS_ADDRESS={holder.address}"
    ended = ("no process listens at that address any more",) if holder.bus_listens is False else ()
    return (started, *ended)


def end_holder(holder: ControlHolder) -> Step:
    """Return how to end the daemon and unlock the keyring by a new one."""
    text = "end that daemon, which locks its keyring on its own session bus, then unlock here"
    if holder.bus_listens:
        text = (
            "a process still listens on that daemon's own session bus: go on in that session, or,"
            f" if no program there needs the keyring any more, {text}"
        )
    return Step(text, (f"kill {holder.pid}", UNLOCK))
