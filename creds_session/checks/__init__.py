"""Facts to findings: every check is a pure function, every cause stands before its effects."""

from __future__ import annotations

from creds_session.checks.bus import session_bus_answers
from creds_session.checks.daemon import daemon_is_initialised, secrets_have_an_owner
from creds_session.checks.installation import parts_are_installed
from creds_session.checks.keyring import login_keyring_is_open
from creds_session.checks.pam import first_login_can_store, password_is_handed_over
from creds_session.checks.registry import Check, run
from creds_session.checks.sshd import sshd_lets_the_password_through

__all__ = ["CHECKS", "Check", "run"]

CHECKS = (
    Check("installation", parts_are_installed),
    Check("sshd", sshd_lets_the_password_through),
    Check("pam", password_is_handed_over),
    Check("first-login", first_login_can_store),
    Check("session-bus", session_bus_answers, needs=("installation",)),
    Check("daemon", daemon_is_initialised, needs=("installation",)),
    Check("secret-service", secrets_have_an_owner, needs=("session-bus", "daemon")),
    Check("login-keyring", login_keyring_is_open, needs=("session-bus", "secret-service")),
)
