"""Check whether the login keyring exists, is served and is unlocked."""

from __future__ import annotations

from creds_session.doctor.checks import damaged_keyrings, default_keyring, keyring_locked
from creds_session.doctor.checks.daemon import must_serve
from creds_session.doctor.checks.daemon_process import describe
from creds_session.doctor.checks.default_keyring import UNSERVED, has_another, is_served
from creds_session.doctor.checks.registry import Check, hindrance
from creds_session.doctor.checks.remedies import CREATE, START, for_this_reader
from creds_session.facts.collection_state import CollectionState
from creds_session.facts.next_step import FORGET
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Remediation, Severity, in_this_shell


def _unowned(facts: Facts) -> Found | None:
    is_absent = facts.keyring.exists is False and not has_another(facts)
    if facts.bus.owner is not None or is_absent or facts.bus.is_unknown or facts.is_readable:
        return None
    running = tuple(describe(daemon) for daemon in facts.daemons)
    if facts.keyring.is_elsewhere and any(must_serve(daemon, facts) for daemon in facts.daemons):
        forget = Remediation(
            "leave that daemon running, and start one for this session bus",
            (in_this_shell(FORGET), ("creds", "unlock")),
        )
        return Found(
            (f"GNOME_KEYRING_CONTROL names the directory of {facts.keyring.control}", *running),
            "no keyring daemon serves this session bus; the daemon that GNOME_KEYRING_CONTROL names"
            " serves another one",
            cause="dbus-run-session started this session bus, and kept the variable of the outer"
            " session",
            remedy=forget,
        )
    evidence = running or ("no gnome-keyring-daemon of this user is running",)
    return Found(evidence, remedy=for_this_reader(facts, START))


def _ghost(facts: Facts) -> Found | None:
    if facts.bus.login is not CollectionState.GHOST or not is_served(facts):
        return None
    pid = facts.bus.owner.pid if facts.bus.owner else 0
    return Found((f"gnome-keyring-daemon (pid {pid})", facts.keyring.path))


def _is_absent(facts: Facts) -> bool:
    """Return whether there is no login keyring: by the daemon, or by the disk if none was asked."""
    if not is_served(facts) or has_another(facts) or facts.is_readable:
        return False
    login = facts.bus.login
    return login is CollectionState.ABSENT or (login is None and facts.keyring.exists is False)


def _absent(facts: Facts) -> Found | None:
    if not _is_absent(facts) or facts.keyring.exists is None:
        return None
    return Found((facts.keyring.path,), remedy=for_this_reader(facts, CREATE))


def _unexplained(facts: Facts) -> Found | None:
    bus = facts.bus
    if facts.is_readable or bus.is_unknown:
        return None
    return Found((f"bus: {bus.address} {bus.reason}; owner: {bus.owner}; login: {bus.login}",))


CHECKS = (
    Check(
        "secret-service-unowned",
        "daemon",
        Severity.ERROR,
        "no program serves secrets on this session bus (org.freedesktop.secrets has no owner)",
        _unowned,
        cause="no keyring daemon was started or initialised in this session",
        remedy=START,
        needs=UNSERVED[:-1],
    ),
    Check(
        "keyring-absent",
        "keyring",
        Severity.ERROR,
        "this user has no login keyring yet",
        _absent,
        cause="the first login with a password creates the login keyring, but only if PAM passes"
        " the password to the keyring daemon",
        remedy=CREATE._replace(
            alternatives=(
                Remediation(
                    "log in with your password, if PAM passes it to the keyring daemon: that"
                    " creates a keyring, too"
                ),
            )
        ),
        needs=UNSERVED,
        about="Programs say `Object does not exist at path"
        ' "/org/freedesktop/secrets/collection/login"`.',
    ),
    Check(
        "keyring-ghost",
        "keyring",
        hindrance,
        "the login keyring was created while the daemon was running, and is not served until the"
        " daemon is restarted",
        _ghost,
        cause="systemd's socket started the daemon before a first login created the keyring",
        remedy=Remediation(
            "restart the daemon, then unlock the keyring",
            (
                ("systemctl", "--user", "restart", "gnome-keyring-daemon.service"),
                ("creds", "unlock"),
            ),
            is_safe=True,
        ),
        needs=UNSERVED,
        about="See [why a first login fails](../../explanation/first-login.md).",
    ),
    *keyring_locked.CHECKS,
    *damaged_keyrings.CHECKS,
    *default_keyring.CHECKS,
    Check(
        "secret-unreadable",
        "keyring",
        Severity.ERROR,
        "no secret can be read, and the reason is not known",
        _unexplained,
        cause="none of the other checks found a reason",
        remedy=Remediation(
            "save what was seen, and show the file to somebody who knows creds-session",
            (("creds-doctor", "--save", "facts.json", "--anonymous"),),
        ),
        needs=(
            *UNSERVED,
            *("keyring-absent", "keyring-ghost", "keyring-locked"),
            *("login-password-refused", "login-password-lost", "login-without-password"),
            "daemon-replaced",
            *("default-keyring-damaged", "default-keyring-absent", "default-keyring-locked"),
        ),
    ),
)
