"""Say why the login keyring is locked, as far as the login and the log show it."""

from __future__ import annotations

from creds_session.doctor.checks.bus import is_nested
from creds_session.doctor.checks.daemon_process import describe
from creds_session.doctor.checks.default_keyring import UNSERVED, is_served
from creds_session.doctor.checks.pam_verdicts import may_pass_no_password, passes_no_password
from creds_session.doctor.checks.registry import Check
from creds_session.doctor.checks.remedies import REKEY, UNLOCK, for_this_reader
from creds_session.doctor.checks.session import log_of_login
from creds_session.facts.collection_state import CollectionState, KeyringForm
from creds_session.facts.login_log import INVALID, STARTED, STASHED, UNLOCKED
from creds_session.facts.session import DaemonRole
from creds_session.facts.snapshot import Facts
from creds_session.facts.sshd import DIALOGUE
from creds_session.findings import Found, Remediation, Severity, in_this_shell
from creds_session.quoting import quoted

OLDER = Remediation(
    "if the keyring does not accept your login password: give it that password; you are asked for"
    " the old password of the keyring first",
    REKEY.commands,
    REKEY.is_safe,
)
BY_KEY = Remediation(
    "if it does, for example after `creds lock` or a login with a public key: unlock the keyring"
    " with its password",
    UNLOCK.commands,
    UNLOCK.is_safe,
)
AGAIN = Remediation(
    "type the password of the keyring once more: a typing error is refused in the same way",
    UNLOCK.commands,
    UNLOCK.is_safe,
)
LEAVE = Remediation("go back to the session that the login began", (in_this_shell("exit"),))
SHORT = frozenset("srfdlV")  # the daemon's options of one letter that take no value
NO_PASSWORD = "so no password was typed that PAM could pass to the keyring"  # noqa: S105 - a text
WITHOUT_PASSWORD = (
    ("publickey", f"sshd accepted a public key, {NO_PASSWORD}"),
    ("gssapi", f"sshd accepted a Kerberos ticket (GSSAPI), {NO_PASSWORD}"),
    ("hostbased", f"sshd trusts the host of the client (hostbased), {NO_PASSWORD}"),
)
SINCE = "it was locked since then, or the daemon that had unlocked it has ended"


def _evidence(facts: Facts) -> tuple[str, ...]:
    method = facts.session.login_method or "not visible to this user"
    owner = facts.bus.owner
    by_hand = tuple(
        describe(daemon)
        for daemon in facts.daemons
        if owner and daemon.pid == owner.pid and daemon.role is DaemonRole.BY_HAND
    )
    return (f"login method: {method}", *_alarms(facts), *by_hand, facts.keyring.path)


def _alarms(facts: Facts) -> tuple[str, ...]:
    """Return the lines of the log that report a fault of this login."""
    alarms = log_of_login(facts).alarms
    return tuple(f"log: {event.line.text} ({event.meaning})" for event in alarms)


def _refused(facts: Facts) -> Found | None:
    if not _is_locked(facts):
        return None
    refusals = [event for event in log_of_login(facts).alarms if INVALID in event.line.text]
    return Found((f"log: {refusals[-1].line.text}", facts.keyring.path)) if refusals else None


def _stash_lost(facts: Facts) -> Found | None:
    if not _is_locked(facts) or not (facts.session.login_method or "").startswith(DIALOGUE):
        return None
    log = log_of_login(facts)
    if not log.has(STASHED) or log.has(f"{STARTED} and unlocked"):
        return None
    return Found((f"log: gkr-pam: {STASHED}", f"login method: {facts.session.login_method}"))


def _is_locked(facts: Facts) -> bool:
    """Return whether the login keyring is locked, and programs are affected.

    They are not affected if every program can unlock that keyring without a password, or if they
    read another keyring that is unlocked.
    """
    is_locked = facts.bus.login is CollectionState.LOCKED and is_served(facts)
    return is_locked and facts.keyring.form is not KeyringForm.PLAIN and not facts.is_readable


def _without_password(facts: Facts) -> Found | None:
    method = facts.session.login_method
    if not _is_locked(facts) or method == "password" or is_nested(facts):
        return None
    if method is None:
        is_explained = not facts.session.by_ssh or _has_password(facts) or _is_refused(facts)
        return None if is_explained else _unexplained_login(facts)
    if method.startswith(DIALOGUE):
        return Found(
            _evidence(facts),
            "the login keyring is locked, because the password typed at this login did not reach"
            " it",
            "sshd asks for the password by keyboard-interactive, in a process of its own; the"
            " password is lost when this process ends",
            for_this_reader(facts, UNLOCK),
        )
    known = (cause for start, cause in WITHOUT_PASSWORD if method.startswith(start))
    cause = next(known, f"sshd accepted this login by {method}, {NO_PASSWORD}")
    return Found(_evidence(facts), cause=cause, remedy=for_this_reader(facts, UNLOCK))


def _is_replace(word: str) -> bool:
    """Return whether an argument of the daemon is --replace, also among joined short options."""
    is_short = word[:1] == "-" and bool(word[1:]) and set(word[1:]) <= SHORT
    return word == "--replace" or (is_short and "r" in word)


def _replaced(facts: Facts) -> Found | None:
    """Find a daemon that took the place of the login's daemon, and started locked."""
    if not _is_locked(facts):
        return None
    owner = facts.bus.owner
    owners = [daemon for daemon in facts.daemons if owner and daemon.pid == owner.pid]
    replacing = [daemon for daemon in owners if any(map(_is_replace, daemon.arguments[1:]))]
    if not replacing:
        return None
    places = facts.client.starts_daemon
    lines = tuple(f"{place} names gnome-keyring-daemon" for place in places)
    undo = Remediation(f"remove `--replace` from the line that starts it: {', '.join(places)}")
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
            "the login keyring is locked on this session bus, which is not the one of the login",
            "dbus-run-session or `creds env --start` started this session bus; a keyring that the"
            " login unlocked is unlocked only on the login's own session bus",
            for_this_reader(facts, UNLOCK, LEAVE),
        )
    if _has_password(facts):
        cause = f"the login passed its password to the keyring, which refused it; or {SINCE}"
        return Found(evidence, cause=cause, remedy=for_this_reader(facts, UNLOCK, REKEY))
    if facts.session.by_ssh:
        return _unexplained_login(facts)
    return Found(evidence, cause=_unseen(facts), remedy=for_this_reader(facts, UNLOCK))


def _unseen(facts: Facts) -> str:
    """Say what is not seen of the login that began this session, and assert no cause."""
    why = "logind names no login for this session (su, cron, a container)"
    if facts.session.service:
        service = quoted(facts.session.service)
        why = f"no line of the log that can be read here says it of this login (service {service})"
    return (
        f"it cannot be seen whether a password was passed to the keyring, because {why}. Either no"
        f" password was passed, or the keyring has another password, or {SINCE}"
    )


def _has_password(facts: Facts) -> bool:
    """Return whether the log says that this login passed its password to the keyring."""
    log = log_of_login(facts)
    return log.has(UNLOCKED) or log.has(f"{STARTED} and unlocked")


def _is_refused(facts: Facts) -> bool:
    """Return whether a typed password is not the keyring's, as far as can be seen."""
    client = facts.client
    return client.was_refused or client.has_ssh_keys is False


def _unexplained_login(facts: Facts) -> Found:
    """Say what is known about a login by ssh, with both remedies, the likelier one first.

    If an unlock was refused, typing the password again costs the least, so it comes first. Nobody
    saw what happened at the login or since then, so the title asserts no cause.
    """
    has_typed = facts.session.login_method == "password"
    client, evidence = facts.client, _evidence(facts)
    other = (
        "no password was typed (a login by public key), or the keyring has another password than"
        " the login"
    )
    cause = (
        f"this cannot be seen here: either {other}, or {SINCE} (only root can see how a login was"
        " made, unless sshd has ExposeAuthInfo)"
    )
    if has_typed:
        other = "the password of the keyring is not the one that was typed at the login"
        cause = f"{other}; or {SINCE}"
    if client.was_refused:
        evidence = (*evidence, "creds unlock was refused in this session")
    if client.has_ssh_keys is False:
        evidence = (*evidence, "~/.ssh/authorized_keys has no key for a login")
    if client.was_locked:
        evidence = (*evidence, "creds lock was run in this session, and no creds unlock since then")
    title = "the login keyring is locked"
    is_likely_typed = (has_typed or _is_refused(facts)) and not client.was_locked
    if is_likely_typed and may_pass_no_password(facts):
        title, seen = _not_passed(facts, title)
        cause = f"{seen}; the other findings say why. Otherwise {other}, or {SINCE}"
        is_likely_typed = False
    remedies = (UNLOCK, OLDER)
    if client.was_refused:
        remedies = (AGAIN, OLDER)
    elif is_likely_typed:
        remedies = (OLDER, BY_KEY)
    return Found(evidence, title, cause, for_this_reader(facts, *remedies))


def _not_passed(facts: Facts, title: str) -> tuple[str, str]:
    """Return the title, and what is seen of PAM, which may have changed since the login."""
    seen = (
        f"as PAM is configured now, a password that is typed at {facts.pam.service} does not reach"
    )
    if not passes_no_password(facts):
        return title, f"{seen} the keyring at every login"
    return (
        f"{title}, and PAM passes no password typed at {facts.pam.service} to it",
        f"{seen} the keyring",
    )


CHECKS = (
    Check(
        "daemon-replaced",
        "keyring",
        Severity.ERROR,
        "the login keyring is locked, because a daemon with --replace ended the login's daemon",
        _replaced,
        cause="--replace ends the daemon that had the keyring unlocked, and the new daemon starts"
        " with a locked keyring; often a start-up file of the shell or of the desktop starts it",
        remedy=UNLOCK,
        needs=UNSERVED,
    ),
    Check(
        "login-password-refused",
        "keyring",
        Severity.ERROR,
        "the login keyring is locked, because it has another password than the login",
        _refused,
        cause="the login password was changed (by root, passwd or LDAP), and the password of the"
        " keyring was not",
        remedy=REKEY,
        needs=UNSERVED,
        about="See [what a changed password does](../../explanation/password-change.md).",
    ),
    Check(
        "login-password-lost",
        "keyring",
        Severity.ERROR,
        "the login keyring is locked, because the password was lost before the session began",
        _stash_lost,
        cause="sshd asks for the password by keyboard-interactive, in a child process; what PAM"
        " keeps there is lost when this process ends",
        remedy=UNLOCK,
        needs=UNSERVED,
        about="See [what keyboard-interactive does](../../explanation/keyboard-interactive.md).",
    ),
    Check(
        "login-without-password",
        "keyring",
        Severity.ERROR,
        "the login keyring is locked, because no password was typed at this login",
        _without_password,
        cause="a login by a public key, a Kerberos ticket or a trusted host brings no password that"
        " PAM could pass to the keyring",
        remedy=UNLOCK,
        needs=(*UNSERVED, "login-password-refused", "login-password-lost", "daemon-replaced"),
        about="If it cannot be seen how the login was made, the title asserts no cause, and both"
        " remedies are shown. If the account has no keys to log in with, or `creds unlock` was"
        " refused, the finding is keyring-locked.\n\n"
        "See [how to unlock](../../how-to/unlock.md).",
    ),
    Check(
        "keyring-locked",
        "keyring",
        Severity.ERROR,
        "the login keyring is locked",
        _locked,
        cause="this cannot be seen here: either no password was passed to the keyring (su, cron, a"
        f" container), or the keyring has another password, or {SINCE}",
        remedy=UNLOCK._replace(alternatives=(OLDER,)),
        needs=(*UNSERVED, "login-password-refused", "login-password-lost", "daemon-replaced"),
        about="Programs say `Failed to unlock the collection!`, `Cannot create an item in a locked"
        " collection`, or nothing: `secret-tool lookup` prints nothing and exits with 1.\n\n"
        "If PAM passes no password to the keyring, as it is configured now, the title says so, and"
        " `creds unlock` comes before `creds rekey`.",
    ),
)
