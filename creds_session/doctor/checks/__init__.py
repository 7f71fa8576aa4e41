"""List all checks, every cause before its effects; a check is a pure function of the facts."""

from __future__ import annotations

from creds_session.doctor.checks import (
    bus,
    client,
    daemon,
    files,
    home,
    installation,
    keyring,
    other_services,
    pam,
    pam_lockout,
    pam_vendor,
    selinux,
    session,
    sshd,
    units,
)
from creds_session.doctor.checks.registry import Check, run, select

__all__ = ["CHECKS", "Check", "run", "select"]

CHECKS: tuple[Check, ...] = (
    *pam_lockout.CHECKS,
    *home.CHECKS,
    *installation.CHECKS,
    *session.CHECKS,
    *selinux.CHECKS,
    *bus.CHECKS,
    *client.CHECKS,
    *files.CHECKS,
    *units.CHECKS,
    *daemon.CHECKS,
    *pam.CHECKS,
    *pam_vendor.CHECKS,
    *sshd.CHECKS,
    *keyring.CHECKS,
    *other_services.CHECKS,
)
