"""Whether PAM hands the typed password to the keyring, as libpam will run the files.

What is judged is the service of sshd, or the one by which the session came; ``other_services``
has the rest.
"""

from __future__ import annotations

import functools
import shlex
from typing import Union

from creds_session.doctor.checks.installation import install
from creds_session.doctor.checks.registry import Check, of_logins
from creds_session.errors import CredsSessionError
from creds_session.facts.snapshot import Facts, PamFacts
from creds_session.findings import Found, NotJudged, Remediation, Severity
from creds_session.pam.keyring_rules.counterexample import Counterexample
from creds_session.pam.keyring_rules.denial_remedy import remedy as remedy_of_denial
from creds_session.pam.keyring_rules.owners import AUTHSELECT, owner_of
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.keyring_rules.policy import (
    MODULE,
    excluded_by_only_if,
    is_anchor,
    is_keyring,
)
from creds_session.pam.keyring_rules.proof import refute_denial
from creds_session.pam.keyring_rules.remedies import REMOVAL
from creds_session.pam.keyring_rules.verdict import (
    GroupVerdict,
    duplicate_password_rules,
    verdicts_of_service,
)
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.terms import Dialect, ManagementGroup

APPLY = Remediation(
    "let PAM hand the password over, then log in again by password",
    (("sudo", "creds-setup-pam", "apply"),),
    is_safe=True,
)
Verdicts = Union[tuple[GroupVerdict, ...], str]


def verdicts(pam: PamFacts, *, early_start: bool = False) -> Verdicts:
    """Return what the proof says of each group of the service, or why libpam refuses it."""
    files = tuple(sorted(pam.files.items()))
    return _verdicts(pam.service, files, pam.dialect, early_start)


@functools.lru_cache(maxsize=64)
def _verdicts(
    service: str,
    files: tuple[tuple[str, bytes], ...],
    dialect: Dialect,
    early_start: bool,  # noqa: FBT001 - lru_cache takes it by place
) -> Verdicts:
    try:
        pam_files = PamFiles(dict(files).get, dialect)
        return verdicts_of_service(service, pam_files, early_start=early_start)
    except CredsSessionError as error:
        return error.problem


def has_service(pam: PamFacts) -> bool:
    """Tell whether there is a file for the service."""
    return pam.service in {path.rpartition("/")[2] for path in pam.files}


def problems(pam: PamFacts) -> tuple[GroupVerdict, ...]:
    """Return the groups of the service that are not as they should be; none where it is refused."""
    found = verdicts(pam) if has_service(pam) else ()
    if isinstance(found, str):
        return ()
    return tuple(verdict for verdict in found if verdict.applies and verdict.problem)


def _unread(pam: PamFacts) -> tuple[str, ...]:
    return (f"not read: {pam.reason}",) if pam.reason else ()


def _service_absent(facts: Facts) -> Found | None:
    if has_service(facts.pam):
        return None
    title = f"there is no PAM service {facts.pam.service!r} on this machine"
    return Found(_unread(facts.pam), title)


def _malformed(facts: Facts) -> Found | NotJudged | None:
    if not has_service(facts.pam):
        return NotJudged("no service file")
    found = verdicts(facts.pam)
    if isinstance(found, str) and facts.pam.reason:
        return NotJudged(f"files that it includes could not be read: {facts.pam.reason}")
    return Found((), found) if isinstance(found, str) else None


def _module(facts: Facts) -> Found | None:
    if facts.installation.pam_module:
        return None
    return Found((f"no {MODULE} in libpam's folders",))


def _module_level(facts: Facts) -> Severity:
    """Without the module, a rule that must succeed turns everybody away."""
    is_lockout = any(verdict.is_unsafe for verdict in problems(facts.pam))
    is_of_logins = has_service(facts.pam) or facts.pam.reason
    return Severity.ERROR if is_lockout else of_logins(facts) if is_of_logins else Severity.NOTE


def _missing(facts: Facts) -> Found | None:
    found = problems(facts.pam)
    if not found or any(verdict.present for verdict in found):
        return None
    return _found(facts.pam, found)


def rules_of(pam: PamFacts) -> dict[ManagementGroup, tuple[Handler, ...]]:
    """Return what libpam would run in each group of a service; nothing where it refuses it."""
    files = tuple(sorted(pam.files.items()))
    return _resolved(pam.service, files, pam.dialect)


@functools.lru_cache(maxsize=64)
def _resolved(
    service: str, files: tuple[tuple[str, bytes], ...], dialect: Dialect
) -> dict[ManagementGroup, tuple[Handler, ...]]:
    stacks = resolve_all(service, dict(files).get, dialect=dialect)
    if stacks.failure is not None:
        return dict.fromkeys(ManagementGroup, ())
    return {group: tuple(stacks.of(group).handlers) for group in ManagementGroup}


def _ours(pam: PamFacts) -> list[Handler]:
    return [one for rules in rules_of(pam).values() for one in rules if is_keyring(one)]


def _at(rule: Handler) -> str:
    return f"{rule.origin.file}:{rule.origin.line}: {rule.group.value}"


def _is_whole(pam: PamFacts, group: ManagementGroup) -> bool:
    """Tell whether a group needs nothing, so that an oddity in it does no harm."""
    return all(verdict.group is not group for verdict in problems(pam))


def _only_if(facts: Facts) -> Found | None:
    pam = facts.pam
    told = tuple(
        f"{_at(rule)}: {excluded_by_only_if(rule, pam.service)}"
        for rule in _ours(pam)
        if excluded_by_only_if(rule, pam.service) and not _is_whole(pam, rule.group)
    )
    return Found(told) if told else None


def _misspelt(facts: Facts) -> Found | None:
    told = tuple(
        f"{_at(rule)}: {word}"
        for rule in _ours(facts.pam)
        for word in rule.arguments
        if word not in OPTIONS and not word.startswith("only_if=")
    )
    return Found(told) if told else None


def _misspelt_level(facts: Facts) -> Severity:
    groups = {rule.group for rule in _ours(facts.pam) if set(rule.arguments) - OPTIONS}
    harms = any(not _is_whole(facts.pam, group) for group in groups)
    return of_logins(facts) if harms else Severity.WARNING


def _no_auto_start(facts: Facts) -> Found | None:
    pam = facts.pam
    if _is_whole(pam, ManagementGroup.SESSION):
        return None
    rules = [rule for rule in _ours(pam) if rule.group is ManagementGroup.SESSION]
    if not rules or any("auto_start" in rule.arguments for rule in rules):
        return None
    return Found(tuple(f"{_at(rule)}: no auto_start" for rule in rules))


def _too_early(facts: Facts) -> Found | None:
    """Find a rule of ours before the module that it must come after."""
    pam, told = facts.pam, []
    for group, rules in rules_of(pam).items():
        if _is_whole(pam, group):
            continue
        anchors = [place for place, rule in enumerate(rules) if is_anchor(rule, group)]
        ours = [place for place, rule in enumerate(rules) if is_keyring(rule)]
        if ours and anchors and max(ours) < min(anchors):
            told += [f"{_at(rules[ours[0]])}, before {rules[anchors[0]].module}"]
    return Found(tuple(told)) if told else None


def _wrong_password(facts: Facts) -> Found | None:
    """Find a service that lets a wrong password in, whoever is to blame."""
    told: list[str] = []
    names: list[str] = []
    texts: list[str] = []
    for name in dict.fromkeys((facts.pam.service, *LOOKED_AT)):
        pam = facts.pam._replace(service=name)
        alarm = _alarm(pam.service, tuple(sorted(pam.files.items())), pam.dialect)
        if alarm is None or not has_service(pam):
            continue
        told.append(f"{name}: {alarm[0]}")
        names.append(name)
        texts.append(alarm[1])
    title = f"a wrong password is let in by: {', '.join(names)}"
    remedy = Remediation(f"while you are logged in, {'; '.join(dict.fromkeys(texts))}")
    return Found((*told, *_unread(facts.pam)), title, remedy=remedy) if told else None


@functools.lru_cache(maxsize=64)
def _alarm(
    service: str, files: tuple[tuple[str, bytes], ...], dialect: Dialect
) -> tuple[Counterexample, str] | None:
    """Return a way on which a service lets a wrong password in, and what to change; or None."""
    read = dict(files).get
    stacks = resolve_all(service, read, dialect=dialect)
    found = refute_denial(stacks) if stacks.failure is None else None
    return (found, remedy_of_denial(stacks.auth, found, read)) if found else None


SHUT = (
    "change what lets people in, while you are logged in: of the way that is shown, the last line"
    " that returns success, or what leads to it"
)


LOOKED_AT = ("sshd", "login", "su", "sudo", "gdm-password", "lightdm", "sddm", "xrdp-sesman")
"""Where a wrong password must be refused, whatever becomes of the keyring."""


def _changed_password(facts: Facts) -> Found | None:
    """Find that a password which is changed at the login is not handed over."""
    found = [one for one in problems(facts.pam) if one.group is ManagementGroup.PASSWORD]
    return Found(tuple(f"password: {one.problem}" for one in found)) if found else None


def _guesses(facts: Facts) -> Found | None:
    """Find a rule that starts a daemon at a wrong password."""
    found = verdicts(facts.pam) if has_service(facts.pam) else ()
    if isinstance(found, str):
        return None
    told = [note for one in found for note in one.notes if "at each wrong password" in note]
    if not told:
        return None
    texts = facts.pam.files.items()
    has_feature = any(MODULE.encode() in text and owner_of(text) is AUTHSELECT for _, text in texts)
    remedy = Remediation(REMOVAL[AUTHSELECT]) if has_feature else None
    return Found(tuple(told), remedy=remedy) if remedy else Found(tuple(told))


def _unsafe(facts: Facts) -> Found | None:
    """Find a rule that decides a login, by the proof."""
    told = tuple(
        f"{verdict.group.value}: {verdict.problem}"
        for verdict in problems(facts.pam)
        if verdict.is_unsafe and verdict.reached
    )
    return Found(told) if told else None


def _ineffective(facts: Facts) -> Found | None:
    found = tuple(one for one in problems(facts.pam) if not (one.present and one.reached))
    opening = tuple(one for one in found if one.group is not ManagementGroup.PASSWORD)
    if not opening or not any(verdict.present for verdict in found):
        return None
    return _found(facts.pam, found)


def _twice(facts: Facts) -> Found | NotJudged | None:
    if not has_service(facts.pam):
        return NotJudged("no service file")
    told = duplicate_password_rules(
        facts.pam.service, PamFiles(facts.pam.files.get, facts.pam.dialect)
    )
    return Found((told,)) if told else None


def _asks_itself(facts: Facts) -> Found | None:
    rules = [rule for rule in _ours(facts.pam) if rule.group is ManagementGroup.PASSWORD]
    told = tuple(
        f"{_at(rule)}: no use_authtok" for rule in rules if "use_authtok" not in rule.arguments
    )
    # Debian's own profile writes it so, behind modules that have asked already.
    is_first = rules and rules_of(facts.pam)[ManagementGroup.PASSWORD].index(rules[0]) == 0
    return Found(told) if told and is_first else None


def _passwd(facts: Facts) -> Found | NotJudged | None:
    pam = facts.pam._replace(service="passwd")
    if not has_service(pam):
        return NotJudged("no service passwd")
    found = problems(pam)
    return Found(tuple(f"passwd: {one.problem}" for one in found)) if found else None


def _unreadable(facts: Facts) -> Found | None:
    if not facts.pam.reason:
        return None
    command = ("sudo", "creds-doctor", "--user", facts.session.user)
    remedy = Remediation(f"look as root: {shlex.join(command)}", (command,))
    return Found((facts.pam.reason,), remedy=remedy)


def _found(pam: PamFacts, found: tuple[GroupVerdict, ...]) -> Found:
    groups = ", ".join(verdict.group.value for verdict in found)
    told = tuple(f"{verdict.group.value}: {verdict.problem}" for verdict in found)
    title = f"a password typed at {pam.service} does not open the keyring: {groups}"
    return Found((*told, *_unread(pam)), title)


def _first_login(facts: Facts) -> Found | None:
    first = facts.first_login
    return Found((str(first.socket_unit),)) if first.breaks_first_login else None


OPTIONS = frozenset({"auto_start", "use_authtok"})
MISSING = ("pam-module-not-installed", "pam-file-malformed", "pam-rule-missing")

FIRST = (
    Check(
        "pam-file-malformed",
        "pam",
        Severity.ERROR,
        "libpam refuses the service's file, and with it every login",
        _malformed,
        cause="a line of the service, or of a file that it includes, is no rule of PAM",
        remedy=Remediation("mend that line before you log out"),
        stops_password=True,
    ),
    Check(
        "pam-module-not-installed",
        "pam",
        _module_level,
        "pam_gnome_keyring.so is not installed",
        _module,
        cause="distributions put it into a package of its own; a rule with a leading `-` says"
        " nothing of a module that is not there",
        remedy=lambda facts: install(MODULE, facts.installation.os_release),
        stops_password=True,
    ),
    Check(
        "pam-wrong-password-let-in",
        "pam",
        Severity.ERROR,
        "a wrong password is let in",
        _wrong_password,
        cause="a rule before the password is judged succeeds for everybody and ends the stack, or"
        " nothing denies after the modules that judge it",
        remedy=Remediation(SHUT),
        needs=("pam-file-malformed",),
        about="Looked at are the login's own service, `login`, `su`, `sudo` and display managers."
        " A service that asks for no password lets people in on purpose, and is not named.",
    ),
    Check(
        "pam-rule-unsafe",
        "pam",
        Severity.WARNING,
        "a rule of pam_gnome_keyring decides whether people may log in",
        _unsafe,
        cause="its control is required, requisite or the like: a keyring that does not open then"
        " refuses the login",
        remedy=APPLY,
        needs=("pam-file-malformed", "pam-module-not-installed"),
    ),
)
"""What may turn away every login stands before all else: other cures say to log in anew."""
CHECKS = (
    Check(
        "pam-service-absent",
        "pam",
        Severity.NOTE,
        "there is no PAM service of that name",
        _service_absent,
        cause="the program that logs people in is not installed, or has another service",
    ),
    Check(
        "pam-rule-missing",
        "pam",
        of_logins,
        "a password typed at the login does not open the keyring: there is no rule",
        _missing,
        cause="pam_gnome_keyring.so is not called where the password passes",
        remedy=APPLY,
        needs=("pam-module-not-installed", "pam-file-malformed"),
        stops_password=True,
    ),
    Check(
        "pam-only-if",
        "pam",
        of_logins,
        "the rule of pam_gnome_keyring is for other services only",
        _only_if,
        cause="only_if= names the services that it acts for; for others it says success, silently",
        remedy=APPLY,
        needs=MISSING,
        stops_password=True,
    ),
    Check(
        "pam-option-misspelt",
        "pam",
        _misspelt_level,
        "a rule of pam_gnome_keyring has an option that the module does not know",
        _misspelt,
        cause="it knows auto_start, only_if= and use_authtok; of others it only logs"
        " `invalid option`",
        remedy=APPLY,
        needs=MISSING,
        stops_password=True,
    ),
    Check(
        "pam-no-auto-start",
        "pam",
        of_logins,
        "the session rule of pam_gnome_keyring starts no daemon",
        _no_auto_start,
        cause="without auto_start the password that was kept is thrown away where no daemon runs",
        remedy=APPLY,
        needs=(*MISSING, "pam-option-misspelt", "pam-only-if"),
        stops_password=True,
    ),
    Check(
        "pam-rule-too-early",
        "pam",
        of_logins,
        "a rule of pam_gnome_keyring stands before the module that it needs",
        _too_early,
        cause="in auth the password is not there yet, in session XDG_RUNTIME_DIR is not",
        remedy=APPLY,
        needs=MISSING,
        stops_password=True,
    ),
    Check(
        "pam-rule-ineffective",
        "pam",
        of_logins,
        "a password typed at the login does not open the keyring: a rule has no effect",
        _ineffective,
        cause="pam_gnome_keyring.so is not called where the password passes",
        remedy=APPLY,
        needs=(
            *MISSING,
            *(
                "pam-wrong-password-let-in",
                "pam-only-if",
                "pam-option-misspelt",
                "pam-no-auto-start",
                "pam-rule-too-early",
            ),
        ),
        stops_password=True,
    ),
    Check(
        "pam-password-left-behind",
        "pam",
        of_logins,
        "a password that is changed while logging in is not handed to the keyring",
        _changed_password,
        cause="the password rule of pam_gnome_keyring is not reached: where an expired password"
        " is changed at the login, the keyring keeps the old one. Other logins are not concerned",
        remedy=APPLY,
        needs=(*MISSING, "pam-rule-ineffective"),
    ),
    Check(
        "pam-starts-at-wrong-password",
        "pam",
        Severity.WARNING,
        "a wrong password starts a keyring daemon",
        _guesses,
        cause="an auth rule with auto_start is run before the password was found right, so that"
        " anybody's guess starts a daemon as this user for two minutes. authselect's feature"
        " with-pam-gnome-keyring does so in the sssd profile",
        remedy=Remediation(
            "take auto_start out of that auth rule; the session rule starts the daemon"
        ),
        needs=MISSING,
    ),
    Check(
        "pam-rule-repeated",
        "pam",
        Severity.NOTE,
        "pam_gnome_keyring changes the password more than once",
        _twice,
        cause="a profile of the distribution has the rule already, and somebody added another",
        remedy=Remediation("take out all but one"),
        needs=("pam-file-malformed",),
    ),
    Check(
        "pam-password-asks",
        "pam",
        Severity.WARNING,
        "the password rule of pam_gnome_keyring asks for a password itself",
        _asks_itself,
        cause="it stands first and without use_authtok, so it asks `Password: ` on its own",
        remedy=APPLY,
        needs=("pam-file-malformed",),
    ),
    Check(
        "passwd-leaves-keyring",
        "pam",
        of_logins,
        "passwd changes the login's password and not the keyring's",
        _passwd,
        cause="the service passwd has no password rule of pam_gnome_keyring that is reached",
        remedy=APPLY,
        needs=("pam-module-not-installed", "pam-rule-missing"),
    ),
    Check(
        "pam-files-unread",
        "pam",
        Severity.NOTE,
        "some files of PAM could not be read, so what is said of PAM may be wrong",
        _unreadable,
        cause="they are root's alone",
        remedy=Remediation("look as root: sudo creds-doctor --user NAME"),
    ),
    Check(
        "first-login-fails",
        "pam",
        of_logins,
        "the first login of a new user will not be able to store a secret",
        _first_login,
        cause="systemd starts the keyring daemon for its socket before the keyring exists; a"
        " keyring created through that socket is not served until the daemon restarts",
        remedy=APPLY,
        about="See [why a first login fails](../../explanation/first-login.md).",
    ),
)
