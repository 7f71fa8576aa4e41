"""Check whether this session has a session bus that is this user's own and answers."""

from __future__ import annotations

from creds_session.doctor.checks.paths import is_foreign, seen
from creds_session.doctor.checks.registry import Case, Check
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
STOPPED = "T"  # the state of a stopped process in proc_pid_stat(5)
SEE_RECONNECT = (
    "See [how to connect a shell to the session bus again](../../how-to/reconnect-a-shell.md)."
)


def _as_remediation(step: Step) -> Remediation:
    commands = (
        in_this_shell(line) if line in {JOIN, START} else tuple(line.split()) for line in step.lines
    )
    return Remediation(step.text, tuple(commands))


def _has_unit(facts: Facts) -> bool:
    """Return whether this user's manager has a session bus that it has not started.

    It has if dbus-user-session was installed after this user had logged in.
    """
    unit = facts.units.bus
    reaches_manager = facts.session.runtime_directory == facts.runtime.usual.path
    return unit.load == "loaded" and unit.active == "inactive" and reaches_manager


def _next(facts: Facts) -> Remediation:
    """Return how to connect this shell to a session bus and make a secret readable there."""
    is_elsewhere = bool(facts.bus.elsewhere)
    state = bus_state(
        under_sudo=bool(facts.session.sudo_user),
        is_elsewhere=is_elsewhere,
        has_account=facts.session.user != str(facts.session.uid),
        has_unit=_has_unit(facts),
    )
    return _as_remediation(next_step(state, unlock=True, has_keyring=facts.keyring.exists))


def connected(facts: Facts, *others: Remediation) -> Remediation:
    """Return how to connect a shell whose variables name the session bus of another session.

    The remedy goes on until a secret can be read. ``others`` become its alternatives.
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
    evidence = f"XDG_RUNTIME_DIR={facts.session.runtime_directory or '(not set)'}"
    return Found((evidence,), remedy=_next(facts))


def _is_silent(facts: Facts) -> bool:
    """Return whether the address of a session bus is known, and the bus did not answer."""
    bus = facts.bus
    return bus.address is not None and not bus.answers and not bus.is_idle and bus.owner is None


def _address(facts: Facts) -> str:
    return f"DBUS_SESSION_BUS_ADDRESS={facts.bus.address}"


def _not_local(facts: Facts) -> Found | None:
    if not _is_silent(facts) or (facts.bus.address or "").startswith("unix:"):
        return None
    return Found((_address(facts),), remedy=_next(facts))


def _foreign(facts: Facts) -> Found | None:
    socket = facts.runtime.bus_socket
    if not _is_silent(facts) or socket is None:
        return None
    if socket.kind is not PathKind.DENIED and not is_foreign(socket, facts):
        return None
    return Found((_address(facts), *seen(socket)), remedy=_next(facts))


def _stale(facts: Facts) -> Found | None:
    socket = facts.runtime.bus_socket
    if not _is_silent(facts) or socket is None:
        return None
    no_socket = {PathKind.ABSENT, PathKind.DANGLING, PathKind.FILE, PathKind.FOLDER}
    if socket.kind not in no_socket and facts.bus.problem is not BusProblem.NOBODY_LISTENS:
        return None
    return Found((_address(facts), *seen(socket), facts.bus.reason), remedy=_next(facts))


def _stopped(facts: Facts) -> Found | None:
    stopped = [bus for bus in facts.processes.buses if bus.state == STOPPED]
    if not stopped or facts.bus.answers:
        return None
    commands = tuple(("kill", "-CONT", str(bus.pid)) for bus in stopped)
    return Found(
        (_address(facts), *(f"{bus.name} (pid {bus.pid}) is stopped" for bus in stopped)),
        remedy=Remediation("let the stopped process continue", commands, is_safe=True),
    )


def _unreachable(facts: Facts) -> Found | None:
    if not _is_silent(facts):
        return None
    return Found((_address(facts), facts.bus.reason), remedy=_next(facts))


def is_nested(facts: Facts) -> bool:
    """Return whether this shell uses another session bus than that of its runtime directory."""
    address, directory = facts.bus.address, facts.client.variables.get("XDG_RUNTIME_DIR")
    if not address or not directory or facts.runtime.usual.kind is not PathKind.FOLDER:
        return False
    return path_of_address(address) != f"{directory.rstrip('/')}/bus"


def _nested(facts: Facts) -> Found | None:
    if not is_nested(facts):
        return None
    return Found((_address(facts), f"the user's own session bus is {facts.runtime.usual.path}/bus"))


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
        "the process of the session bus is stopped, so every program that uses it hangs",
        _stopped,
        cause="somebody sent the process SIGSTOP, or a debugger holds it",
        needs=NO_SESSION,
        cases=(
            Case(
                "the process was stopped by a signal",
                "`kill -CONT PID`, with the process id in the evidence",
            ),
            Case("a debugger is attached to it", "detach the debugger (in gdb: `detach`)"),
        ),
    ),
    Check(
        "bus-absent",
        "bus",
        Severity.ERROR,
        "this session has no session bus (D-Bus), so no program can reach a keyring",
        _absent,
        cause="DBUS_SESSION_BUS_ADDRESS is not set, and this user has no session bus at the usual"
        " place: su, cron and containers start sessions without a session bus",
        remedy=USUAL,
        needs=NO_SESSION,
        about=f"Programs say `Cannot autolaunch D-Bus without X11 $DISPLAY`. {SEE_RECONNECT}",
    ),
    Check(
        "bus-not-local",
        "bus",
        Severity.ERROR,
        "the address of the session bus is not a unix socket, so no password is sent there",
        _not_local,
        cause="the address names a network, or a program to start (autolaunch:, unixexec:)",
        remedy=USUAL,
        needs=NO_SESSION,
    ),
    Check(
        "bus-foreign",
        "bus",
        Severity.ERROR,
        "this shell has the address of another user's session bus",
        _foreign,
        cause="su or sudo kept the address of the session in which it was called",
        remedy=USUAL,
        needs=NO_SESSION,
        about=SEE_RECONNECT,
    ),
    Check(
        "bus-stale",
        "bus",
        Severity.ERROR,
        "this shell has the address of a session bus that is not running any more",
        _stale,
        cause="tmux, screen and nohup keep the address of a session that has ended",
        remedy=USUAL,
        needs=NO_SESSION,
        about=SEE_RECONNECT,
    ),
    Check(
        "bus-unreachable",
        "bus",
        Severity.ERROR,
        "the session bus of this shell does not answer",
        _unreachable,
        cause="the session bus hangs, or does not let this process in",
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
        "this shell uses a second session bus, not the one of the login",
        _nested,
        cause="dbus-run-session, `creds exec` or `creds env --start` started it. A keyring that is"
        " unlocked on one session bus is not unlocked on the other",
        cases=(
            Case("you want this second session bus", "nothing has to be done"),
            Case(
                "you want the keyring that the login unlocked",
                "leave the shell that uses the second session bus: `exit`",
            ),
            Case(
                "you want the keyring unlocked on this session bus, too",
                "`unset GNOME_KEYRING_CONTROL`, then `creds unlock`",
            ),
        ),
    ),
    Check(
        "bus-unnamed",
        "bus",
        Severity.NOTE,
        "the session bus was found, although DBUS_SESSION_BUS_ADDRESS is not set",
        _unnamed,
        cause="programs with an old libdbus look only at this variable, and do not find it",
        remedy=Remediation("set the variable in this shell", (in_this_shell(JOIN),)),
        about=SEE_RECONNECT,
    ),
)
NO_BUS = (
    *NO_SESSION,
    *("bus-stopped", "bus-absent", "bus-not-local", "bus-foreign", "bus-stale", "bus-unreachable"),
)
