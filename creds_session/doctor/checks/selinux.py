"""Whether the kernel lets the login start and reach the keyring daemon, SELinux above all."""

from __future__ import annotations

from collections.abc import Iterable

from creds_session.doctor.checks.pam import problems
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
# By the name of the file: the program that SELinux denied it is sshd's, not the daemon.
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
"""What a login of an unconfined user needs with the types of Debian's policy, tried on Debian 13.

PAM makes a directory of type user_tmp_t, and systemd's socket one of gnome_keyring_tmp_t.
"""
KEYRINGS = "gnome_xdg_data_t"  # of Debian's policy
RULES = "\n".join(f"    {one.rule}" for one in MODULE)
ALLOW = Remediation(
    "as root, let later logins do it by a policy module with the rules of this check's page",
    (
        in_this_shell(
            "creds-doctor --explain selinux-refuses | grep '^ *(allow' >creds-session.cil"
        ),
        ("sudo", "semodule", "-i", "creds-session.cil"),
    ),
)
LOOK = Remediation(
    "see as root what SELinux denied; audit2allow(1) makes the rules of a policy module from that",
    (AUSEARCH,),
)


def _now(facts: Facts) -> Remediation:
    """Return what opens the keyring in this session, or makes one.

    With Debian's policy the daemon of a confined user runs in a domain of its own, such as
    staff_gkeyringd_t. It may neither make the directory of keyrings in a home nor write to one of
    another type (seen with staff_u and user_u on Debian 13).
    """
    is_debians = is_debian_like(facts.installation.os_release)
    if facts.keyring.exists is not False or not (facts.init.is_confined and is_debians):
        return open_now(facts)
    directory = facts.keyring.path.rpartition("/")[0]
    return Remediation(
        "make the directory of keyrings, with the type that the daemon of a confined user may write"
        " to, and then a keyring; choose its password",
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
    told = (
        *_lines(facts, _start_denied(facts)),
        *(f"the policy lacks {one.rule}" for one in refused),
    )
    later = ALLOW if _is_covered(refused) else LOOK
    if facts.is_readable or facts.reader is Reader.ROOT:
        remedy = later
    else:
        remedy = _now(facts)._replace(alternatives=(later,))
    if any(one.object_class == "file" for one in refused):
        return Found(told, remedy=remedy)
    return Found(
        told,
        "SELinux does not let a login by ssh reach the keyring daemon that runs already",
        remedy=remedy,
    )


def _severity(facts: Facts) -> Severity:
    """What the policy refuses is why there is no keyring if nothing else kept PAM from it."""
    if facts.is_readable:
        return of_logins(facts)
    session = facts.session
    method = session.login_method
    may_be_by_password = method is None or method.startswith(("password", DIALOGUE))
    # The policy was asked about sshd; root does not always see how the user came.
    is_sshds = session.by_ssh or session.service == SSHD
    is_sshds = is_sshds or (facts.reader is Reader.ROOT and not session.service)
    is_shut = facts.keyring.exists is False or facts.bus.login is CollectionState.LOCKED
    is_cause = is_shut and is_sshds and may_be_by_password and not problems(facts.pam)
    return Severity.ERROR if is_cause else Severity.NOTE


def _is_covered(refused: Iterable[PolicyRefusal]) -> bool:
    """Return whether the module of this check's page gives all that the policy refuses."""
    given = {one[:3]: set(one.permissions) for one in MODULE}
    return all(set(one.permissions) <= given.get(one[:3], set()) for one in refused)


def _confined(facts: Facts) -> Found | None:
    if not facts.init.is_confined:
        return None
    return Found((f"SELinux is enforcing, and this session runs as {facts.init.selinux_context}",))


def _start_denied(facts: Facts) -> LogLine | None:
    """Return the line of this login by which PAM says that it may not execute the daemon."""
    lines = [event.line for event in log_of_login(facts).events]
    refused = [one for one in lines if NOT_RUN in one.text and "Permission denied" in one.text]
    return refused[-1] if refused else None


def _denied(facts: Facts, refused: LogLine) -> list[str]:
    """Return what SELinux denied when the daemon was not run; other moments are other logins."""
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
    """Find that the kernel did not let PAM run the daemon, by the log of this login."""
    refused = _start_denied(facts)
    if refused is None or facts.is_readable:
        return None
    evidence = _lines(facts, refused)
    now = _now(facts)
    if facts.init.selinux == "enforcing":
        context = facts.init.selinux_context
        told = f"SELinux is enforcing{f'; this session runs as {context}' if context else ''}"
        remedy = now._replace(alternatives=(LOOK,))
        if not _denied(facts, refused):
            return Found((*evidence, told), remedy=remedy)
        return Found(
            (*evidence, told),
            "SELinux kept the login from starting the keyring daemon",
            "the policy does not let sshd run gnome-keyring-daemon for this user",
            remedy,
        )
    mode = ("sudo", "ls", "-lL", facts.installation.daemon or "/usr/bin/gnome-keyring-daemon")
    more = Remediation(
        "see as root whether the daemon's file may be executed: its mode, a mount with noexec, or a"
        " security module such as AppArmor",
        (mode,),
    )
    return Found(evidence, remedy=now._replace(alternatives=(more,)))


CHECKS = (
    Check(
        "selinux-refuses",
        "session",
        _severity,
        "SELinux does not let a login by ssh start the keyring daemon",
        _policy_refuses,
        cause="PAM's rules run in sshd's domain, and the loaded policy does not allow that domain"
        " what they have to do; `creds unlock` runs in the session and needs none of that",
        remedy=Remediation(
            "unlock it in the session", (("creds", "unlock"),), alternatives=(ALLOW, LOOK)
        ),
        needs=BLOCKED,
        about="The kernel was asked what the policy allows, so this is known without a login and"
        " without the audit log. Debian's policy (selinux-policy-default) refuses it, and that of"
        " Enterprise Linux allows it for unconfined users. These rules are for Debian's types and"
        " for users in `unconfined_t`:\n\n"
        f"{RULES}\n\n"
        "See [SELinux](../../how-to/selinux.md) for what they allow, how to load them, and how to"
        " remove them.",
    ),
    Check(
        "selinux-confined",
        "session",
        Severity.NOTE,
        "SELinux confines this user, so PAM may not be allowed to start the keyring daemon",
        _confined,
        cause="for users such as staff_u, user_u and sysadm_u the policy has to let sshd start the"
        " daemon in a domain of theirs; `creds unlock` starts it in the session instead",
        remedy=Remediation("see as root what SELinux denied", (AUSEARCH,)),
        needs=("selinux-refuses",),
        about="See [confined users](../../how-to/selinux.md) for what was seen, and what they type"
        " before the first `creds unlock --create`.",
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
            "unlock it in the session",
            (("creds", "unlock"),),
            alternatives=(Remediation("see as root what SELinux denied", (AUSEARCH,)),),
        ),
        needs=(*BLOCKED, "selinux-refuses"),
    ),
)
