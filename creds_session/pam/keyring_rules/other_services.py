"""Who else reads a file: a change of it must not change what another service decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from creds_session.errors import InvalidData
from creds_session.pam.keyring_rules.counterexample import Counterexample
from creds_session.pam.keyring_rules.plan import overlaid
from creds_session.pam.keyring_rules.proof import refute, refute_removal, refute_start
from creds_session.pam.keyring_rules.verdict import without_ours
from creds_session.pam.stack.handlers import Stacks
from creds_session.pam.stack.resolve import Read, resolve_all
from creds_session.pam.syntax.terms import Dialect, ManagementGroup


def refuse_harm_to_readers(
    path: str, content: bytes, services: Iterable[str], read: Read, dialect: Dialect
) -> None:
    """Raise InvalidData where new content of a file would change a verdict of a service.

    A service that is unsafe already, whatever we do, is not held against the change.
    """
    for service, now in _readers(path, services, read, dialect):
        then = resolve_all(service, overlaid(read, path, content), dialect=dialect)
        without = resolve_all(service, without_ours(read, dialect), dialect=dialect)
        for group in ManagementGroup:
            found = refute(without, then, group)
            if found is not None and refute(without, now, group) is None:
                raise _harm(path, service, found)
        found = refute_start(without, then)
        if found is not None and refute_start(without, now) is None:
            raise _harm(path, service, found)


def refuse_harmful_removal(
    path: str, content: bytes, services: Iterable[str], read: Read, dialect: Dialect
) -> None:
    """Raise InvalidData where taking our rules out of a file would change a verdict."""
    for service, now in _readers(path, services, read, dialect):
        reading = without_ours(overlaid(read, path, content), dialect)
        then = resolve_all(service, reading, dialect=dialect)
        for group in ManagementGroup:
            found = refute_removal(now, then, group)
            if found is not None:
                raise _harm(path, service, found)


def _readers(
    path: str, services: Iterable[str], read: Read, dialect: Dialect
) -> Iterator[tuple[str, Stacks]]:
    for service in services:
        stacks = resolve_all(service, read, dialect=dialect)
        files = {file for group in ManagementGroup for file in stacks.of(group).files}
        if path in files and stacks.failure is None:
            yield service, stacks


def _harm(path: str, service: str, found: Counterexample) -> InvalidData:
    return InvalidData(
        f"{path}: the service {service} reads it, and there {found}",
        hint="nothing was changed; mend what counts our rules (a jump) by hand first",
    )
