"""Check that the login that confirms a change shows that the changed rules let people in."""

from __future__ import annotations

from pathlib import Path

from creds_session.errors import NotPermitted
from creds_session.probe.login_method import PASSWORD_METHODS, probe_login_methods
from creds_session.setup_pam.pending_note import Pending
from creds_session.system.systemd import logind

UNTESTED = "creds-setup-pam confirm --untested"
SHOWS_NOTHING = "so it does not show that logins work"
BOOT_ID = "/proc/sys/kernel/random/boot_id"


def boot_id() -> str:
    """Return the id of this boot (random(4)). Raises OSError."""
    return Path(BOOT_ID).read_text().strip()


def require_new_login(pending: Pending, *, untested: bool) -> tuple[tuple[str, ...], bool]:
    """Return how sshd let this login in, and whether it ran all rules that were changed.

    After a reboot every login is new; the reboot has ended the timer as well.

    Raises:
        NotPermitted: The login began before the change. Without ``untested``, also if it used
            another service, or did not run the changed rules.
    """
    login = logind.own()
    names = " or ".join(pending.services)
    hint = f"log in again by {names}, in another terminal, and run this command there"
    if login is None:
        raise NotPermitted(f"this process belongs to no login session, {SHOWS_NOTHING}", hint=hint)
    if pending.boot == boot_id() and (pending.since is None or login.began <= pending.since):
        raise NotPermitted(f"this login began before the change, {SHOWS_NOTHING}", hint=hint)
    if login.service not in pending.services:
        if untested:
            return (), False
        raise NotPermitted(
            f"this login used the service {login.service}, not {names}",
            hint=f"{hint};\n"
            f"if that opens no login session, as with su, keep the change without a test:"
            f" {UNTESTED}",
        )
    methods = probe_login_methods(login.leader) if login.is_by_sshd else ()
    is_by_password = not login.is_by_sshd or bool(PASSWORD_METHODS.intersection(methods))
    is_tested = is_by_password or not pending.needs_password
    if not is_tested and not untested:
        raise _untested(methods, names)
    return methods, is_tested


def _untested(methods: tuple[str, ...], names: str) -> NotPermitted:
    how = f"this login was let in by {' and '.join(methods)}"
    if not methods:
        how = "sshd's lines in the journal do not say how this login was let in"
    return NotPermitted(
        f"{how}, so it does not show that a login with a password works with the changed rules",
        hint=f"log in again by {names}, with a password, and run this command there;\n"
        f"if nobody here can log in with a password, keep the change without a test: {UNTESTED}",
    )
