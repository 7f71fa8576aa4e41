"""Facts to findings: every check is a pure function, every cause stands before its effects."""

from __future__ import annotations

from creds_session.checks import bus, daemon, installation, keyring, pam, sshd
from creds_session.checks.registry import Check, run, select

__all__ = ["CHECKS", "Check", "run", "select"]

CHECKS: tuple[Check, ...] = (
    *installation.CHECKS,
    *bus.CHECKS,
    *daemon.CHECKS,
    *sshd.CHECKS,
    *pam.CHECKS,
    *keyring.CHECKS,
)
