"""Whether the home can be looked at: it answers, it is there, it is this user's, it is open."""

from __future__ import annotations

from creds_session.doctor.checks.paths import given_back, is_foreign, is_on_network, seen
from creds_session.doctor.checks.registry import Check, hindrance
from creds_session.doctor.checks.session import LOG_IN
from creds_session.facts.machine import PathKind
from creds_session.facts.snapshot import Facts
from creds_session.findings import Found, Remediation, Severity
from creds_session.quoting import quoted

KINIT = (("kinit",), ("creds-doctor",))
OPEN = Remediation("have an administrator open the directories above it to this user")


def _incomplete(facts: Facts) -> Found | None:
    if facts.bus.is_unknown:
        return Found(
            facts.late or (facts.bus.reason,),
            "the session could not be looked at in time, so nothing is known of its keyring",
            "this machine is slow or loaded, or a disk hangs",
            Remediation("look again, with more time", (("creds-doctor", "--timeout", "30"),)),
        )
    return Found(facts.late) if facts.late else None


def _incomplete_level(facts: Facts) -> Severity:
    """It is all that can be said if nobody saw whether there is a bus."""
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
            "the home directory cannot be read: its server wants a Kerberos ticket",
            "a login by key, or by GSSAPI without delegated credentials, brings no ticket; a ticket"
            " ends after some hours",
            Remediation("get a ticket, then look again", KINIT, alternatives=(OPEN,)),
        )
    if file_system and not is_on_network(facts):
        return Found(evidence, remedy=OPEN)
    return Found(evidence)


def home_is_late(facts: Facts) -> bool:
    """Tell whether looking at the home came to no end; a slow machine alone does not count."""
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
        "some things could not be looked at in time",
        _incomplete,
        cause="a read failed, or the machine was too slow for it",
    ),
    Check(
        "home-hung",
        "session",
        Severity.ERROR,
        "the home directory does not answer, so every program that looks there waits",
        _home_hung,
        cause="the server of the home (NFS, for example) or the disk does not answer",
        remedy=Remediation(
            "have whoever runs the server of the home bring it back; logins wait for it, too"
        ),
        needs=("facts-incomplete",),
    ),
    Check(
        "home-foreign",
        "session",
        hindrance,
        "HOME belongs to another user",
        _home_foreign,
        cause="su without a dash, or sudo -u with HOME kept, leaves the home of another, where the"
        " keyrings are looked for; or root made the home, and did not give it to its user",
        remedy=LOG_IN,
        about="The command that gives the home to its user is shown only if root alone decides what"
        " lies at its path: no part of it may be a link, or belong to another user.\n\nRoot with"
        " the home of another user is refused before anything is looked at, because that user"
        " decides where each path below it leads. `sudo creds-doctor --user USER` looks at such a"
        " session.",
    ),
    Check(
        "home-absent",
        "session",
        hindrance,
        "the home directory is not there",
        _home_absent,
        cause="it is not mounted (NFS, encryption), was never made, or HOME is wrong",
        remedy=Remediation("have the home mounted or made, then log in anew"),
    ),
    Check(
        "home-denied",
        "session",
        hindrance,
        "the home directory is there, and this session may not look into it",
        _home_denied,
        cause="a directory above it is closed to this user; or a server gives access only to who"
        " has a Kerberos ticket (`sec=krb5`), or not to this user",
        remedy=Remediation(
            "if the home needs a Kerberos ticket, get one", KINIT, alternatives=(OPEN,)
        ),
        needs=("home-hung",),
    ),
    Check(
        "home-not-of-account",
        "session",
        Severity.NOTE,
        "HOME is not the account's home, so other keyrings are used here",
        _home_of_account,
        cause="HOME was set to another folder in this shell; PAM's daemon has the account's own",
    ),
)
