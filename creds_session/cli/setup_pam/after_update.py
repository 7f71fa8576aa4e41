"""``creds-setup-pam check --after-update``: what an update did to the services that apply changed.

dpkg's and rpm's triggers and the path unit run this. So it prints nothing on a machine whose PAM
files were not changed by ``apply``, and it changes nothing.

systemd does not watch the directories while the service runs that a path unit has started
(path_enter_running in systemd's src/core/path.c). So what is written during a look is looked at
again here. What is written after that, before systemd watches again, is still missed; these are a
few milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

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
NEXT = "creds-setup-pam check shows more; creds-setup-pam apply adds the rules again"
NEWER = "creds-setup-pam rebase --check shows whether the rules can be brought to the newer file"


def check(root: Root) -> int:
    """Print what is wrong on standard error; return 1 if something is wrong, else 0."""
    changes = own_changes(root)
    if not changes:
        return 0
    wrong, newer = _look_until_nothing_is_written(root, changes)
    if wrong:
        _say(*wrong, NEXT)
    if newer:
        _say(*newer, NEWER)
    return NEEDED if wrong or newer else 0


def _look_until_nothing_is_written(root: Root, changes: Changes) -> tuple[list[str], list[str]]:
    """Return the lines of the last look; another one is taken if a file was written meanwhile."""
    before = _stamps(root)
    found = _look(root, changes)
    for _ in range(MOST_LOOKS - 1):
        now = _stamps(root)
        if now == before:
            break
        before, found = now, _look(root, changes)
    return found


def _stamps(root: Root) -> list[tuple[tuple[str, int, int, int], ...]]:
    """Return what differs after a file was written, added or removed in a watched directory."""
    stamps = []
    for path in WATCHED:
        directory = root.directory_at(path)
        if directory is not None:
            with directory:
                stamps.append(directory.stamps())
    return stamps


def _look(root: Root, changes: Changes) -> tuple[list[str], list[str]]:
    """Return the lines about rules that are wrong, and those about a vendor's newer files."""
    services = (path.rpartition("/")[2] for path in sorted(changes))
    wrong = [line for service in services for line in _problems(root, service)]
    files = pam_files(root)
    # A file of ours that cannot be read is among the problems already.
    newer = [copy for copy in newer_among(changes, files) if not copy.is_unreadable]
    lines = [line for copy in newer for line in vendor_lines(copy, vendor_file(copy, files))]
    return wrong, lines


def _say(*lines: str) -> None:
    for line in lines:
        complain(PROGRAM, line)


def _problems(root: Root, service: str) -> Iterator[str]:
    try:
        setup = plan_setup(root, (service,))
    except CredsSessionError as error:
        yield printable(f"{service}: {error.problem}")
        return
    yield from _problems_of(setup)


def _problems_of(setup: Setup) -> Iterator[str]:
    for name, alarm, remedy in setup.alarms:
        yield "\n".join(alarm_lines(name, alarm, remedy))
    for planned in setup.plans:
        for verdict in planned.before:
            if verdict.applies and verdict.problem:
                text = f"{planned.service} {verdict.group.value}: {verdict.problem}"
                yield printable_lines(text)
