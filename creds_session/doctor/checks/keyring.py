"""Whether the login keyring is there and open."""

from __future__ import annotations

from creds_session.doctor.checks import default_keyring
from creds_session.doctor.checks.bus import is_nested
from creds_session.doctor.checks.daemon import describe, must_serve
from creds_session.doctor.checks.default_keyring import UNSERVED, has_another, is_served
from creds_session.doctor.checks.registry import Check, hindrance
from creds_session.doctor.checks.remedies import CREATE, REKEY, UNLOCK, for_this_reader
from creds_session.doctor.checks.session import log_of_login
from creds_session.facts.collection_state import CollectionState, KeyringForm
from creds_session.facts.login_log import INVALID, STARTED, STASHED, UNLOCKED
from creds_session.facts.next_step import FORGET
from creds_session.facts.session import DaemonRole
from creds_session.facts.snapshot import Facts
from creds_session.facts.sshd import DIALOGUE
from creds_session.findings import Found, Remediation, Severity, in_this_shell

OLDER = "if you typed the login's password: the keyring still has an older one; give it the new one"
BY_KEY = "if you came with a public key: unlock it with the keyring's password"
LEAVE = Remediation("go back to the session that the login opened", (in_this_shell("exit"),))
SHORT = frozenset("srfdlV")  # the daemon's options of one letter that take no value
WITHOUT_PASSWORD = (
    ("publickey", "sshd accepted a public key; no password was typed that PAM could hand over"),
    (
        "gssapi",
        "sshd accepted a Kerberos ticket (GSSAPI); no password was typed that PAM could hand over",
    ),
    (
        "hostbased",
        "sshd trusts the client's host (hostbased); no password was typed that PAM could hand over",
    ),
)
START = Remediation("start it and unlock", (("creds", "unlock"),), is_safe=True)


def _unowned(facts: Facts) -> Found | None:
    has_none = facts.keyring.exists is False and not has_another(facts)
    if facts.bus.owner is not None or has_none or facts.bus.is_unknown or facts.is_readable:
        return None
    running = tuple(describe(daemon) for daemon in facts.daemons)
    if facts.keyring.is_elsewhere and any(must_serve(one, facts) for one in facts.daemons):
        forget = Remediation(
            "leave that daemon aside, and start one for this bus",
            (in_this_shell(FORGET), ("creds", "unlock")),
        )
        return Found(
            (f"GNOME_KEYRING_CONTROL names the directory of {facts.keyring.control}", *running),
            "no keyring daemon serves this session bus; the one that this shell names serves"
            " another",
            cause="dbus-run-session made this bus, and kept the variable of the outer session",
            remedy=forget,
        )
    told = running or ("no gnome-keyring-daemon of this user runs",)
    return Found(told, remedy=for_this_reader(facts, START))


def _evidence(facts: Facts) -> tuple[str, ...]:
    method = facts.session.login_method or "not visible to this user"
    owner = facts.bus.owner
    by_hand = tuple(
        describe(one)
        for one in facts.daemons
        if owner and one.pid == owner.pid and one.role is DaemonRole.BY_HAND
    )
    return (f"login method: {method}", *_alarms(facts), *by_hand, facts.keyring.path)


def _alarms(facts: Facts) -> tuple[str, ...]:
    """Return what the log says of this login that went wrong."""
    alarms = log_of_login(facts).alarms
    return tuple(f"log: {event.line.text} ({event.meaning})" for event in alarms)


def _refused(facts: Facts) -> Found | None:
    if not _is_locked(facts):
        return None
    alarms = log_of_login(facts).alarms
    told = [event for event in alarms if INVALID in event.line.text]
    return Found((f"log: {told[-1].line.text}", facts.keyring.path)) if told else None


def _stash_lost(facts: Facts) -> Found | None:
    if not _is_locked(facts) or not (facts.session.login_method or "").startswith(DIALOGUE):
        return None
    login_log = log_of_login(facts)
    if not login_log.has(STASHED) or login_log.has(f"{STARTED} and unlocked"):
        return None
    return Found((f"log: gkr-pam: {STASHED}", f"login method: {facts.session.login_method}"))


def _is_locked(facts: Facts) -> bool:
    """Return whether the login keyring is locked, and a program would notice.

    It would not if every program opens that keyring, or reads another one that is unlocked.
    """
    is_locked = facts.bus.login is CollectionState.LOCKED and is_served(facts)
    return is_locked and facts.keyring.form is not KeyringForm.PLAIN and not facts.is_readable


def _without_password(facts: Facts) -> Found | None:
    method = facts.session.login_method
    if not _is_locked(facts) or method == "password" or is_nested(facts):
        return None
    if method is None:
        is_told = not facts.session.by_ssh or _has_password(facts) or _is_refused(facts)
        return None if is_told else _unexplained_login(facts)
    if method.startswith(DIALOGUE):
        return Found(
            _evidence(facts),
            "the login keyring is locked: the password typed at this login did not reach it",
            "sshd asks keyboard-interactive in a process of its own; the password stays there",
            for_this_reader(facts, UNLOCK),
        )
    known = (why for start, why in WITHOUT_PASSWORD if method.startswith(start))
    cause = next(known, f"sshd accepted this login by {method}, which brings no password to PAM")
    return Found(_evidence(facts), cause=cause, remedy=for_this_reader(facts, UNLOCK))


def _is_replace(word: str) -> bool:
    """Tell whether an argument of the daemon is --replace, also as one of several short options."""
    is_short = word[:1] == "-" and bool(word[1:]) and set(word[1:]) <= SHORT
    return word == "--replace" or (is_short and "r" in word)


def _replaced(facts: Facts) -> Found | None:
    """Find a daemon that took the place of the login's, and started locked."""
    if not _is_locked(facts):
        return None
    ours = [one for one in facts.daemons if facts.bus.owner and one.pid == facts.bus.owner.pid]
    replacing = [one for one in ours if any(map(_is_replace, one.arguments[1:]))]
    if not replacing:
        return None
    places = facts.client.starts_daemon
    lines = tuple(f"{place} names gnome-keyring-daemon" for place in places)
    undo = Remediation(f"take `--replace` out of what starts it: {', '.join(places)}")
    others = (undo,) if places else ()
    remedy = for_this_reader(facts, UNLOCK, *others)
    return Found((*map(describe, replacing), *lines), remedy=remedy)


def _locked(facts: Facts) -> Found | None:
    if not _is_locked(facts) or _without_password(facts):
        return None
    evidence = _evidence(facts)
    if is_nested(facts):
        address = facts.bus.address
        return Found(
            (f"this shell is on {address}", *evidence),
            "the login keyring is locked on this session bus, which is not the login's",
            "dbus-run-session or `creds env --start` made this bus; a keyring that the login"
            " unlocked is unlocked on the login's own bus alone",
            for_this_reader(facts, UNLOCK, LEAVE),
        )
    if _has_password(facts):
        cause = (
            "the login handed its password over; it was locked since (creds lock), or refused it"
        )
        return Found(evidence, cause=cause, remedy=for_this_reader(facts, UNLOCK, REKEY))
    if facts.session.by_ssh:
        return _unexplained_login(facts)
    return Found(evidence, remedy=for_this_reader(facts, UNLOCK))


def _has_password(facts: Facts) -> bool:
    """Tell whether the log says that this login handed its password over."""
    login_log = log_of_login(facts)
    return login_log.has(UNLOCKED) or login_log.has(f"{STARTED} and unlocked")


def _is_refused(facts: Facts) -> bool:
    """Tell whether a password was typed, as far as can be seen, and is not the keyring's."""
    client = facts.client
    return client.was_refused or client.has_ssh_keys is False


def _unexplained_login(facts: Facts) -> Found:
    """Say of a login by ssh what is known, and both remedies, the likelier one first."""
    typed = facts.session.login_method == "password"
    client, evidence = facts.client, _evidence(facts)
    title = "the login keyring is locked: this login did not open it"
    cause = (
        "either no password was typed, as with a public key, or the keyring has another one than"
        " the login (sshd tells how a login came only to root, or under ExposeAuthInfo)"
    )
    if typed:
        cause = "its password is not the one that was typed at login, or it was locked since"
    rekey = Remediation(OLDER, REKEY.commands, REKEY.is_safe)
    if client.was_refused:
        evidence = (*evidence, "creds unlock was refused in this session")
    if client.has_ssh_keys is False:
        evidence = (*evidence, "no key for a login lies in ~/.ssh/authorized_keys")
    first, second = UNLOCK, rekey
    if typed or _is_refused(facts):
        first, second = rekey, Remediation(BY_KEY, UNLOCK.commands, UNLOCK.is_safe)
    return Found(evidence, title, cause, for_this_reader(facts, first, second))


def _ghost(facts: Facts) -> Found | None:
    if facts.bus.login is not CollectionState.GHOST or not is_served(facts):
        return None
    pid = facts.bus.owner.pid if facts.bus.owner else 0
    return Found((f"gnome-keyring-daemon (pid {pid})", facts.keyring.path))


def _is_absent(facts: Facts) -> bool:
    """Tell whether the daemon or, if no daemon was asked, the file system has no login keyring."""
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
        remedy=START,
        needs=UNSERVED[:-1],
    ),
    Check(
        "keyring-absent",
        "keyring",
        Severity.ERROR,
        "this user has no login keyring yet",
        _absent,
        cause="one is created by the first login with a password once PAM hands it over",
        remedy=CREATE._replace(
            alternatives=(
                Remediation("log in by password, once PAM hands it over: that creates one, too"),
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
        "the login keyring was created while the daemon ran, which never serves such a one",
        _ghost,
        cause="systemd's socket started the daemon before a first login created the keyring",
        remedy=Remediation(
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
        "daemon-replaced",
        "keyring",
        Severity.ERROR,
        "the login keyring is locked: a daemon that was started with --replace ended the login's",
        _replaced,
        cause="--replace ends the daemon that had the keyring unlocked, and the new one starts"
        " locked; a start-up file of the shell or of the desktop often starts it",
        remedy=UNLOCK,
        needs=UNSERVED,
    ),
    Check(
        "login-password-refused",
        "keyring",
        Severity.ERROR,
        "the login keyring is locked: it refused the password that was typed at the login",
        _refused,
        cause="the login's password was changed without the keyring's (by root, passwd, LDAP)",
        remedy=REKEY,
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
        remedy=UNLOCK,
        needs=UNSERVED,
        about="See [what keyboard-interactive does](../../explanation/keyboard-interactive.md).",
    ),
    Check(
        "login-without-password",
        "keyring",
        Severity.ERROR,
        "the login keyring is locked: this login brought no password",
        _without_password,
        cause="a login by a key, a Kerberos ticket or a trusted host brings no password that PAM"
        " could hand over",
        remedy=UNLOCK,
        needs=(*UNSERVED, "login-password-refused", "login-password-lost", "daemon-replaced"),
        about="If nothing tells how the login came, the title says only that this login did not"
        " open the keyring, and both remedies are shown. If the account has no keys to log in with,"
        " or `creds unlock` was refused, the finding is keyring-locked.\n\n"
        "See [how to unlock](../../how-to/unlock.md).",
    ),
    Check(
        "keyring-locked",
        "keyring",
        Severity.ERROR,
        "the login keyring is locked",
        _locked,
        cause="this session was not opened by a login with a password (su, cron, a container)",
        remedy=UNLOCK._replace(
            alternatives=(Remediation(OLDER, REKEY.commands, REKEY.is_safe),),
        ),
        needs=(*UNSERVED, "login-password-refused", "login-password-lost", "daemon-replaced"),
        about="Programs say `Failed to unlock the collection!`, `Cannot create an item in a locked"
        " collection`, or nothing: `secret-tool lookup` prints nothing and ends with 1.",
    ),
    *default_keyring.CHECKS,
    Check(
        "secret-unreadable",
        "keyring",
        Severity.ERROR,
        "no secret can be read, and what keeps it from that is not known",
        _unexplained,
        cause="none of the other checks found it",
        remedy=Remediation(
            "save what was seen, and show it to somebody who knows creds-session",
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
