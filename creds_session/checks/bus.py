"""Whether this session has a message bus."""

from __future__ import annotations

from creds_session.checks.registry import Check
from creds_session.facts import Facts
from creds_session.findings import Found, Remediation, Severity

START = Remediation(
    "put this shell on a bus, started where there is none, then unlock:"
    ' eval "$(creds env --start)"',
    (("creds", "unlock"),),
)


def _absent(facts: Facts) -> Found | None:
    if facts.bus.address is not None:
        return None
    return Found((f"XDG_RUNTIME_DIR={facts.session.runtime_directory or '(not set)'}",))


def _unreachable(facts: Facts) -> Found | None:
    bus = facts.bus
    if bus.address is None or bus.answers or bus.is_idle:
        return None
    return Found((f"DBUS_SESSION_BUS_ADDRESS={bus.address}", bus.reason))


CHECKS = (
    Check(
        "bus-absent",
        "bus",
        Severity.ERROR,
        "this session has no bus, so no program can reach a keyring",
        _absent,
        cause="DBUS_SESSION_BUS_ADDRESS is not set and there is no user bus: su, cron and"
        " containers start sessions without one",
        cure=START,
        needs=("daemon-not-installed",),
    ),
    Check(
        "bus-unreachable",
        "bus",
        Severity.ERROR,
        "the session bus that this shell knows does not answer",
        _unreachable,
        cause="the address is left over from another session (tmux, screen, su)",
        cure=START,
        needs=("daemon-not-installed",),
    ),
)
