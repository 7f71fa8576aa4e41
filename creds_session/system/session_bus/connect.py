"""Connect a command to its session bus, or raise an error that says what to type next."""

from __future__ import annotations

import os

from creds_session.errors import CredsSessionError, NoBus, NoService
from creds_session.system.bus.address import session_bus_address
from creds_session.system.bus.connection import Bus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from creds_session.facts.next_step import BusState

PATIENCE = 2.0  # seconds to find out whether another bus answers


def connect(environ: Mapping[str, str], timeout: float) -> Bus:
    """Return a connection to the bus of this session, whose calls end within ``timeout`` seconds.

    Raises NoBus, TimedOut if the process that listens there does not answer, or NotPermitted if the
    bus belongs to another user. The hint of each error is the next step.
    """
    address = session_bus_address(environ, os.getuid())
    if address is None:
        from creds_session.facts.next_step import NO_BUS

        raise NoBus(NO_BUS, hint=hint(environ))
    try:
        return Bus(address, timeout)
    except NoService as error:
        raise NoBus(error.problem, hint=hint(environ)) from error
    except CredsSessionError as error:
        raise type(error)(error.problem, hint=hint(environ)) from error


def hint(environ: Mapping[str, str]) -> str:
    """Return what to type next in a shell whose session bus did not answer."""
    from creds_session.facts.next_step import next_step

    return next_step(state(environ)).hint


def state(environ: Mapping[str, str]) -> BusState:
    """Return which bus a shell can reach if its session bus did not answer; start no bus."""
    from creds_session.facts.next_step import bus_state, is_under_sudo
    from creds_session.system.processes.user_ids import own_account

    if is_under_sudo(os.getuid(), environ):
        return bus_state(under_sudo=True, is_elsewhere=False)
    from creds_session.system.session_bus.user_bus import (  # only if no bus answers
        find,
    )

    found = find(environ, PATIENCE)
    has_account = bool(own_account().name)
    return bus_state(under_sudo=False, is_elsewhere=found is not None, has_account=has_account)
