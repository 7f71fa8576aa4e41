"""Check whether the home directory answers, exists, belongs to this user and can be read."""

from __future__ import annotations

from creds_session.doctor.checks.paths import given_back, is_foreign, is_on_network, seen
from creds_session.doctor.checks.registry import Case, Check, hindrance
from creds_session.doctor.checks.session import LOG_IN
from creds_session.facts.machine import PathKind
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Remediation, Severity
from creds_session.quoting import quoted

KINIT = (("kinit",), ("creds-doctor",))
OPEN = Remediation("ask an administrator to open the directories above it to this user")


def _incomplete(facts: Facts) -> Found | None:
    if facts.bus.is_unknown:
        return Found(
            facts.late or (facts.bus.reason,),
            "there was no time to look at the session, so nothing is known about its keyring",
            "this machine is slow or busy, or a disk hangs",
            Remediation("look again with more time", (("creds-doctor", "--timeout", "30"),)),
        )
    return Found(facts.late) if facts.late else None


def _incomplete_level(facts: Facts) -> Severity:
    """Return an error if it is not known whether there is a session bus, otherwise a note."""
    return Severity.ERROR if facts.bus.is_unknown else Severity.NOTE


def _home_foreign(facts: Facts) -> Found | None:
    home = facts.home.home
    if not is_foreign(home, facts):
        return None
    is_own = home.path.rstrip("/") == facts.home.home_of_account.rstrip("/")
    return Found(seen(home, "HOME"), remedy=given_back(home, facts) if is_own else None)


def _home_absent(facts: Facts) -> Found | None:
    home = facts.home.home
    if home.kind in {PathKind.FOLDER, PathKind.UNKNOWN, PathKind.DENIED}:
        return None
    return Found(seen(home, "HOME"))


def _home_denied(facts: Facts) -> Found | None:
    home, file_system = facts.home.home, facts.home.file_system
    if home.kind is not PathKind.DENIED:
        return None
    evidence = (*seen(home, "HOME"), *([f"file system: {file_system}"] if file_system else []))
    if "sec=krb5" in file_system:
        return Found(
            evidence,
            "the home directory cannot be read, because its server requires a Kerberos ticket",
            "a login by an SSH key, or by GSSAPI without delegated credentials, does not bring a"
            " ticket; a ticket ends after some hours",
            Remediation("get a ticket, then look again", KINIT, alternatives=(OPEN,)),
        )
    if file_system and not is_on_network(facts):
        return Found(evidence, remedy=OPEN)
    return Found(evidence)


def home_is_late(facts: Facts) -> bool:
    """Return whether the home directory gave no answer; a slow machine alone does not count."""
    return "home" in facts.hung or "home" in facts.late


def _home_hung(facts: Facts) -> Found | None:
    if not home_is_late(facts) or facts.is_readable:
        return None
    file_system = facts.home.file_system
    return Found((*facts.late, *([f"file system: {file_system}"] if file_system else [])))


def _home_of_account(facts: Facts) -> Found | None:
    home, account = facts.home.home.path, facts.home.home_of_account
    if not home or not account or home.rstrip("/") == account.rstrip("/"):
        return None
    return Found((f"HOME={quoted(home)}", f"the account has {quoted(account)}"))


CHECKS = (
    Check(
        "facts-incomplete",
        "session",
        _incomplete_level,
        "there was no time to look at some things",
        _incomplete,
        cause="reading something failed, or the machine was too slow for it",
        cases=(
            Case("the machine is slow or busy", "`creds-doctor --timeout 30`"),
            Case(
                "`home` or a disk is in the evidence",
                "see [home-hung](home-hung.md): bring the server or the disk back",
            ),
            Case("the finding is a note, and the rest is clear", "nothing has to be done"),
        ),
    ),
    Check(
        "home-hung",
        "session",
        Severity.ERROR,
        "the home directory does not answer, so every program that looks there waits",
        _home_hung,
        cause="the server of the home directory (for example NFS) or the disk does not answer",
        remedy=Remediation(
            "ask the administrator of the home directory's server to bring it back; logins wait for"
            " it, too"
        ),
        needs=("facts-incomplete",),
    ),
    Check(
        "home-foreign",
        "session",
        hindrance,
        "the home directory (HOME) belongs to another user",
        _home_foreign,
        cause="su without a dash, and sudo -u with HOME kept, leave HOME as it was, and keyrings"
        " are looked for there; or root made the home directory and did not give it to its user",
        remedy=LOG_IN,
        about="The command that gives the home directory to its user is shown only if nobody except"
        " root can change what lies at its path: no part of the path may be a link, or belong to"
        " another user.\n\nIf root has the home directory of another user, creds-doctor refuses"
        " before it looks at anything, because that user decides where each path below it leads."
        " `sudo creds-doctor --user USER` looks at such a session.",
    ),
    Check(
        "home-absent",
        "session",
        hindrance,
        "the home directory does not exist",
        _home_absent,
        cause="it is not mounted (NFS, encryption), was never made, or HOME is wrong",
        remedy=Remediation(
            "ask an administrator to mount or make the home directory, then log in again"
        ),
    ),
    Check(
        "home-denied",
        "session",
        hindrance,
        "the home directory exists, but this session may not read it",
        _home_denied,
        cause="a directory above it is closed to this user; or its server gives access only with a"
        " Kerberos ticket (`sec=krb5`), or not to this user",
        remedy=Remediation(
            "if the home directory requires a Kerberos ticket, get one", KINIT, alternatives=(OPEN,)
        ),
        needs=("home-hung",),
    ),
    Check(
        "home-not-of-account",
        "session",
        Severity.NOTE,
        "HOME is not the account's home directory, so other keyrings are used here",
        _home_of_account,
        cause="HOME was set to another directory in this shell; the keyring daemon that PAM starts"
        " uses the account's home directory",
        cases=(
            Case("you set HOME on purpose, for example for a test", "nothing has to be done"),
            Case(
                "you want the keyring of the account",
                "set HOME to the account's home directory: `getent passwd USER` shows it",
            ),
            Case("su or sudo left HOME as it was", "log in as that user: `su - USER`, or by ssh"),
        ),
    ),
)
