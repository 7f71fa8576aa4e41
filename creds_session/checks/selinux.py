"""Whether the kernel let the login start the keyring daemon, SELinux above all."""

from __future__ import annotations

from creds_session.checks.registry import Check
from creds_session.checks.remedies import open_now
from creds_session.checks.session import story_of_login
from creds_session.facts import Facts
from creds_session.findings import Found, Remediation, Severity
from creds_session.story import NOT_RUN, LogLine

MOMENT = 2.0  # seconds
AUSEARCH = ("sudo", "ausearch", "-m", "avc", "-ts", "recent", "-c", "gnome-keyring-d")


def _confined(facts: Facts) -> Found | None:
    if not facts.init.is_confined:
        return None
    return Found((f"SELinux is enforcing, and this session runs as {facts.init.selinux_context}",))


def _denied(facts: Facts, refused: LogLine) -> list[str]:
    """Return what SELinux denied when the daemon was not run; other moments are other logins."""
    return [
        line.text
        for line in facts.log
        if "avc:" in line.text
        and "gnome-keyring" in line.text
        and abs(line.when - refused.when) < MOMENT
    ]


def _start_refused(facts: Facts) -> Found | None:
    """Find that the kernel let PAM not run the daemon, by the log of this login."""
    lines = [event.line for event in story_of_login(facts).events]
    refused = [one for one in lines if NOT_RUN in one.text and "Permission denied" in one.text]
    if not refused or facts.is_readable:
        return None
    denied = _denied(facts, refused[-1])
    evidence = (f"log: {refused[-1].text}", *(f"log: {line}" for line in denied))
    now = open_now(facts)
    if facts.init.selinux == "enforcing":
        more = Remediation(
            "see as root what SELinux denied: confined users (staff_u, user_u) need a rule of the"
            " policy",
            (AUSEARCH,),
        )
        context = facts.init.selinux_context
        told = f"SELinux is enforcing{f'; this session runs as {context}' if context else ''}"
        cure = now._replace(alternatives=(more,))
        if not denied:
            return Found((*evidence, told), cure=cure)
        return Found(
            (*evidence, told),
            "SELinux kept the login from starting the keyring daemon",
            "the policy does not let sshd run gnome-keyring-daemon for this user",
            cure,
        )
    mode = ("sudo", "ls", "-lL", facts.installation.daemon or "/usr/bin/gnome-keyring-daemon")
    more = Remediation(
        "see as root whether the daemon's file may be executed: its mode, a mount with noexec, or a"
        " security module such as AppArmor",
        (mode,),
    )
    return Found(evidence, cure=now._replace(alternatives=(more,)))


CHECKS = (
    Check(
        "selinux-confined",
        "session",
        Severity.NOTE,
        "SELinux confines this user, so PAM may not be allowed to start the keyring daemon",
        _confined,
        cause="for users such as staff_u, user_u and sysadm_u the policy has to let sshd start the"
        " daemon in a domain of theirs; `creds unlock` in the session needs no such rule",
        cure=Remediation("see as root what SELinux denied", (AUSEARCH,)),
    ),
    Check(
        "daemon-start-refused",
        "session",
        Severity.ERROR,
        "the login was not allowed to start the keyring daemon",
        _start_refused,
        cause="the kernel refused to execute gnome-keyring-daemon for PAM: SELinux or another"
        " security module, the file's mode, or a mount with noexec",
        cure=Remediation(
            "unlock it in the session",
            (("creds", "unlock"),),
            alternatives=(Remediation("see as root what SELinux denied", (AUSEARCH,)),),
        ),
        needs=("facts-incomplete", "home-hung", "home-absent", "home-denied"),
    ),
)
