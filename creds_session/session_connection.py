"""The connection of a command to its session bus, or an error that says what to type next."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from creds_session.errors import CredsSessionError, NoBus, NoService, TimedOut
from creds_session.next_step import NO_BUS, BusState, bus_state, is_under_sudo, next_step
from creds_session.system.bus import Bus, session_bus_address

LOOK = 1.0  # seconds for the bus itself to say who does not answer
NAME = "org.freedesktop.secrets"
PATIENCE = 2.0  # seconds for a look whether another bus answers


def connect(environ: Mapping[str, str], timeout: float) -> Bus:
    """Return a connection to the bus of this session, whose calls end within ``timeout`` seconds.

    Raises NoBus, TimedOut if what listens there says nothing, or NotPermitted if the bus is
    somebody else's. The hint of each is the next step.
    """
    address = session_bus_address(environ, os.getuid())
    if address is None:
        raise NoBus(NO_BUS, hint=hint(environ))
    try:
        return Bus(address, timeout)
    except NoService as error:
        raise NoBus(error.problem, hint=hint(environ)) from error
    except CredsSessionError as error:
        raise type(error)(error.problem, hint=hint(environ)) from error


def hint(environ: Mapping[str, str]) -> str:
    """Return what to type next in a shell whose session bus did not answer."""
    return next_step(state(environ)).hint


def state(environ: Mapping[str, str]) -> BusState:
    """Return what a shell reaches whose own session bus did not answer; starts nothing."""
    if is_under_sudo(os.getuid(), environ):
        return bus_state(under_sudo=True, is_elsewhere=False)
    from creds_session.session_bus import find  # noqa: PLC0415 - only if no bus answers

    found = find(environ, PATIENCE)
    return bus_state(under_sudo=False, is_elsewhere=found is not None)


@contextmanager
def no_answer_named(bus: Bus) -> Iterator[None]:
    """Say of an answer that does not come in time whose answer it is, if the bus itself answers."""
    try:
        yield
    except TimedOut as error:
        who = _who_serves(bus)
        if who is None:
            raise
        raise TimedOut(
            f"{who} does not answer; the session bus does ({error.problem})",
            hint=next_step(BusState.HUNG).hint,
        ) from error


def _who_serves(bus: Bus) -> str | None:
    """Return the program that owns the name, in words; None if the bus does not answer either."""
    from creds_session.probe.session import owner_of  # noqa: PLC0415 - seldom

    bus.allow(LOOK)
    try:
        peer = bus.peer(NAME)
    except CredsSessionError:
        return None
    if peer is None:
        return None
    owner = owner_of(peer)
    name = "the keyring daemon" if owner.is_gnome_keyring else owner.name
    return f"{name} (pid {owner.pid})"
