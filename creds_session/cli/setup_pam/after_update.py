"""``creds-setup-pam check --after-update``: what an update did to the services that apply changed.

dpkg's and rpm's triggers and the path unit run this. So it prints nothing on a machine whose PAM
files were not changed by ``apply``, and it changes nothing.

systemd does not watch the directories while the service runs that a path unit has started
(path_enter_running in systemd's src/core/path.c). So what is written during a look is looked at
again here, a few times at most; then a message says that files were still being written. What is
written after the last look, before systemd watches again, is missed; these are a few milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from creds_session.cli.output import complain
from creds_session.cli.setup_pam.arguments import PROGRAM
from creds_session.cli.setup_pam.check import NEEDED
from creds_session.cli.setup_pam.rebase import vendor_lines
from creds_session.errors import CredsSessionError
from creds_session.probe.vendor_files import Changes, newer_among, own_changes, vendor_file
from creds_session.setup_pam.plan import Setup, plan_setup
from creds_session.setup_pam.report import alarm_lines
from creds_session.setup_pam.service_files import pam_files
from creds_session.system.files.root import Root
from creds_session.text import printable, printable_lines

WATCHED: Final = (
    *("/etc/pam.d", "/usr/lib/pam.d", "/usr/share/pam/pam.d", "/usr/etc/pam.d"),
    *("/etc/authselect", "/etc/ssh"),
)
"""The directories in which a change of an entry means another look, as in the path unit."""
MOST_LOOKS: Final = 5
"""An update writes its files within seconds, and dpkg waits for the check."""
LONGEST: Final = 20
"""After so many seconds no other look begins: the unit and the triggers end the check after 60."""
STILL: Final = "PAM files were still being written; run creds-setup-pam check"
MORE: Final = "creds-setup-pam check shows more"
NEXT: Final = f"{MORE}; creds-setup-pam apply adds the rules again"
NEWER: Final = (
    "creds-setup-pam rebase --check shows whether the rules can be brought to the newer file"
)


class _State(NamedTuple):
    """What another look would judge: our changes, and what differs after a file was written."""

    changes: Changes
    stamps: tuple[object, ...]


def check(root: Root) -> int:
    """Print what is wrong on standard error; return 1 if something is wrong, else 0.

    It is also wrong if files were still being written at the end.
    """
    lines = _look_until_nothing_is_written(root)
    for line in lines:
        complain(PROGRAM, line)
    return NEEDED if lines else 0


def _look_until_nothing_is_written(root: Root) -> tuple[str, ...]:
    """Return the lines of the last look; another one is taken if a file was written meanwhile.

    ``revert`` and ``rebase`` may run meanwhile. So our changes are read for each look.
    """
    end = time.monotonic() + LONGEST
    state = _state(root)
    lines: tuple[str, ...] = ()
    for _ in range(MOST_LOOKS):
        if not state.changes:
            return ()
        lines = tuple(_look(root, state.changes))
        before, state = state, _state(root)
        if state == before:
            return lines
        if time.monotonic() >= end:
            break
    return (*lines, STILL) if state.changes else ()


def _state(root: Root) -> _State:
    return _State(own_changes(root), _stamps(root))


def _stamps(root: Root) -> tuple[object, ...]:
    """Return what differs after a file was written, added or removed in a watched directory."""
    return tuple(_stamp(root, path) for path in WATCHED)


def _stamp(root: Root, path: str) -> object:
    """Return what a change in a directory changes, or why the directory cannot be read."""
    try:
        directory = root.directory_at(path)
        if directory is None:
            return None
        with directory:
            return directory.stamps()
    except CredsSessionError as error:
        return error.problem


def _look(root: Root, changes: Changes) -> Iterator[str]:
    """Yield the lines about rules that are wrong, and those about a vendor's newer files.

    The remedy is a line behind the lines that it belongs to.
    """
    wrong: list[str] = []
    for path in sorted(changes):
        service = path.rpartition("/")[2]
        try:
            wrong += _problems_of(plan_setup(root, (service,)))
        except CredsSessionError as error:
            yield printable(f"{service}: {error.problem}")
            yield printable_lines(error.hint or MORE)
    if wrong:
        yield from (*wrong, NEXT)
    files = pam_files(root)
    # A file of ours that cannot be read is among the problems already.
    newer = [copy for copy in newer_among(changes, files) if not copy.is_unreadable]
    for copy in newer:
        yield from vendor_lines(copy, vendor_file(copy, files))
    if newer:
        yield NEWER


def _problems_of(setup: Setup) -> Iterator[str]:
    for name, alarm, remedy in setup.alarms:
        yield "\n".join(alarm_lines(name, alarm, remedy))
    for planned in setup.plans:
        for verdict in planned.before:
            if verdict.applies and verdict.problem:
                text = f"{planned.service} {verdict.group.value}: {verdict.problem}"
                yield printable_lines(text)
