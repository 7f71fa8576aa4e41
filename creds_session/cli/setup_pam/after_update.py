"""``creds-setup-pam check --after-update``: what an update did to the services that apply changed.

dpkg's and rpm's triggers and the path unit run this. So it prints nothing on a machine whose PAM
files were not changed by ``apply``, and it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from creds_session.cli.output import complain
from creds_session.cli.setup_pam.arguments import PROGRAM
from creds_session.cli.setup_pam.check import NEEDED
from creds_session.cli.setup_pam.rebase import vendor_lines
from creds_session.errors import CredsSessionError
from creds_session.probe.vendor_files import newer_vendor_files, own_changes, vendor_file
from creds_session.setup_pam.plan import Setup, plan_setup
from creds_session.setup_pam.report import alarm_lines
from creds_session.setup_pam.service_files import pam_files
from creds_session.system.files.root import Root
from creds_session.text import printable, printable_lines

NEXT = "creds-setup-pam check shows more; creds-setup-pam apply adds the rules again"
NEWER = "creds-setup-pam rebase --check shows whether the rules can be brought to the newer file"


def check(root: Root) -> int:
    """Print what is wrong on standard error; return 1 if something is wrong, else 0."""
    services = tuple(path.rpartition("/")[2] for path in sorted(own_changes(root)))
    if not services:
        return 0
    wrong = [line for service in services for line in _problems(root, service)]
    if wrong:
        _say(*wrong, NEXT)
    files = pam_files(root)
    # A file of ours that cannot be read is among the problems already.
    newer = [copy for copy in newer_vendor_files(root, files) if not copy.is_unreadable]
    if newer:
        facts = ((copy, vendor_file(copy, files)) for copy in newer)
        _say(*(line for copy, file in facts for line in vendor_lines(copy, file)), NEWER)
    return NEEDED if wrong or newer else 0


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
