"""Whether PAM hands the typed password to the keyring, as libpam will run the files."""

from __future__ import annotations

from creds_session.errors import CredsSessionError
from creds_session.facts import CollectionState, Facts
from creds_session.findings import Finding, Remediation, Seen, Severity
from creds_session.pam.judge import GroupVerdict, judge

APPLY = Remediation(
    "let PAM hand the password over, then log in again by password",
    (("sudo", "creds-setup-pam", "apply"),),
)


def password_is_handed_over(facts: Facts) -> Seen:
    """The rules are present, reached on every right password, and proved safe."""
    service = facts.pam.service
    if service not in {path.rpartition("/")[2] for path in facts.pam.files}:
        title = f"there is no PAM service {service!r} on this machine"
        finding = Finding("pam-service-absent", Severity.NOTE, title, facts.pam.reason)
        return Seen("not judged", (finding,))
    try:
        verdicts = judge(service, facts.pam.files.get, facts.pam.dialect)
    except CredsSessionError as error:
        finding = Finding("pam-file-malformed", Severity.ERROR, error.problem, facts.pam.reason)
        return Seen("libpam would refuse it", (finding,))
    problems = tuple(verdict for verdict in verdicts if verdict.applies and verdict.problem)
    unread = f" (not read: {facts.pam.reason})" if facts.pam.reason else ""
    if not problems:
        return Seen(f"service {service}: the rules are present, reached and proved safe{unread}")
    finding = _finding(facts, service, problems)
    return Seen(f"service {service}: incomplete{unread}", (finding,))


def _finding(facts: Facts, service: str, problems: tuple[GroupVerdict, ...]) -> Finding:
    groups = ", ".join(verdict.group.value for verdict in problems)
    missing = all(not verdict.present for verdict in problems)
    # A keyring that is open now does not need PAM now.
    is_open = facts.bus.login is CollectionState.UNLOCKED
    return Finding(
        "pam-rule-missing" if missing else "pam-rule-ineffective",
        Severity.WARNING if is_open else Severity.ERROR,
        f"a password typed at {service} does not open the keyring: {groups}",
        cause="pam_gnome_keyring.so is not called where the password passes",
        evidence=tuple(f"{verdict.group.value}: {verdict.problem}" for verdict in problems),
        remediation=APPLY,
    )


def first_login_can_store(facts: Facts) -> Seen:
    """A keyring that a first login creates will be served at once."""
    first = facts.first_login
    if not first.breaks_first_login:
        return Seen("a first login creates a keyring that is served at once")
    finding = Finding(
        "first-login-fails",
        Severity.WARNING,
        "the first login of a new user will not be able to store a secret",
        cause="systemd starts the keyring daemon for its socket before the keyring exists; a"
        " keyring created through that socket is not served until the daemon restarts",
        evidence=(str(first.socket_unit),),
        remediation=APPLY,
    )
    return Seen("the keyring's user socket is on for people without a keyring", (finding,))
