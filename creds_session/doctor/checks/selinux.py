"""Check whether the kernel, above all SELinux, lets a login start and reach the keyring daemon."""

from __future__ import annotations

from collections.abc import Iterable

from creds_session.doctor.checks.pam_verdicts import problems
from creds_session.doctor.checks.registry import Check, is_other_provider, of_logins
from creds_session.doctor.checks.remedies import open_now
from creds_session.doctor.checks.session import log_of_login
from creds_session.facts.collection_state import CollectionState
from creds_session.facts.distribution import is_debian_like
from creds_session.facts.login_log import NOT_RUN, SSHD, LogLine
from creds_session.facts.machine import PolicyRefusal
from creds_session.facts.snapshot import Facts, Reader
from creds_session.facts.sshd import DIALOGUE
from creds_session.findings import Found, Remediation, Severity, in_this_shell

MOMENT = 2.0  # seconds
# Search by the name of the file, because the program that SELinux denied it to is sshd.
AUSEARCH = ("sudo", "ausearch", "-m", "avc", "-ts", "recent", "-f", "keyring")
BLOCKED = ("facts-incomplete", "home-hung", "home-absent", "home-denied")

MODULE = (
    PolicyRefusal("sshd_t", "gkeyringd_exec_t", "file", ("execute", "getattr", "open", "read")),
    PolicyRefusal("unconfined_t", "gkeyringd_exec_t", "file", ("entrypoint",)),
    PolicyRefusal("sshd_t", "user_tmp_t", "dir", ("search",)),
    PolicyRefusal("sshd_t", "user_tmp_t", "sock_file", ("getattr", "write")),
    PolicyRefusal("sshd_t", "gnome_keyring_tmp_t", "dir", ("search",)),
    PolicyRefusal("sshd_t", "gnome_keyring_tmp_t", "sock_file", ("getattr", "write")),
    PolicyRefusal("sshd_t", "unconfined_t", "unix_stream_socket", ("connectto",)),
)
"""What a login of an unconfined user needs with the types of Debian's policy (seen on Debian 13).

PAM makes a directory of type user_tmp_t, and systemd's socket one of gnome_keyring_tmp_t.
"""
KEYRINGS = "gnome_xdg_data_t"  # of Debian's policy
RULES = "\n".join(f"    {rule.rule}" for rule in MODULE)
ALLOW = Remediation(
    "as root, allow it for later logins, by a policy module with the rules of this check's page",
    (
        in_this_shell(
            "creds-doctor --explain selinux-refuses | grep '^ *(allow' >creds-session.cil"
        ),
        ("sudo", "semodule", "-i", "creds-session.cil"),
    ),
)
LOOK = Remediation(
    "as root, read what SELinux denied; audit2allow(1) makes rules of a policy module from that",
    (AUSEARCH,),
)


def _now(facts: Facts) -> Remediation:
    """Return how to unlock the keyring in this session, or to create it.

    With Debian's policy the daemon of a confined user runs in its own domain, such as
    staff_gkeyringd_t. This domain may not make the directory of keyrings in a home directory, and
    may not write to a directory of another type (seen with staff_u and user_u on Debian 13).
    """
    is_debians = is_debian_like(facts.installation.os_release)
    if facts.keyring.exists is not False or not (facts.init.is_confined and is_debians):
        return open_now(facts)
    directory = facts.keyring.path.rpartition("/")[0]
    return Remediation(
        "make the directory of keyrings with the type that the daemon of a confined user may write"
        " to, then create a keyring, and choose its password",
        (
            ("mkdir", "-p", "-m", "700", directory),
            ("chcon", "-t", KEYRINGS, directory),
            ("creds", "unlock", "--create"),
        ),
    )


def _policy_refuses(facts: Facts) -> Found | None:
    refused = facts.init.selinux_refuses
    if not refused or is_other_provider(facts) or not facts.init.has_logins:
        return None
    evidence = (
        *_lines(facts, _start_denied(facts)),
        *(f"the policy lacks {rule.rule}" for rule in refused),
    )
    later = ALLOW if _is_covered(refused) else LOOK
    if facts.is_readable or facts.reader is Reader.ROOT:
        remedy = later
    else:
        remedy = _now(facts)._replace(alternatives=(later,))
    if any(rule.object_class == "file" for rule in refused):
        return Found(evidence, remedy=remedy)
    return Found(
        evidence,
        "SELinux does not let a login by ssh reach the keyring daemon that is already running",
        remedy=remedy,
    )


def _severity(facts: Facts) -> Severity:
    """Return an error if the policy is the only visible reason why the keyring is not unlocked."""
    if facts.is_readable:
        return of_logins(facts)
    session = facts.session
    method = session.login_method
    may_be_by_password = method is None or method.startswith(("password", DIALOGUE))
    # The policy was asked about sshd, and root does not always see how the user logged in.
    is_sshds = session.by_ssh or session.service == SSHD
    is_sshds = is_sshds or (facts.reader is Reader.ROOT and not session.service)
    is_shut = facts.keyring.exists is False or facts.bus.login is CollectionState.LOCKED
    is_cause = is_shut and is_sshds and may_be_by_password and not problems(facts.pam)
    return Severity.ERROR if is_cause else Severity.NOTE


def _is_covered(refused: Iterable[PolicyRefusal]) -> bool:
    """Return whether the module of this check's page allows everything that the policy refuses."""
    given = {rule[:3]: set(rule.permissions) for rule in MODULE}
    return all(set(rule.permissions) <= given.get(rule[:3], set()) for rule in refused)


def _confined(facts: Facts) -> Found | None:
    if not facts.init.is_confined:
        return None
    return Found((f"SELinux is enforcing, and this session runs as {facts.init.selinux_context}",))


def _start_denied(facts: Facts) -> LogLine | None:
    """Return the log line in which PAM says that it may not execute the daemon, or None."""
    lines = [event.line for event in log_of_login(facts).events]
    refused = [line for line in lines if NOT_RUN in line.text and "Permission denied" in line.text]
    return refused[-1] if refused else None


def _denied(facts: Facts, refused: LogLine) -> list[str]:
    """Return what SELinux denied at the moment when the daemon could not be run."""
    return [
        line.text
        for line in facts.log
        if "avc:" in line.text
        and "gnome-keyring" in line.text
        and abs(line.when - refused.when) < MOMENT
    ]


def _lines(facts: Facts, refused: LogLine | None) -> tuple[str, ...]:
    if refused is None:
        return ()
    return (f"log: {refused.text}", *(f"log: {line}" for line in _denied(facts, refused)))


def _start_refused(facts: Facts) -> Found | None:
    """Find in the log of this login that the kernel did not let PAM run the daemon."""
    refused = _start_denied(facts)
    if refused is None or facts.is_readable:
        return None
    evidence = _lines(facts, refused)
    now = _now(facts)
    if facts.init.selinux == "enforcing":
        context = facts.init.selinux_context
        mode = f"SELinux is enforcing{f'; this session runs as {context}' if context else ''}"
        remedy = now._replace(alternatives=(LOOK,))
        if not _denied(facts, refused):
            return Found((*evidence, mode), remedy=remedy)
        return Found(
            (*evidence, mode),
            "SELinux did not let the login start the keyring daemon",
            "the policy does not let sshd run gnome-keyring-daemon for this user",
            remedy,
        )
    command = ("sudo", "ls", "-lL", facts.installation.daemon or "/usr/bin/gnome-keyring-daemon")
    more = Remediation(
        "as root, look why the daemon's file cannot be executed: its mode, a mount with noexec, or"
        " a security module such as AppArmor",
        (command,),
    )
    return Found(evidence, remedy=now._replace(alternatives=(more,)))


CHECKS = (
    Check(
        "selinux-refuses",
        "session",
        _severity,
        "SELinux does not let a login by ssh start the keyring daemon",
        _policy_refuses,
        cause="PAM's rules run in the domain of sshd, and the loaded policy does not allow that"
        " domain to start or reach the daemon; `creds unlock` runs in the session and does not need"
        " that",
        remedy=Remediation(
            "unlock the keyring in the session", (("creds", "unlock"),), alternatives=(ALLOW, LOOK)
        ),
        needs=BLOCKED,
        about="creds-doctor asks the kernel what the policy allows, so it needs no login and no"
        " audit"
        " log for this. Debian's policy (selinux-policy-default) refuses it; the policy of"
        " Enterprise Linux allows it for unconfined users. These rules are for the types of"
        " Debian's policy and for users in `unconfined_t`:\n\n"
        f"{RULES}\n\n"
        "See [SELinux](../../how-to/selinux.md) for what they allow, how to load them, and how to"
        " remove them.",
    ),
    Check(
        "selinux-confined",
        "session",
        Severity.NOTE,
        "SELinux confines this user, so it is possible that PAM may not start the keyring daemon",
        _confined,
        cause="for users such as staff_u, user_u and sysadm_u the policy has to let sshd start the"
        " daemon in a domain of that user; `creds unlock` starts it in the session instead",
        remedy=Remediation("as root, read what SELinux denied", (AUSEARCH,)),
        needs=("selinux-refuses",),
        about="See [confined users](../../how-to/selinux.md) for what was tried, and for what they"
        " type before the first `creds unlock --create`.",
    ),
    Check(
        "daemon-start-refused",
        "session",
        Severity.ERROR,
        "the login was not allowed to start the keyring daemon",
        _start_refused,
        cause="the kernel refused to execute gnome-keyring-daemon for PAM: SELinux or another"
        " security module, the file's mode, or a mount with noexec",
        remedy=Remediation(
            "unlock the keyring in the session",
            (("creds", "unlock"),),
            alternatives=(Remediation("as root, read what SELinux denied", (AUSEARCH,)),),
        ),
        needs=(*BLOCKED, "selinux-refuses"),
    ),
)
