"""Whether systemd could start what its units of gnome-keyring name."""

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
    told = tuple(
        f"{name}: {unit.active}, {unit.result}"
        for name, unit in ((SOCKET, units.socket), (SERVICE, units.service))
        if unit.active == "failed"
    )
    return Found(told) if told else None


CHECKS = (
    Check(
        "unit-failed",
        "daemon",
        hindrance,
        "systemd could not start the keyring daemon",
        _failed,
        cause="the unit failed: a drop-in, a missing program, or too many starts in a row",
        remedy=Remediation(
            f"see why: journalctl --user -u {SERVICE}; then",
            (
                ("systemctl", "--user", "reset-failed", SERVICE, SOCKET),
                ("creds", "unlock"),
            ),
            is_safe=True,
        ),
        needs=NO_BUS,
    ),
)
