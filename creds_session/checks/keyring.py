"""Whether the login keyring is there and open."""

from __future__ import annotations

from creds_session.checks.daemon import NO_DAEMON, describe
from creds_session.checks.files import BAD_FILES
from creds_session.checks.registry import Check
from creds_session.checks.session import story_of_login
from creds_session.collection import CollectionState, collection_name
from creds_session.facts import Facts
from creds_session.findings import Found, Remediation, Severity
from creds_session.sshd import DIALOGUE
from creds_session.story import INVALID, STARTED, STASHED, UNLOCKED

SERVICE = ("org.freedesktop.secrets", "/org/freedesktop/secrets", "org.freedesktop.Secret.Service")
LOGIN = "/org/freedesktop/secrets/collection/login"
MAKE_IT_DEFAULT = ("busctl", "--user", "call", *SERVICE, "SetAlias", "so", "default", LOGIN)
UNLOCK = Remediation("unlock it with the keyring's password", (("creds", "unlock"),), is_safe=True)
REKEY = Remediation(
    "give it the login's password; the old one is asked for", (("creds", "rekey"),), is_safe=True
)
UNSERVED = tuple(dict.fromkeys((*NO_DAEMON, *BAD_FILES, "secret-service-unowned")))
START = Remediation("start it and unlock", (("creds", "unlock"),), is_safe=True)


def _is_served(facts: Facts) -> bool:
    """Tell whether gnome-keyring owns the name, or nobody: others name their keyrings otherwise."""
    return facts.bus.owner is None or facts.bus.owner.is_gnome_keyring


def _unowned(facts: Facts) -> Found | None:
    if facts.bus.owner is not None or facts.keyring.exists is False or facts.bus.is_unknown:
        return None
    running = tuple(describe(daemon) for daemon in facts.daemons)
    return Found(running or ("no gnome-keyring-daemon of this user runs",))


def _default_absent(facts: Facts) -> Found | None:
    bus = facts.bus
    if bus.login is not CollectionState.UNLOCKED or not _is_served(facts):
        return None
    if bus.default not in {CollectionState.ABSENT, CollectionState.GHOST}:
        return None
    return Found((f"the alias default leads to {bus.default_path or '/'}",))


def _default_locked(facts: Facts) -> Found | None:
    bus = facts.bus
    is_other = bus.login is CollectionState.UNLOCKED and bus.default is CollectionState.LOCKED
    if not is_other or not _is_served(facts):
        return None
    name = collection_name(bus.default_path)
    return Found(
        (bus.default_path,),
        f"the default keyring is locked: {name}, which is not the login keyring",
        cure=Remediation(
            f"make the login keyring the default (what {name} holds stays there), or unlock {name}"
            " on a desktop",
            (MAKE_IT_DEFAULT,),
            is_safe=True,
        ),
    )


def _evidence(facts: Facts) -> tuple[str, ...]:
    method = facts.session.login_method or "not visible to this user"
    return (f"login method: {method}", *_alarms(facts), facts.keyring.path)


def _alarms(facts: Facts) -> tuple[str, ...]:
    """Return what the log says of this login that went wrong."""
    alarms = story_of_login(facts).alarms
    return tuple(f"log: {event.line.text} ({event.meaning})" for event in alarms)


def _refused(facts: Facts) -> Found | None:
    if not _is_locked(facts):
        return None
    alarms = story_of_login(facts).alarms
    told = [event for event in alarms if INVALID in event.line.text]
    return Found((f"log: {told[-1].line.text}", facts.keyring.path)) if told else None


def _stash_lost(facts: Facts) -> Found | None:
    if not _is_locked(facts) or not (facts.session.login_method or "").startswith(DIALOGUE):
        return None
    story = story_of_login(facts)
    if not story.has(STASHED) or story.has(f"{STARTED} and unlocked"):
        return None
    return Found((f"log: gkr-pam: {STASHED}", f"login method: {facts.session.login_method}"))


def _is_locked(facts: Facts) -> bool:
    return facts.bus.login is CollectionState.LOCKED and _is_served(facts)


def _without_password(facts: Facts) -> Found | None:
    session = facts.session
    method = session.login_method
    if not _is_locked(facts) or method == "password":
        return None
    if method == "publickey":
        cause = "sshd accepted a public key; no password was typed that PAM could hand over"
    elif method is not None and method.startswith("keyboard-interactive"):
        cause = "sshd asks keyboard-interactive in a process of its own; the password stays there"
    elif session.by_ssh:
        cause = ""
    else:
        return None
    return Found(_evidence(facts), cause=cause)


def _locked(facts: Facts) -> Found | None:
    if not _is_locked(facts) or _without_password(facts):
        return None
    story = story_of_login(facts)
    if story.has(UNLOCKED) or story.has(f"{STARTED} and unlocked"):
        cause = (
            "the login handed its password over; it was locked since (creds lock), or refused it"
        )
        return Found(_evidence(facts), cause=cause)
    if facts.session.login_method == "password":
        cause = "its password is not the one that was typed at login"
        return Found(_evidence(facts), cause=cause, cure=REKEY)
    return Found(_evidence(facts))


def _ghost(facts: Facts) -> Found | None:
    if facts.bus.login is not CollectionState.GHOST or not _is_served(facts):
        return None
    pid = facts.bus.owner.pid if facts.bus.owner else 0
    return Found((f"gnome-keyring-daemon (pid {pid})", facts.keyring.path))


def _is_absent(facts: Facts) -> bool:
    return facts.bus.login in {None, CollectionState.ABSENT} and _is_served(facts)


def _absent(facts: Facts) -> Found | None:
    if not _is_absent(facts) or facts.keyring.exists is None:
        return None
    return Found((facts.keyring.path,))


def _unexplained(facts: Facts) -> Found | None:
    if facts.is_readable:
        return None
    bus = facts.bus
    told = f"bus: {bus.address} {bus.reason}; owner: {bus.owner}; login: {bus.login}"
    return Found((told,))


CHECKS = (
    Check(
        "secret-service-unowned",
        "daemon",
        Severity.ERROR,
        "nobody owns org.freedesktop.secrets on this bus, so the keyring is closed",
        _unowned,
        cause="no keyring daemon has been started or initialised in this session",
        cure=START,
        needs=UNSERVED[:-1],
    ),
    Check(
        "keyring-absent",
        "keyring",
        Severity.ERROR,
        "this user has no login keyring yet",
        _absent,
        cause="one is created by the first login with a password once PAM hands it over",
        cure=Remediation(
            "log in by password once PAM is set up, or create one now",
            (("creds", "unlock", "--create"),),
        ),
        needs=UNSERVED,
        about="Programs say `Object does not exist at path"
        ' "/org/freedesktop/secrets/collection/login"`.',
    ),
    Check(
        "keyring-ghost",
        "keyring",
        Severity.ERROR,
        "the login keyring was created while the daemon ran, which never serves such a one",
        _ghost,
        cause="systemd's socket started the daemon before a first login created the keyring",
        cure=Remediation(
            "restart the daemon, then unlock",
            (
                ("systemctl", "--user", "restart", "gnome-keyring-daemon.service"),
                ("creds", "unlock"),
            ),
            is_safe=True,
        ),
        needs=UNSERVED,
        about="See [why a first login fails](../../explanation/first-login.md).",
    ),
    Check(
        "login-password-refused",
        "keyring",
        Severity.ERROR,
        "the login keyring is locked: it refused the password that was typed at the login",
        _refused,
        cause="the login's password was changed without the keyring's (by root, passwd, LDAP)",
        cure=REKEY,
        needs=UNSERVED,
        about="See [what a changed password does](../../explanation/password-change.md).",
    ),
    Check(
        "login-password-lost",
        "keyring",
        Severity.ERROR,
        "the login keyring is locked: the password was gone before the session began",
        _stash_lost,
        cause="sshd asks keyboard-interactive in a child; what PAM keeps there ends with it",
        cure=UNLOCK,
        needs=UNSERVED,
        about="See [what keyboard-interactive does](../../explanation/keyboard-interactive.md).",
    ),
    Check(
        "login-without-password",
        "keyring",
        Severity.ERROR,
        "the login keyring is locked: this login brought no password",
        _without_password,
        cause="a login by public key brings no password; if one was typed, the keyring's own is"
        " another (sshd tells how a login came only to root, or under ExposeAuthInfo)",
        cure=UNLOCK,
        needs=(*UNSERVED, "login-password-refused", "login-password-lost"),
        about="See [how to unlock](../../how-to/unlock.md).",
    ),
    Check(
        "keyring-locked",
        "keyring",
        Severity.ERROR,
        "the login keyring is locked",
        _locked,
        cause="this session was not opened by a login with a password (su, cron, a container)",
        cure=UNLOCK,
        needs=(*UNSERVED, "login-password-refused", "login-password-lost"),
        about="Programs say `Failed to unlock the collection!`, `Cannot create an item in a locked"
        " collection`, or nothing: `secret-tool lookup` prints nothing and ends with 1.",
    ),
    Check(
        "default-keyring-absent",
        "keyring",
        Severity.ERROR,
        "there is no default keyring, where programs read and store",
        _default_absent,
        cause="the alias default names a keyring that is not there: the file"
        " ~/.local/share/keyrings/default holds its name",
        cure=Remediation("make the login keyring the default", (MAKE_IT_DEFAULT,), is_safe=True),
        needs=UNSERVED,
    ),
    Check(
        "default-keyring-locked",
        "keyring",
        Severity.ERROR,
        "the default keyring is locked, which is not the login keyring",
        _default_locked,
        cause="the alias default names it, and no login opens it: PAM opens the login keyring only",
        needs=UNSERVED,
    ),
    Check(
        "secret-unreadable",
        "keyring",
        Severity.ERROR,
        "no secret can be read, and what keeps it from that is not known",
        _unexplained,
        cause="none of the other checks found it",
        cure=Remediation("save what was seen, and show it: creds-doctor --save FILE --anonymous"),
        needs=(
            *UNSERVED,
            *("keyring-absent", "keyring-ghost", "keyring-locked"),
            *("login-password-refused", "login-password-lost", "login-without-password"),
            *("default-keyring-absent", "default-keyring-locked"),
        ),
    ),
)
