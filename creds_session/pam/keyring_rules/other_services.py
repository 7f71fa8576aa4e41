"""The other services that read a file: a change of the file must not change what they decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from creds_session.errors import InvalidData
from creds_session.pam.keyring_rules.counterexample import Counterexample
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.keyring_rules.proof import refute, refute_removal, refute_start
from creds_session.pam.stack.handlers import Stacks
from creds_session.pam.syntax.terms import ManagementGroup


def refuse_harm_to_other_services(
    path: str, content: bytes, services: Iterable[str], files: PamFiles
) -> None:
    """Raise InvalidData if new content of a file would change a verdict of a service.

    A service that is unsafe already, with or without the change, does not prevent the change.
    """
    for service, now in _services_that_read(path, services, files):
        then = files.overlaid(path, content).stacks(service)
        without = files.without_our_rules().stacks(service)
        for group in ManagementGroup:
            found = refute(without, then, group)
            if found is not None and refute(without, now, group) is None:
                raise _harm(path, service, found)
        found = refute_start(without, then)
        if found is not None and refute_start(without, now) is None:
            raise _harm(path, service, found)


def refuse_harmful_removal(
    path: str, content: bytes, services: Iterable[str], files: PamFiles
) -> None:
    """Raise InvalidData if the removal of our rules from a file would change a verdict."""
    for service, now in _services_that_read(path, services, files):
        then = files.overlaid(path, content).without_our_rules().stacks(service)
        for group in ManagementGroup:
            found = refute_removal(now, then, group)
            if found is not None:
                raise _harm(path, service, found)


def _services_that_read(
    path: str, services: Iterable[str], files: PamFiles
) -> Iterator[tuple[str, Stacks]]:
    for service in services:
        stacks = files.stacks(service)
        paths = {file for group in ManagementGroup for file in stacks.of(group).files}
        if path in paths and stacks.failure is None:
            yield service, stacks


def _harm(path: str, service: str, found: Counterexample) -> InvalidData:
    return InvalidData(
        f"{path}: the service {service} reads this file too, and there {found}",
        hint="nothing was changed; first change by hand what counts our rules, such as a jump",
    )
