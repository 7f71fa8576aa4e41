"""Whether a keyring daemon runs and serves this session's bus."""

from __future__ import annotations

from creds_session.facts import LOGIN_TIMEOUT, Daemon, DaemonRole, Facts
from creds_session.findings import Finding, Remediation, Seen, Severity

UNLOCK = Remediation("initialise it by unlocking", (("creds", "unlock"),))


def describe(daemon: Daemon) -> str:
    """Tell a daemon in one line: pid, role, parent, executable, arguments."""
    executable = daemon.executable or "(executable hidden by the kernel)"
    return (
        f"pid {daemon.pid}, role {daemon.role.value}, child of {daemon.parent_name or '?'}"
        f" (pid {daemon.parent}), user id {daemon.uid}, {executable}:"
        f" {' '.join(daemon.arguments)}"
    )


def daemon_is_initialised(facts: Facts) -> Seen:
    """The daemon that PAM started was initialised; none at all is no error of its own."""
    if not facts.daemons:
        return Seen("no gnome-keyring-daemon of this user runs")
    listed = "; ".join(describe(daemon) for daemon in facts.daemons)
    waiting = [daemon for daemon in facts.daemons if daemon.role is DaemonRole.LOGIN]
    others = [daemon for daemon in facts.daemons if daemon.role is not DaemonRole.LOGIN]
    if not waiting or others or facts.bus.owner is not None:
        return Seen(listed)
    left = LOGIN_TIMEOUT - (facts.now - waiting[0].started)
    finding = Finding(
        "daemon-waiting",
        Severity.ERROR,
        f"the keyring daemon still waits to be initialised, and ends in {max(left, 0):.0f} s",
        cause="PAM started it with --login; it serves nothing until a client or `creds unlock`"
        f" asks for secrets, and ends by itself {LOGIN_TIMEOUT} s after the login",
        evidence=(describe(waiting[0]),),
        remediation=UNLOCK,
    )
    return Seen(listed, (finding,))


def secrets_have_an_owner(facts: Facts) -> Seen:
    """A gnome-keyring-daemon owns org.freedesktop.secrets on this bus."""
    owner = facts.bus.owner
    if owner is not None and owner.is_gnome_keyring:
        return Seen(f"org.freedesktop.secrets is owned by {owner.name} (pid {owner.pid})")
    if owner is not None:
        finding = Finding(
            "other-provider",
            Severity.ERROR,
            f"another program serves secrets here: {owner.name} (pid {owner.pid})",
            cause="only one program can own org.freedesktop.secrets on a bus",
            remediation=Remediation("use that program's own means to unlock, or end it"),
        )
        return Seen("owned by another program", (finding,))
    if facts.keyring.exists is False:
        return Seen("nobody owns org.freedesktop.secrets, and there is no keyring to serve")
    finding = Finding(
        "secret-service-unowned",
        Severity.ERROR,
        "nobody owns org.freedesktop.secrets on this bus, so the keyring is closed",
        cause="no keyring daemon has been started or initialised in this session",
        evidence=tuple(describe(daemon) for daemon in facts.daemons),
        remediation=Remediation("start and unlock it", (("creds", "unlock"),)),
    )
    return Seen("org.freedesktop.secrets has no owner", (finding,))
