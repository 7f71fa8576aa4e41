"""Whether this session has a message bus."""

from __future__ import annotations

from creds_session.facts import Facts
from creds_session.findings import Finding, Remediation, Seen, Severity


def session_bus_answers(facts: Facts) -> Seen:
    """There is a session bus, and it answers."""
    bus = facts.bus
    if bus.answers:
        return Seen(f"the session bus answers at {bus.address}")
    if bus.address is None:
        finding = Finding(
            "bus-absent",
            Severity.ERROR,
            "this session has no bus, so no program can reach a keyring",
            cause="DBUS_SESSION_BUS_ADDRESS is not set and there is no user bus: su, cron and"
            " containers start sessions without one",
            evidence=(f"XDG_RUNTIME_DIR={facts.session.runtime_directory or '(not set)'}",),
            remediation=Remediation(
                "start a bus and work inside it, or log in by ssh",
                (("dbus-run-session", "--", "bash"), ("creds", "unlock")),
            ),
        )
        return Seen("none", (finding,))
    if bus.is_idle:
        return Seen(f"there is a session bus at {bus.address}; {bus.reason}")
    finding = Finding(
        "bus-unreachable",
        Severity.ERROR,
        "the session bus that this shell knows does not answer",
        cause="the address is left over from another session (tmux, screen, su)",
        evidence=(f"DBUS_SESSION_BUS_ADDRESS={bus.address}", bus.reason),
        remediation=Remediation("log in anew, or take the address of a session that lives"),
    )
    return Seen("unreachable", (finding,))
