"""Facts to findings: every check is a pure function, every cause stands before its effects."""

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
    selinux,
    session,
    sshd,
    units,
)
from creds_session.doctor.checks.registry import Check, run, select

__all__ = ["CHECKS", "Check", "run", "select"]

CHECKS: tuple[Check, ...] = (
    *pam.FIRST,
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
    *sshd.CHECKS,
    *keyring.CHECKS,
    *other_services.CHECKS,
)
