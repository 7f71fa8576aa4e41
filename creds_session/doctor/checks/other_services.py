"""Check the rules of pam_gnome_keyring in other services than the one of this session.

The proof is the same as for sshd (``pam``). These faults do not keep secrets from being read here.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from creds_session.doctor.checks.pam_answers import answers_of
from creds_session.doctor.checks.pam_verdicts import problems, rules_of, verdicts
from creds_session.doctor.checks.registry import Case, Check
from creds_session.facts.snapshot import Facts, PamFacts
from creds_session.findings import Found, Remediation, Severity
from creds_session.pam.keyring_rules.group_verdict import GroupVerdict
from creds_session.pam.keyring_rules.names import MODULE, OF_ANOTHER_PERSON
from creds_session.pam.syntax.kinds import ManagementGroup

LOGINS = (
    *("sshd", "login", "gdm-password", "lightdm", "sddm", "lxdm", "xdm", "xrdp-sesman", "cockpit"),
)
OF_THE_USER = (*LOGINS, "su", "su-l")
"""Services in which the user whose keyring is to be unlocked types their own password."""
ALL = (*OF_THE_USER, *("sudo", "sudo-i", "runuser", "runuser-l", "cron", "crond", "systemd-user"))
OPENING = (ManagementGroup.AUTH, ManagementGroup.SESSION)


def _others(pam: PamFacts, names: Iterable[str]) -> Iterator[PamFacts]:
    """Yield the facts of each other service that has a file."""
    there = {path.rpartition("/")[2] for path in pam.files}
    for name in names:
        if name in there and name != pam.service:
            yield pam._replace(service=name)


def _with_rules(pam: PamFacts, names: Iterable[str]) -> Iterator[PamFacts]:
    """Yield the facts of each other service that has its own rules of pam_gnome_keyring."""
    return (other for other in _others(pam, names) if _has_rules(other) and not _is_alias(other))


def _is_alias(pam: PamFacts) -> bool:
    """Return whether a service only includes another one, and is fixed with it (su-l and su)."""
    rules = [rule for group in rules_of(pam).values() for rule in group]
    origins = {rule.file.rpartition("/")[2] for rule in rules}
    return pam.service not in origins and not origins.isdisjoint(ALL)


def _has_rules(pam: PamFacts) -> bool:
    """Return whether a service has a rule of pam_gnome_keyring that a login can reach.

    A service that libpam refuses counts, too. A rule in the group password alone does not: it is
    the distribution's own, for passwd.
    """
    if not answers_of(pam).may_have_rules(pam.service):
        return False
    rules = rules_of(pam)
    if any(rules.values()):
        groups = (*OPENING, ManagementGroup.ACCOUNT)
        return any(rule.is_ours for group in groups for rule in rules[group])
    own = [text for path, text in pam.files.items() if path.endswith(f"/{pam.service}")]
    return any(MODULE.encode() in text for text in own)


def _unsafe(facts: Facts) -> Found | None:
    evidence: list[str] = []
    names = []
    for pam in _with_rules(facts.pam, ALL):
        found = verdicts(pam)
        if isinstance(found, str):
            lines = (
                [] if pam.reason else [found]
            )  # the rule that it lacks may be in a file that was not read
        else:
            lines = [
                f"{verdict.group.value}: {verdict.problem}"
                for verdict in found
                if verdict.is_unsafe
            ]
        evidence += [f"{pam.service}: {line}" for line in lines]
        names += [pam.service] if lines else []
    title = f"a rule of pam_gnome_keyring decides who may log in by: {', '.join(names)}"
    return Found(tuple(evidence), title, remedy=_apply(names)) if evidence else None


def _wrong_daemon(facts: Facts) -> Found | None:
    """Find rules that start a daemon in a session that is not the login of its user."""
    evidence: list[str] = []
    names = []
    for pam in _with_rules(facts.pam, OF_ANOTHER_PERSON):
        found = verdicts(pam)
        starting = [] if isinstance(found, str) else list(filter(_starts, found))
        evidence += [f"{pam.service}: {verdict.problem}" for verdict in starting]
        names += [pam.service] if starting else []
    title = (
        f"a session rule of pam_gnome_keyring starts a daemon for the wrong user: {_names(names)}"
    )
    remedy = Remediation(f"remove the session rule with auto_start from: {_names(names)}")
    return Found(tuple(evidence), title, remedy=remedy) if evidence else None


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)


def _starts(verdict: GroupVerdict) -> bool:
    is_session = verdict.group is ManagementGroup.SESSION
    return is_session and bool(verdict.problem) and not verdict.is_unsafe


def _ineffective(facts: Facts) -> Found | None:
    evidence: list[str] = []
    names = []
    for pam in _with_rules(facts.pam, OF_THE_USER):
        found = [verdict for verdict in problems(pam) if not verdict.is_unsafe]
        evidence += [f"{pam.service}: {item.group.value}: {item.problem}" for item in found]
        names += [pam.service] if found else []
    title = f"rules of pam_gnome_keyring do not unlock the keyring at logins by: {', '.join(names)}"
    return Found(tuple(evidence), title, remedy=_apply(names)) if evidence else None


def _apply(names: Iterable[str]) -> Remediation:
    """Return how to fix the rules; in services without a password of the user they are removed."""
    useless = [name for name in names if name not in OF_THE_USER]
    if useless:
        return Remediation(f"remove the rules of pam_gnome_keyring from: {', '.join(useless)}")
    services = [word for name in names for word in ("--service", name)]
    return Remediation(
        "put the rules at a place where libpam reaches them and where they cannot refuse a login",
        (("sudo", "creds-setup-pam", *services, "apply"),),
        is_safe=True,
    )


def _lacking(facts: Facts) -> Found | None:
    lacking = (pam for pam in _others(facts.pam, LOGINS) if not _has_rules(pam))
    names = [pam.service for pam in lacking if not _is_alias(pam)]
    if not names:
        return None
    services = [word for name in names for word in ("--service", name)]
    command = shlex.join(("sudo", "creds-setup-pam", *services, "apply"))
    evidence = f"logins by these services do not unlock the keyring: {', '.join(names)}"
    return Found((evidence,), remedy=Remediation(f"if people log in by these services: {command}"))


SERVICE_CASES = (
    Case(
        "people type their own password at this service (login, a display manager, su)",
        "`sudo creds-setup-pam --service NAME apply`",
    ),
    Case(
        "nobody types their own password at it (sudo, cron, systemd-user)",
        "remove the rules of pam_gnome_keyring from the file of the service",
    ),
    Case(
        "libpam cannot read a line of the file",
        "correct that line while you are logged in: `creds-setup-pam --service NAME check` names"
        " it",
    ),
)
CHECKS = (
    Check(
        "pam-other-service-unsafe",
        "pam",
        Severity.WARNING,
        "a rule of pam_gnome_keyring in another service decides who may log in",
        _unsafe,
        cause="the rule has the control required, requisite or the like, so a login is refused if"
        " the keyring cannot be unlocked; or libpam cannot read a line, and then refuses every"
        " login",
        about="creds-doctor looks at `login`, display managers, `su`, `sudo`, `cron` and"
        " `systemd-user`, if they have a rule of pam_gnome_keyring.",
        cases=SERVICE_CASES,
    ),
    Check(
        "pam-other-service-daemon",
        "pam",
        Severity.WARNING,
        "a session rule of pam_gnome_keyring starts a daemon for the wrong user",
        _wrong_daemon,
        cause="the session of sudo, su, cron and the like belongs to root or another user and has"
        " the environment of the caller; a daemon that is started there receives the password, but"
        " does not unlock a keyring",
        remedy=Remediation("remove the session rule with auto_start from that service"),
        about="creds-doctor looks at `sudo`, `su`, `runuser`, `pkexec`, `polkit-1`, `cron` and the"
        " like.",
    ),
    Check(
        "pam-other-service-ineffective",
        "pam",
        Severity.WARNING,
        "rules of pam_gnome_keyring in another service do not unlock the keyring",
        _ineffective,
        cause="a rule is not reached (a `sufficient` before it ends the stack), is too early, is"
        " only for other services, or there is no rule in auth or session",
        about="creds-doctor looks at `login`, display managers and `su`: at services in which"
        " people type the password of the account whose keyring is to be unlocked.",
        cases=SERVICE_CASES,
    ),
    Check(
        "pam-other-services",
        "pam",
        Severity.NOTE,
        "logins by other services do not unlock the keyring",
        _lacking,
        cause="each service has its own rules",
        remedy=Remediation(
            "if people log in by that service: sudo creds-setup-pam --service NAME apply",
        ),
    ),
)
