"""Check whether systemd could start the units of gnome-keyring."""

from __future__ import annotations

from creds_session.doctor.checks.bus import NO_BUS
from creds_session.doctor.checks.registry import Check, hindrance
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, NotJudged, Remediation

SERVICE, SOCKET = "gnome-keyring-daemon.service", "gnome-keyring-daemon.socket"


def _failed(facts: Facts) -> Found | NotJudged | None:
    units = facts.units
    if not units.socket.is_known:
        return NotJudged(units.reason)
    evidence = tuple(
        f"{name}: {unit.active}, {unit.result}"
        for name, unit in ((SOCKET, units.socket), (SERVICE, units.service))
        if unit.active == "failed"
    )
    return Found(evidence) if evidence else None


CHECKS = (
    Check(
        "unit-failed",
        "daemon",
        hindrance,
        "systemd could not start the keyring daemon",
        _failed,
        cause="a unit of gnome-keyring failed: because of a drop-in, a missing program, or too many"
        " starts within a short time",
        remedy=Remediation(
            f"read why it failed: journalctl --user -u {SERVICE}; then start it again",
            (
                ("systemctl", "--user", "reset-failed", SERVICE, SOCKET),
                ("creds", "unlock"),
            ),
            is_safe=True,
        ),
        needs=NO_BUS,
    ),
)
