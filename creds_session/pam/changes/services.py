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


def judge_services(before: System, after: System, services: Iterable[str]) -> Report:
    """Return what a change means for these services."""
    judgements = [judge_service(before, after, service) for service in services]
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


def judge_service(before: System, after: System, service: str) -> Judgement:
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
    found = judge_change(was, now, machines)
    if had and not has:
        note = Note(Topic.SERVICE_REMOVED, f"libpam uses the rules of {OTHER} for it")
        return found._replace(notes=(note, *found.notes))
    return found


def _has_file(files: PamFiles, service: str) -> bool:
    return any(files.read(f"{where}/{service}") is not None for where in files.dialect.directories)


def _of_new(now: Stacks) -> Iterator[Finding]:
    if now.failure is not None:
        yield Finding(Kind.UNLOADABLE, None, detail=now.failure.reason)
        return
    found = way_in(now.auth)
    if found is not None:
        steps = tuple(Step(None, s.handler, None, s.returned) for s in found.steps)
        yield Finding(Kind.LET_IN, found.pass_, steps, detail="with a wrong password")


def services_to_judge(before: PamFiles, after: PamFiles, names: Iterable[str]) -> tuple[str, ...]:
    """Return the services that programs use: those whose file no other service includes."""
    every = sorted(set(names))
    included: set[str] = set()
    for files in (before, after):
        for name in every:
            stacks = files.stacks(name)
            for group in ManagementGroup:
                included.update(_included(stacks, group, name))
    return tuple(name for name in every if name not in included)


def _included(stacks: Stacks, group: ManagementGroup, name: str) -> Iterator[str]:
    """Yield the names of the files that the rules of one group come from, but for its own."""
    for handler in stacks.of(group).handlers:
        file = handler.origin.file.rpartition("/")[2]
        if file not in {name, OTHER}:
            yield file
