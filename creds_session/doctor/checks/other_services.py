"""What the rules of pam_gnome_keyring do to logins by other services than this session's.

The proof is the same as for sshd (``pam``); nothing of it keeps a secret from being read here.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator

from creds_session.doctor.checks.pam import problems, rules_of, verdicts
from creds_session.doctor.checks.registry import Check
from creds_session.facts.snapshot import Facts, PamFacts
from creds_session.findings import Found, Remediation, Severity
from creds_session.pam.keyring_rules.policy import MODULE, OF_ANOTHER_PERSON, is_keyring
from creds_session.pam.keyring_rules.verdict import GroupVerdict
from creds_session.pam.syntax.terms import ManagementGroup

LOGINS = (
    *("sshd", "login", "gdm-password", "lightdm", "sddm", "lxdm", "xdm", "xrdp-sesman", "cockpit"),
)
OF_THE_USER = (*LOGINS, "su", "su-l")
"""Where the password is typed of the very user whose keyring it is to open."""
ALL = (*OF_THE_USER, *("sudo", "sudo-i", "runuser", "runuser-l", "cron", "crond", "systemd-user"))
WORDS = re.compile(rb"[\s#\[\]]+")
OPENING = (ManagementGroup.AUTH, ManagementGroup.SESSION)


def _others(pam: PamFacts, names: Iterable[str]) -> Iterator[PamFacts]:
    """Give each other service that has a file, put in the place of the one that is judged."""
    there = {path.rpartition("/")[2] for path in pam.files}
    for name in names:
        if name in there and name != pam.service:
            yield pam._replace(service=name)


def _with_rules(pam: PamFacts, names: Iterable[str]) -> Iterator[PamFacts]:
    """Give each other service that has rules of its own of ours."""
    return (one for one in _others(pam, names) if _has_rules(one) and not _is_alias(one))


def _is_alias(pam: PamFacts) -> bool:
    """Tell whether a service is another one's: su-l includes su, and is mended with it."""
    rules = [rule for group in rules_of(pam).values() for rule in group]
    origins = {str(rule.origin.file).rpartition("/")[2] for rule in rules}
    return pam.service not in origins and not origins.isdisjoint(ALL)


def _has_rules(pam: PamFacts) -> bool:
    """Tell whether a service has a rule of ours where a login passes, also where it is refused.

    A rule in password alone is the distribution's own, for passwd.
    """
    if not _may_have_rules(pam):
        return False
    rules = rules_of(pam)
    if any(rules.values()):
        groups = (*OPENING, ManagementGroup.ACCOUNT)
        return any(is_keyring(rule) for group in groups for rule in rules[group])
    own = [text for path, text in pam.files.items() if path.endswith(f"/{pam.service}")]
    return any(MODULE.encode() in text for text in own)


def _may_have_rules(pam: PamFacts) -> bool:
    """Tell by the words alone whether it is worth reading all that a service includes.

    Each word may be the name of a file that is included; what is no line of password may be ours.
    """
    texts: dict[bytes, bytes] = {}
    for path, text in pam.files.items():  # a vendor's file and the admin's have one name
        name = path.rpartition("/")[2].encode()
        texts[name] = texts.get(name, b"") + b"\n" + text
    todo, done = {pam.service.encode(), b"other"} & texts.keys(), set[bytes]()
    while todo:
        name = todo.pop()
        done.add(name)
        text = texts[name]
        lines = (line for line in text.splitlines() if MODULE.encode() in line)
        if not all(line.startswith((b"password", b"-password", b"#")) for line in lines):
            return True
        todo |= {word.rpartition(b"/")[2] for word in WORDS.split(text)} & texts.keys() - done
    return False


def _unsafe(facts: Facts) -> Found | None:
    told: list[str] = []
    names = []
    for pam in _with_rules(facts.pam, ALL):
        found = verdicts(pam)
        if isinstance(found, str):
            lines = [] if pam.reason else [found]  # what was not read may be what it lacks
        else:
            lines = [f"{one.group.value}: {one.problem}" for one in found if one.is_unsafe]
        told += [f"{pam.service}: {line}" for line in lines]
        names += [pam.service] if lines else []
    title = f"a rule of pam_gnome_keyring decides who may log in by: {', '.join(names)}"
    return Found(tuple(told), title, remedy=_apply(names)) if told else None


def _wrong_daemon(facts: Facts) -> Found | None:
    """Find session rules that start a daemon where the session is not the person's login."""
    told: list[str] = []
    names = []
    for pam in _with_rules(facts.pam, OF_ANOTHER_PERSON):
        found = verdicts(pam)
        lines = [] if isinstance(found, str) else [one for one in found if _starts(one)]
        told += [f"{pam.service}: {one.problem}" for one in lines]
        names += [pam.service] if lines else []
    title = (
        f"a session rule of pam_gnome_keyring starts a daemon of the wrong user: {_names(names)}"
    )
    remedy = Remediation(f"take auto_start's session rule out of: {_names(names)}")
    return Found(tuple(told), title, remedy=remedy) if told else None


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)


def _starts(verdict: GroupVerdict) -> bool:
    is_session = verdict.group is ManagementGroup.SESSION
    return is_session and bool(verdict.problem) and not verdict.is_unsafe


def _ineffective(facts: Facts) -> Found | None:
    told: list[str] = []
    names = []
    for pam in _with_rules(facts.pam, OF_THE_USER):
        found = [one for one in problems(pam) if not one.is_unsafe]
        told += [f"{pam.service}: {one.group.value}: {one.problem}" for one in found]
        names += [pam.service] if found else []
    title = f"rules of pam_gnome_keyring do not open the keyring at logins by: {', '.join(names)}"
    return Found(tuple(told), title, remedy=_apply(names)) if told else None


def _apply(names: Iterable[str]) -> Remediation:
    """Return how the rules are mended, where a password is typed; elsewhere they have no use."""
    useless = [name for name in names if name not in OF_THE_USER]
    if useless:
        return Remediation(f"take the rules of pam_gnome_keyring out of: {', '.join(useless)}")
    services = [word for name in names for word in ("--service", name)]
    return Remediation(
        "put the rules where they are reached, and decide nothing",
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
    seen = f"logins by these services do not unlock the keyring: {', '.join(names)}"
    return Found((seen,), remedy=Remediation(f"if people log in by these services: {command}"))


CHECKS = (
    Check(
        "pam-other-service-unsafe",
        "pam",
        Severity.WARNING,
        "a rule of pam_gnome_keyring decides who may log in by another service",
        _unsafe,
        cause="its control is required, requisite or the like, so that a keyring that does not open"
        " turns the person away; or a line is one that libpam refuses, and with it every login",
        about="Looked at are `login`, display managers, `su`, `sudo`, `cron` and `systemd-user`,"
        " where they have a rule of pam_gnome_keyring.",
    ),
    Check(
        "pam-other-service-daemon",
        "pam",
        Severity.WARNING,
        "a session rule of pam_gnome_keyring starts a daemon of the wrong user",
        _wrong_daemon,
        cause="the session of sudo, su, cron and the like is root's or another user's, with the"
        " caller's environment; a daemon that is started there has the password and opens nothing",
        remedy=Remediation("take the session rule with auto_start out of that service"),
        about="Looked at are `sudo`, `su`, `runuser`, `pkexec`, `polkit-1`, `cron` and their like.",
    ),
    Check(
        "pam-other-service-ineffective",
        "pam",
        Severity.WARNING,
        "rules of pam_gnome_keyring in another service do not open the keyring",
        _ineffective,
        cause="a rule is not reached (a `sufficient` before it ends the stack), stands too early,"
        " is for other services only, or there is none in auth or session",
        about="Looked at are `login`, display managers and `su`: where the password is typed of the"
        " very account whose keyring is to open.",
    ),
    Check(
        "pam-other-services",
        "pam",
        Severity.NOTE,
        "logins by other services do not open the keyring",
        _lacking,
        cause="each service has rules of its own",
        remedy=Remediation(
            "if people log in by it: sudo creds-setup-pam --service NAME apply",
        ),
    ),
)
