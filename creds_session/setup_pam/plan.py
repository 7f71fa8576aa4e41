"""What a machine lacks for a login by ssh to open the keyring, and what would be changed.

Two things: the rules in the service's file, and a condition on systemd's user socket of
gnome-keyring, without which a new user's first login fails (docs/explanation/first-login.md).
Both are planned and shown here; ``pam_change`` makes them and takes them back. sshd's settings
are looked at too, and never changed (docs/explanation/keyboard-interactive.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from creds_session.errors import InvalidData, NoSuchFile, Unavailable
from creds_session.facts.machine import PolicyRefusal
from creds_session.facts.snapshot import InstallationFacts
from creds_session.facts.sshd import DIALOGUE_ALONE, NOT_ASKED, WITHOUT_PAM, SshdFacts, hindrance
from creds_session.pam.keyring_rules.guards import unguarded
from creds_session.pam.keyring_rules.owners import manager_of
from creds_session.pam.keyring_rules.plan import NoSafeEdit, Options, Plan, Refusal, overlaid, plan
from creds_session.pam.keyring_rules.policy import MODULE, PASSWORD_ONLY, is_of_another_person
from creds_session.pam.keyring_rules.verdict import LACKS_RULES, place_of, repeated
from creds_session.pam.stack.resolve import Read
from creds_session.pam.syntax.terms import Dialect, ManagementGroup
from creds_session.probe.installation import (
    SOCKET_UNIT,
    probe_dialect,
    probe_first_login,
    probe_installation,
)
from creds_session.probe.sshd import probe_sshd
from creds_session.setup_pam.places import other_place, why_not_written
from creds_session.system.files.root import Root

MAX_FILE = 1 << 16
"""Bytes of a PAM file that is still read: the largest real one seen has a tenth of that."""

MOST_SERVICES = 2_000  # a large machine has about a hundred

DROP_IN = f"/etc/systemd/user/{SOCKET_UNIT}.d/creds-session.conf"
DROP_IN_TEXT = b"""\
# Written by creds-setup-pam; `creds-setup-pam revert` takes it back.
# A login keyring that is created through this socket is not served until the daemon is
# restarted. Where there is no keyring yet, PAM shall start the daemon itself.
[Unit]
ConditionPathExists=%h/.local/share/keyrings/login.keyring
"""


class Setup(NamedTuple):
    """All that would change on a machine, and what each service has now.

    ``drop_in`` is the condition's file as it is, None where there is none. ``notes`` say what
    could not be judged of services that nobody asked for by name, which rules are too many, and
    what sshd's settings spoil; ``is_hindered`` where these let no password through at all.
    ``is_enforcing``: SELinux decides too, and ``selinux_refuses`` is what its policy refuses of a
    login, None if it could not be asked.
    """

    plans: tuple[Plan, ...]
    needs_drop_in: bool
    drop_in: bytes | None = None
    notes: tuple[str, ...] = ()
    sshd: SshdFacts = NOT_ASKED
    is_hindered: bool = False
    is_enforcing: bool = False
    selinux_refuses: tuple[PolicyRefusal, ...] | None = None

    @property
    def edited(self) -> tuple[Plan, ...]:
        """The plans that would change a file."""
        return tuple(one for one in self.plans if one.edits)

    @property
    def is_needed(self) -> bool:
        """Tell whether anything would change."""
        return self.needs_drop_in or bool(self.edited)

    @property
    def contents(self) -> tuple[tuple[str, bytes | None, bytes], ...]:
        """Path, bytes before (None: no file) and after, of each file that would change."""
        files = [(one.target, one.replaced, one.result) for one in self.edited]
        if self.needs_drop_in:
            files.append((DROP_IN, self.drop_in, DROP_IN_TEXT))
        return tuple(files)

    @property
    def refusals(self) -> tuple[tuple[str, Refusal], ...]:
        """The groups that cannot have their rule, with the service."""
        return tuple((one.service, refused) for one in self.plans for refused in one.refusals)

    @property
    def has_something(self) -> bool:
        """Tell whether a rule is in place and reached already."""
        verdicts = (verdict for one in self.plans for verdict in one.before)
        return any(one.applies and one.reached and not one.problem for one in verdicts)

    @property
    def alarms(self) -> tuple[tuple[str, str, str], ...]:
        """The services that let a wrong password in, as they are now, with the way and the remedy.

        The lines that are named are those of the files before the change: it is not made yet.
        """
        verdicts = ((one.service, verdict) for one in self.plans for verdict in one.before)
        return tuple(
            (service, one.alarm, one.alarm_remedy) for service, one in verdicts if one.alarm
        )

    @property
    def is_complete(self) -> bool:
        """Tell whether every group would be in order afterwards."""
        verdicts = [verdict for one in self.plans for verdict in one.after]
        is_lacking = any(verdict.problem or verdict.alarm for verdict in verdicts)
        return not is_lacking and not self.is_hindered


def look(root: Root, services: Sequence[str] = (), options: Options | None = None) -> Setup:
    """Look at the machine and plan; changes nothing. No service named: sshd's, passwd's if there.

    Raises Unavailable, naming the package, where a part is missing; NoSuchFile; InvalidData.
    """
    found = probe_installation(root)
    sshd = probe_sshd(root, found.sshd) if PASSWORD_ONLY.isdisjoint(services) else NOT_ASKED
    asked = tuple(dict.fromkeys(services or (sshd.pam_service_name, "passwd")))
    _require_installation(found, needs_sshd=sshd.pam_service_name in asked)
    dialect, read = probe_dialect(root), reader(root)
    plans: list[Plan] = []
    notes: list[str] = []
    for service in asked:
        try:
            planned, refused = _plan_for(root, service, read, dialect, options, sshd)
        except (NoSuchFile, InvalidData) as error:
            if services or service != "passwd":
                raise
            notes.append(f"passwd is left alone: {error.problem}")
            continue
        plans.append(planned)
        notes += [refused] if refused else []
        notes += [f"{service}: {note}" for note in _notes_on(root, planned, read, dialect)]
        if options is not None and options.skip_root:
            notes += [f"{service}: {note}" for note in _root_waits(planned, read, dialect)]
    needs_drop_in = probe_first_login(root).breaks_first_login and any(map(_starts_daemon, plans))
    drop_in = root.read(DROP_IN) if needs_drop_in else None
    told, is_hindered = _settings(root, sshd, plans)
    return Setup(tuple(plans), needs_drop_in, drop_in, (*notes, *told), sshd, is_hindered)


def _starts_daemon(planned: Plan) -> bool:
    """Tell whether PAM will start the daemon at logins by this service: then no socket has to."""
    if planned.service in PASSWORD_ONLY or is_of_another_person(planned.service):
        return False
    opening = {ManagementGroup.AUTH, ManagementGroup.SESSION}
    return opening.isdisjoint(refused.group for refused in planned.refusals)


def _notes_on(root: Root, planned: Plan, read: Read, dialect: Dialect) -> Iterator[str]:
    """Say what a person should know of a service beside its verdicts."""
    twice = repeated(planned.service, read, dialect)
    if twice:
        yield twice
    obstacle = why_not_written(root, planned) if planned.edits else ""
    if obstacle:
        yield obstacle
    manager = manager_of(planned.content)
    if manager and planned.edits:
        yield (
            f"{planned.path} is managed by {manager}: make the change there too, or its next run"
            " takes it out again"
        )
    added = {verdict.group for verdict in planned.after if verdict.reached and verdict.applies}
    session = f"{LACKS_RULES} {ManagementGroup.SESSION.value}"
    lacks_session = not is_of_another_person(planned.service) and any(
        session in verdict.notes for verdict in planned.after
    )
    if planned.edits and ManagementGroup.AUTH in added and lacks_session:
        yield (
            "it has no session rules of its own, so no daemon is started at its logins; the auth"
            " rule unlocks the keyring of a daemon that runs already"
        )


def _root_waits(planned: Plan, read: Read, dialect: Dialect) -> Iterator[str]:
    """Say which rules root's login does not skip: those of a file that the service includes."""
    after = overlaid(read, planned.target, planned.result)
    groups = [unguarded(planned.service, group, after, dialect) for group in ManagementGroup]
    places = dict.fromkeys(place_of(rule) for rules in groups for rule in rules)
    if places:
        yield (
            f"root's login still runs {' and '.join(places)}: --skip-root changes only"
            f" {planned.target}, and an included file has the rule"
        )


def _settings(root: Root, sshd: SshdFacts, plans: Sequence[Plan]) -> tuple[tuple[str, ...], bool]:
    """Say what sshd's settings spoil, and whether they let no password through at all."""
    ours = [one for one in plans if one.service == sshd.pam_service_name]
    if not ours or sshd is NOT_ASKED:
        return (), False
    if not sshd.judged:
        told = f"what sshd's settings spoil is not judged: {sshd.reason}"
        return ((told,) if root.is_running_system else ()), False
    found = hindrance(sshd)
    if found is None or (found is DIALOGUE_ALONE and ours[0].early_start):
        return (), False
    return (f"{found.problem}; {found.remedy}",), found in {WITHOUT_PAM, DIALOGUE_ALONE}


def _plan_for(
    root: Root,
    service: str,
    read: Read,
    dialect: Dialect,
    options: Options | None,
    sshd: SshdFacts,
) -> tuple[Plan, str]:
    """Plan a service, with a daemon from auth on where sshd needs that; or say why not that."""
    if not sshd.only_dialogue or service != sshd.pam_service_name:
        return _plan(root, service, read, dialect, options), ""
    early = (options or Options())._replace(early_start=True)
    try:
        made = _plan(root, service, read, dialect, early)
    except InvalidData as error:
        reason = error.problem
    else:
        refused = (one for one in made.refusals if one.group is ManagementGroup.AUTH)
        reason = next((one.reason for one in refused), "")
        if not reason:
            return made, ""
    planned = _plan(root, service, read, dialect, options)
    return planned, f"{service}: a daemon that auth starts is refused: {reason}"


def _plan(root: Root, service: str, read: Read, dialect: Dialect, options: Options | None) -> Plan:
    """Plan a service; where nothing can be had the plan says so, and changes nothing."""
    path = find_service(service, read, dialect)
    try:
        planned = plan(service, path, read, dialect, options, place=root.resolve(path) or "")
    except NoSafeEdit as error:
        if error.plan is None:
            raise
        return error.plan
    if planned.edits:
        from creds_session.pam.keyring_rules.other_services import (  # most need none
            refuse_harm_to_readers,
        )

        names = service_names(root, dialect) - {service}
        refuse_harm_to_readers(planned.path, planned.result, sorted(names), read, dialect)
    return planned


def service_names(root: Root, dialect: Dialect) -> set[str]:
    """Return the names of all services that have a file. Raises InvalidData for too many."""
    found = {name for directory in dialect.directories for name in root.names(directory)}
    if len(found) > MOST_SERVICES:  # each is read, and judged with and without the change
        raise InvalidData(f"there are more than {MOST_SERVICES} PAM services")
    return found


def find_service(service: str, read: Read, dialect: Dialect) -> str:
    """Return the path of the service's file, where libpam finds it first. Raises NoSuchFile."""
    for directory in dialect.directories if "/" not in service else ():
        path = f"{directory}/{service}"
        if read(path) is not None:
            return path
    raise NoSuchFile(
        f"there is no PAM service {service!r}: no file of that name in"
        f" {', '.join(dialect.directories)}",
        hint=other_place(service, read),
    )


def reader(root: Root) -> Read:
    """Return a function that reads paths of this root, each once."""
    known: dict[str, bytes | None] = {}

    def read(path: str) -> bytes | None:
        if path not in known:
            known[path] = root.read(path, limit=MAX_FILE)
        return known[path]

    return read


def _require_installation(found: InstallationFacts, *, needs_sshd: bool) -> None:
    parts = {"gnome-keyring-daemon": found.daemon, MODULE: found.pam_module}
    if needs_sshd:
        parts = {"sshd": found.sshd, **parts}
    missing = [name for name, path in parts.items() if path is None]
    if missing:
        from creds_session.facts.distribution import install_command, is_of_store

        if is_of_store(found.os_release):  # no usual path has it, installed or not
            return
        *first, last = missing
        named = f"{', '.join(first)} and {last} are" if first else f"{last} is"
        raise Unavailable(f"{named} not installed", hint=install_command(missing, found.os_release))
