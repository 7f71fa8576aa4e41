"""Whether this session has a message bus, and whether it is this user's and answers."""

from __future__ import annotations

from creds_session.doctor.checks.paths import is_foreign, seen
from creds_session.doctor.checks.registry import Check
from creds_session.facts.bus_address import path_of_address
from creds_session.facts.machine import PathKind
from creds_session.facts.next_step import JOIN, START, BusState, Step, bus_state, next_step
from creds_session.facts.session import BusProblem
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Remediation, Severity, in_this_shell

NO_SESSION = (
    "facts-incomplete",
    "home-hung",
    "root-under-sudo",
    "home-foreign",
    "home-absent",
    "home-denied",
    "runtime-directory-foreign",
    "runtime-directory-missing",
    "user-manager-failed",
    "bus-sandboxed",
)
STOPPED = "T"


def _as_remediation(step: Step) -> Remediation:
    commands = (
        in_this_shell(line) if line in {JOIN, START} else tuple(line.split()) for line in step.lines
    )
    return Remediation(step.text, tuple(commands))


def _next(facts: Facts) -> Remediation:
    """Return what connects this shell to a bus, and has a secret readable there."""
    is_elsewhere = bool(facts.bus.elsewhere)
    state = bus_state(
        under_sudo=bool(facts.session.sudo_user),
        is_elsewhere=is_elsewhere,
        has_account=facts.session.user != str(facts.session.uid),
    )
    return _as_remediation(next_step(state, unlock=True, has_keyring=facts.keyring.exists))


def connected(facts: Facts, *others: Remediation) -> Remediation:
    """Return what connects a shell to a bus whose variables are another session's.

    It goes on until a secret can be read.
    """
    state = bus_state(
        under_sudo=bool(facts.session.sudo_user),
        is_elsewhere=bool(facts.bus.elsewhere) or facts.bus.answers or facts.bus.is_idle,
    )
    step = next_step(state, unlock=not facts.is_readable, has_keyring=facts.keyring.exists)
    return _as_remediation(step)._replace(alternatives=others)


USUAL = _as_remediation(next_step(BusState.NONE, unlock=True))._replace(
    alternatives=(_as_remediation(next_step(BusState.ELSEWHERE, unlock=True)),)
)


def _absent(facts: Facts) -> Found | None:
    if facts.bus.address is not None or facts.bus.is_unknown:
        return None
    told = (f"XDG_RUNTIME_DIR={facts.session.runtime_directory or '(not set)'}",)
    return Found(told, remedy=_next(facts))


def _is_silent(facts: Facts) -> bool:
    """Tell whether a bus is named, and did not answer."""
    bus = facts.bus
    return bus.address is not None and not bus.answers and not bus.is_idle and bus.owner is None


def _named(facts: Facts) -> str:
    return f"DBUS_SESSION_BUS_ADDRESS={facts.bus.address}"


def _not_local(facts: Facts) -> Found | None:
    if not _is_silent(facts) or (facts.bus.address or "").startswith("unix:"):
        return None
    return Found((_named(facts),), remedy=_next(facts))


def _foreign(facts: Facts) -> Found | None:
    socket = facts.runtime.bus_socket
    if not _is_silent(facts) or socket is None:
        return None
    if socket.kind is not PathKind.DENIED and not is_foreign(socket, facts):
        return None
    return Found((_named(facts), *seen(socket)), remedy=_next(facts))


def _stale(facts: Facts) -> Found | None:
    socket = facts.runtime.bus_socket
    if not _is_silent(facts) or socket is None:
        return None
    gone = {PathKind.ABSENT, PathKind.DANGLING, PathKind.FILE, PathKind.FOLDER}
    if socket.kind not in gone and facts.bus.problem is not BusProblem.NOBODY_LISTENS:
        return None
    return Found((_named(facts), *seen(socket), facts.bus.reason), remedy=_next(facts))


def _stopped(facts: Facts) -> Found | None:
    stopped = [bus for bus in facts.processes.buses if bus.state == STOPPED]
    if not stopped or facts.bus.answers:
        return None
    commands = tuple(("kill", "-CONT", str(bus.pid)) for bus in stopped)
    return Found(
        (_named(facts), *(f"{bus.name} (pid {bus.pid}) is stopped" for bus in stopped)),
        remedy=Remediation("let it go on", commands, is_safe=True),
    )


def _unreachable(facts: Facts) -> Found | None:
    if not _is_silent(facts):
        return None
    return Found((_named(facts), facts.bus.reason), remedy=_next(facts))


def is_nested(facts: Facts) -> bool:
    """Tell whether this shell is on another bus than the one of its runtime directory."""
    address, named = facts.bus.address, facts.client.variables.get("XDG_RUNTIME_DIR")
    if not address or not named or facts.runtime.usual.kind is not PathKind.FOLDER:
        return False
    return path_of_address(address) != f"{named.rstrip('/')}/bus"


def _nested(facts: Facts) -> Found | None:
    if not is_nested(facts):
        return None
    return Found((_named(facts), f"the user's own bus is {facts.runtime.usual.path}/bus"))


def _unnamed(facts: Facts) -> Found | None:
    if not facts.bus.answers or not facts.client.variables:
        return None
    if facts.client.variables.get("DBUS_SESSION_BUS_ADDRESS"):
        return None
    return Found((f"found at {facts.bus.address}",))


CHECKS = (
    Check(
        "bus-stopped",
        "bus",
        Severity.ERROR,
        "the session bus is stopped, so every program that uses it hangs",
        _stopped,
        cause="someone sent the bus SIGSTOP, or a debugger holds it",
        needs=NO_SESSION,
    ),
    Check(
        "bus-absent",
        "bus",
        Severity.ERROR,
        "this session has no bus, so no program can reach a keyring",
        _absent,
        cause="DBUS_SESSION_BUS_ADDRESS is not set and there is no user bus: su, cron and"
        " containers start sessions without one",
        remedy=USUAL,
        needs=NO_SESSION,
        about="Programs say `Cannot autolaunch D-Bus without X11 $DISPLAY`.",
    ),
    Check(
        "bus-not-local",
        "bus",
        Severity.ERROR,
        "the session bus is not a unix socket, so no password goes there",
        _not_local,
        cause="the address names a network or a program to start (autolaunch:, unixexec:)",
        remedy=USUAL,
        needs=NO_SESSION,
    ),
    Check(
        "bus-foreign",
        "bus",
        Severity.ERROR,
        "the session bus of this shell belongs to another user",
        _foreign,
        cause="su or sudo kept the address of the session that it was called in",
        remedy=USUAL,
        needs=NO_SESSION,
    ),
    Check(
        "bus-stale",
        "bus",
        Severity.ERROR,
        "the session bus that this shell names is gone",
        _stale,
        cause="tmux, screen and nohup keep the address of a session that has ended",
        remedy=USUAL,
        needs=NO_SESSION,
        about="See [a shell whose bus is gone](../../how-to/cron-and-ci.md).",
    ),
    Check(
        "bus-unreachable",
        "bus",
        Severity.ERROR,
        "the session bus that this shell knows does not answer",
        _unreachable,
        cause="it hangs, or refuses this process",
        remedy=USUAL,
        needs=(
            *NO_SESSION,
            *("bus-stopped", "bus-not-local", "bus-foreign", "bus-stale"),
        ),
    ),
    Check(
        "bus-nested",
        "bus",
        Severity.NOTE,
        "this shell is on a bus of its own, beside the user's bus",
        _nested,
        cause="dbus-run-session, creds exec or creds env --start made it; a keyring that is open"
        " on the one is not on the other",
    ),
    Check(
        "bus-unnamed",
        "bus",
        Severity.NOTE,
        "the bus was found, though DBUS_SESSION_BUS_ADDRESS is not set",
        _unnamed,
        cause="programs with an old libdbus look at the variable alone",
        remedy=Remediation("set it in this shell", (in_this_shell(JOIN),)),
    ),
)
NO_BUS = (
    *NO_SESSION,
    *("bus-stopped", "bus-absent", "bus-not-local", "bus-foreign", "bus-stale", "bus-unreachable"),
)
