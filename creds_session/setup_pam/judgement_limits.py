"""Say what ``judge`` cannot see, because a directory that a person named lacks something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from creds_session.probe.libpam_directories import UNKNOWN, directories_of_services
from creds_session.setup_pam.judgement import (
    PAM_D,
    Side,
    first_of_a_system,
)
from creds_session.setup_pam.service_files import pam_files
from creds_session.system.files.root import Root


def limits_of_sides(root: Root, before: Side, after: Side) -> Iterator[str]:
    """Yield a sentence for each limit; ``root`` is the system that ``--root`` names.

    Raises InvalidData, NotPermitted.
    """
    for side in (before, after):
        if side.machine is not root:
            yield from _without_libpam(side.given, pam_files(root).places)
    for place in pam_files(before.machine).places:
        if _is_taken_from_now(before, place) and not _is_taken_from_now(after, place):
            yield (
                f"{before.given.directory}: has no copy of {place}, so the files there are taken"
                " from the system as it is now, and no change of them is seen; next time, before"
                f" the change: mkdir -p COPY{place}; cp -aL --parents {PAM_D} {place} COPY"
            )


def _is_taken_from_now(side: Side, place: str) -> bool:
    """Return whether a copy lacks a directory of services in which the system has files."""
    is_lacking = side.given is not side.machine and side.place(place)[0] is side.machine
    return is_lacking and bool(side.machine.names(place))


def _without_libpam(system: Root, known: Sequence[str]) -> Iterator[str]:
    """Say of a whole system that it has no libpam: it may be a copy with a file out of place."""
    first = first_of_a_system(system, known)
    if first is not None and directories_of_services(system) is None:
        yield (
            f"{system.directory}: counts as a whole system, because it has {system.path(first)},"
            f" but {UNKNOWN}; if it is a copy of PAM files, remove what is not in a directory of"
            " services from it"
        )
