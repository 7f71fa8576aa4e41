"""Facts to findings: every check is a pure function, every cause stands before its effects."""

from __future__ import annotations

from creds_session.checks import (
    bus,
    client,
    daemon,
    files,
    installation,
    keyring,
    other_services,
    pam,
    session,
    sshd,
    units,
)
from creds_session.checks.registry import Check, run, select

__all__ = ["CHECKS", "Check", "run", "select"]

CHECKS: tuple[Check, ...] = (
    *pam.FIRST,
    *installation.CHECKS,
    *session.CHECKS,
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
