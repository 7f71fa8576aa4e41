"""The errors of a connection to a bus, with what to type next. Loaded only when one is raised."""

from __future__ import annotations

from creds_session.errors import NoService, NotPermitted, ProviderHung, TimedOut, Unavailable
from creds_session.facts.next_step import BusState, next_step
from creds_session.facts.session_state import hung_line
from creds_session.system.processes.keyring_daemons import program_of

ANOTHER_BUS = "unset DBUS_SESSION_BUS_ADDRESS, or log in again"


def not_a_unix_socket(address: str) -> NotPermitted:
    """Return the error for an address of another transport, on which others could listen."""
    return NotPermitted(
        f"the session bus {address!r} is not a unix socket; no password goes there",
        hint=ANOTHER_BUS,
    )


def of_another_user(address: str, uid: int) -> NotPermitted:
    """Return the error for a bus that another user runs; ``uid`` is -1 if it cannot be known."""
    if uid < 0:
        return NotPermitted(
            f"whose the session bus {address} is cannot be known here; no password goes there",
            hint="this user name space maps no user id: use unshare --map-current-user",
        )
    return NotPermitted(
        f"the session bus {address} belongs to user id {uid}; no password goes there",
        hint=ANOTHER_BUS,
    )


def no_answer(address: str, error: Exception) -> Unavailable:
    """Return the error for a bus that cannot be reached: TimedOut or NoService."""
    kind = TimedOut if isinstance(error, TimeoutError) else NoService
    return kind(
        f"no session bus answers at {address}: {str(error) or 'no answer in time'}",
        hint="creds-doctor says why, and what to type next",
    )


def provider_hung(method: str, timeout: float, pid: int | None) -> ProviderHung:
    """Return the error for a program that does not answer while the bus does.

    ``timeout`` is in seconds. ``pid`` is None if the bus does not name the process.
    """
    what = f"no answer to {method} within {timeout:g} s"
    line = f"{what}; the session bus answers"
    if pid is not None:
        line = hung_line(program_of(pid), pid, what)
    error = ProviderHung(line, hint=next_step(BusState.HUNG).hint)
    error.what = what
    return error
