"""Judge a change of all services of a system, and put equal findings of several together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeVar

from creds_session.errors import InvalidData
from creds_session.pam.changes.findings import Finding, Judgement, Kind, Note, Step, Topic
from creds_session.pam.changes.judge import judge_change
from creds_session.pam.changes.modules import Exists, Machine
from creds_session.pam.keyring_rules.denial import way_in
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.stack.handlers import Stacks
from creds_session.pam.stack.resolve import OTHER
from creds_session.pam.syntax.terms import ManagementGroup

MOST_RULES: Final = 1_000
"""The most rules of one service that are compared; real services have about 50."""

_Entry = TypeVar("_Entry")


class System(NamedTuple):
    """The PAM files of one side, and which module files exist there."""

    files: PamFiles
    exists: Exists = lambda _path: None


class Report(NamedTuple):
    """All findings and notes, each with the services that it is about, sorted."""

    services: tuple[str, ...]
    findings: tuple[tuple[tuple[str, ...], Finding], ...]
    notes: tuple[tuple[tuple[str, ...], Note], ...]


def judge_services(
    before: System, after: System, services: Iterable[str], *, with_notes: bool = True
) -> Report:
    """Return what a change means for these services; ``with_notes`` as in ``judge_change``."""
    judgements = [
        judge_service(before, after, service, with_notes=with_notes) for service in services
    ]
    findings = ((one.service, found) for one in judgements for found in one.findings)
    notes = ((one.service, note) for one in judgements for note in one.notes)
    return Report(
        tuple(one.service for one in judgements),
        tuple((names, found) for found, names in _joined(findings).items()),
        tuple((names, note) for note, names in _joined(notes).items()),
    )


def _joined(pairs: Iterable[tuple[str, _Entry]]) -> Mapping[_Entry, tuple[str, ...]]:
    """Return each entry once, with the services that have it."""
    found: dict[_Entry, tuple[str, ...]] = {}
    for service, entry in pairs:
        found[entry] = (*found.get(entry, ()), service)
    return found


def judge_service(
    before: System, after: System, service: str, *, with_notes: bool = True
) -> Judgement:
    """Return what a change means for one service.

    A service that had no file before was refused or let in by the rules of ``other``, and its
    program did not exist, usually. So it is not compared: it is only asked whether it lets a wrong
    password in.

    Raises:
        InvalidData: The service has more than ``MOST_RULES`` rules.
    """
    was, now = before.files.stacks(service), after.files.stacks(service)
    for stacks in (was, now):
        if sum(map(len, (stacks.of(group).handlers for group in ManagementGroup))) > MOST_RULES:
            raise InvalidData(f"the service {service} has more than {MOST_RULES:,} rules")
    had, has = (_has_file(system.files, service) for system in (before, after))
    if has and not had:
        return Judgement(service, tuple(_of_new(now)), (Note(Topic.SERVICE_ADDED, service),))
    machines = Machine(service, before.exists), Machine(service, after.exists)
    found = judge_change(was, now, machines, with_notes=with_notes)
    if had and not has:
        note = Note(Topic.SERVICE_REMOVED, f"libpam uses the rules of {OTHER} for it")
        return found._replace(notes=(note, *found.notes))
    return found


def _has_file(files: PamFiles, service: str) -> bool:
    return any(files.read(f"{where}/{service}") is not None for where in files.places)


def _of_new(now: Stacks) -> Iterator[Finding]:
    if now.failure is not None:
        yield Finding(Kind.UNLOADABLE, None, detail=now.failure.reason)
        return
    found = way_in(now.auth)
    if found is not None:
        steps = tuple(Step(None, s.handler, None, s.returned) for s in found.steps)
        yield Finding(Kind.LET_IN, found.pass_, steps, detail="with a wrong password")


def services_to_judge(before: PamFiles, after: PamFiles, names: Iterable[str]) -> tuple[str, ...]:
    """Return all services except those that are judged with the services that include them.

    A file is left out only if, before and after the change, other services include each group of
    rules that it has. If another service includes only the auth rules of sshd, sshd is judged.
    """
    every = sorted(set(names))
    parts = _parts(before, every), _parts(after, every)
    return tuple(name for name in every if not _is_only_included(name, parts))


class _Parts(NamedTuple):
    """The rules of the services of one side: the groups that each has, and what is included."""

    groups: Mapping[str, frozenset[ManagementGroup] | None]
    included: frozenset[tuple[str, ManagementGroup]]


def _parts(files: PamFiles, names: Iterable[str]) -> _Parts:
    groups: dict[str, frozenset[ManagementGroup] | None] = {}
    included: set[tuple[str, ManagementGroup]] = set()
    for name in names:
        stacks = files.stacks(name)
        sources = {group: _sources(stacks, group) for group in ManagementGroup}
        own = frozenset(group for group in sources if sources[group])
        groups[name] = None if stacks.failure is not None else own
        included.update((file, g) for g, found in sources.items() for file in found - {name})
    return _Parts(groups, frozenset(included))


def _is_only_included(name: str, sides: tuple[_Parts, _Parts]) -> bool:
    """Return whether other services include every group of rules of a file, on both sides.

    If libpam cannot load the file on a side, it is not known what its groups are.
    """
    for side in sides:
        groups = side.groups[name]
        if groups is None or any((name, group) not in side.included for group in groups):
            return False
    return any(side.groups[name] for side in sides)


def _sources(stacks: Stacks, group: ManagementGroup) -> frozenset[str]:
    """Return the names of the files that the rules of one group come from, except ``other``."""
    files = (handler.origin.file for handler in stacks.of(group).handlers)
    return frozenset(file.rpartition("/")[2] for file in files) - {OTHER}
