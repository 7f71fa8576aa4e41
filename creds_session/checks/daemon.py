"""Whether a keyring daemon runs and serves this session's bus."""

from __future__ import annotations

from creds_session.checks.registry import Check
from creds_session.facts import LOGIN_TIMEOUT, Daemon, DaemonRole, Facts
from creds_session.findings import Found, Remediation, Severity

UNLOCK = Remediation("start it and unlock", (("creds", "unlock"),), is_safe=True)
NO_BUS = ("daemon-not-installed", "bus-absent", "bus-unreachable")


def describe(daemon: Daemon) -> str:
    """Tell a daemon in one line: pid, role, parent, executable, arguments."""
    executable = daemon.executable or "(executable hidden by the kernel)"
    return (
        f"pid {daemon.pid}, role {daemon.role.value}, child of {daemon.parent_name or '?'}"
        f" (pid {daemon.parent}), user id {daemon.uid}, {executable}:"
        f" {' '.join(daemon.arguments)}"
    )


def _waiting(facts: Facts) -> Found | None:
    waiting = [daemon for daemon in facts.daemons if daemon.role is DaemonRole.LOGIN]
    others = [daemon for daemon in facts.daemons if daemon.role is not DaemonRole.LOGIN]
    if not waiting or others or facts.bus.owner is not None:
        return None
    left = max(LOGIN_TIMEOUT - (facts.now - waiting[0].started), 0)
    return Found(
        (describe(waiting[0]),),
        f"the keyring daemon still waits to be initialised, and ends in {left:.0f} s",
    )


def _other_provider(facts: Facts) -> Found | None:
    owner = facts.bus.owner
    if owner is None or owner.is_gnome_keyring:
        return None
    return Found(
        (f"org.freedesktop.secrets is owned by {owner.name} (pid {owner.pid})",),
        f"another program serves secrets here: {owner.name} (pid {owner.pid})",
    )


def _other_level(facts: Facts) -> Severity:
    """Another program that is open serves as well."""
    return Severity.NOTE if facts.is_readable else Severity.ERROR


CHECKS = (
    Check(
        "daemon-waiting",
        "daemon",
        Severity.ERROR,
        "the keyring daemon still waits to be initialised",
        _waiting,
        cause="PAM started it with --login; it serves nothing until a client or `creds unlock`"
        f" asks for secrets, and ends by itself {LOGIN_TIMEOUT} s after the login",
        cure=UNLOCK,
        needs=NO_BUS,
    ),
    Check(
        "other-provider",
        "daemon",
        _other_level,
        "another program serves secrets here",
        _other_provider,
        cause="only one program can own org.freedesktop.secrets on a bus",
        cure=Remediation("use that program's own means to unlock, or end it"),
        needs=NO_BUS,
    ),
)
