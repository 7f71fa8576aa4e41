"""What ``creds-setup-pam`` does: look, plan, apply, take back.

Two things make a login by ssh open the keyring: the rules in the service's file, and a condition
on systemd's user socket of gnome-keyring, without which a new user's first login fails
(docs/explanation/first-login.md). Both are planned, shown, made and taken back together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from creds_session import confirmation, trial
from creds_session.errors import InvalidData, NoSuchFile, NotPermitted, Unavailable
from creds_session.facts import DAEMON_NAME
from creds_session.packages import install_command
from creds_session.pam.judge import GroupVerdict, judge
from creds_session.pam.plan import Options, Plan, overlaid, plan
from creds_session.pam.policy import MODULE, PASSWORD_ONLY
from creds_session.pam.readers import refuse_harm_to_readers, refuse_harmful_removal
from creds_session.pam.stack import Read
from creds_session.pam.terms import Dialect
from creds_session.probe.machine import (
    SOCKET_UNIT,
    probe_dialect,
    probe_first_login,
    probe_installation,
)
from creds_session.secret import Secret
from creds_session.system import libpam, user_managers
from creds_session.system.root import Root
from creds_session.transaction import FileChange, change, recover, saved_edits, take_back

MAX_FILE = 1 << 16
"""Bytes of a PAM file that is still read: the largest real one seen has a tenth of that."""

DEFAULT_SERVICES = ("sshd", "passwd")
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

    ``notes`` say what could not be judged of services that nobody asked for by name.
    """

    plans: tuple[Plan, ...]
    files: tuple[FileChange, ...]
    needs_drop_in: bool
    notes: tuple[str, ...] = ()

    @property
    def is_needed(self) -> bool:
        """Tell whether anything would change."""
        return bool(self.files)

    @property
    def is_complete(self) -> bool:
        """Tell whether every group would be in order afterwards."""
        return not any(verdict.problem for one in self.plans for verdict in one.after)


class Told(NamedTuple):
    """What became of people whose user manager ran already: one line each."""

    lines: tuple[str, ...] = ()


def look(root: Root, services: Sequence[str] = (), options: Options | None = None) -> Setup:
    """Look at the machine and plan; changes nothing. No service named: sshd, and passwd if there.

    Raises Unavailable, naming the package, where a part is missing; NoSuchFile; InvalidData.
    """
    _require_installation(root, services or DEFAULT_SERVICES)
    plans, notes = [], []
    for service in dict.fromkeys(services or DEFAULT_SERVICES):
        try:
            plans.append(_plan(root, service, options))
        except (NoSuchFile, InvalidData) as error:
            if services or service != "passwd":
                raise
            notes.append(f"passwd is left alone: {error.problem}")
    files = [_file_change(one) for one in plans if one.edits]
    needs_drop_in = probe_first_login(root).breaks_first_login and any(
        one.service not in PASSWORD_ONLY for one in plans
    )
    if needs_drop_in:
        files.append(FileChange(DROP_IN, root.read(DROP_IN), DROP_IN_TEXT))
    return Setup(tuple(plans), tuple(files), needs_drop_in, tuple(notes))


def _plan(root: Root, service: str, options: Options | None) -> Plan:
    dialect, read = probe_dialect(root), reader(root)
    planned = plan(service, find_service(service, read, dialect), read, dialect, options)
    if planned.edits:
        names = _service_names(root, dialect) - {service}
        refuse_harm_to_readers(planned.path, planned.result, sorted(names), read, dialect)
    return planned


def _service_names(root: Root, dialect: Dialect) -> set[str]:
    return {name for directory in dialect.directories for name in root.names(directory)}


def _file_change(planned: Plan) -> FileChange:
    """Change the file itself; a vendor's file is copied to /etc, and the copy is changed."""
    before = planned.content if planned.path == planned.target else None
    edits = saved_edits(planned.content, planned.result)
    return FileChange(planned.target, before, planned.result, edits)


def prepare(root: Root) -> None:
    """Make sure of the rights to change anything, and that no half-made change stands."""
    _require_rights(root)
    recover(root)


def apply(
    root: Root, setup: Setup, *, strict: bool = False, confirm_within: float | None = None
) -> Told:
    """Make the change in one transaction, prove it again from the disk, or undo it.

    With ``confirm_within`` it is taken back after so many seconds unless it is confirmed.
    """
    _require_rights(root)
    services = tuple(one.service for one in _logins(setup)) or ("sshd",)
    with confirmation.waiting(root, confirm_within, services) as require_waiting:
        change(root, setup.files, lambda: _verify(root, setup, require_waiting, strict=strict))
    if not root.is_running_system:
        return Told()
    # The change stands whatever becomes of them.
    return Told(tuple(manager.prepare_next_login() for manager in user_managers.running()))


def try_login(
    root: Root, setup: Setup, user: str, ask: Callable[[], Secret], tell: Callable[[str], None]
) -> None:
    """Return if PAM lets this user in with each planned change; see ``trial.attempt``."""
    _require_rights(root)
    for one in _logins(setup):
        candidate = trial.Candidate(one.service, one.path, one.result)
        trial.attempt(candidate, user, reader(root), probe_dialect(root), ask, tell)


def _logins(setup: Setup) -> tuple[Plan, ...]:
    """Return the plans that change how people log in."""
    return tuple(one for one in setup.plans if one.edits and one.service not in PASSWORD_ONLY)


def _verify(root: Root, setup: Setup, last: Callable[[], None], *, strict: bool) -> None:
    """Raise unless what is on the disk is proved as it was planned, and libpam loads it."""
    for planned in setup.plans:
        found = judge(planned.service, reader(root), probe_dialect(root), strict=strict)
        if not all(map(_holds, found, planned.after)):
            raise InvalidData(f"what was written of {planned.service} does not hold; taken back")
        failure = libpam.start_failure(planned.service) if root.is_running_system else ""
        if failure:
            raise InvalidData(f"libpam refuses {planned.service}: {failure}; taken back")
    last()


def _holds(now: GroupVerdict, planned: GroupVerdict) -> bool:
    """Tell whether a group is as it was planned; places in a problem may differ, in a copy."""
    same = (now.group, now.present, now.reached) == (
        planned.group,
        planned.present,
        planned.reached,
    )
    return same and bool(now.problem) == bool(planned.problem)


def revert(root: Root) -> tuple[tuple[str, ...], Told]:
    """Take back all that ``apply`` did; return the files that changed and what to tell."""
    _require_rights(root)
    lines: list[str] = []
    touched = take_back(
        root, partial(_refuse_harm, root), lambda: lines.append(confirmation.drop(root))
    )
    lines = [line for line in lines if line]
    if DROP_IN not in touched or not root.is_running_system:
        return touched, Told(tuple(lines))
    for manager in user_managers.running():
        done = manager.reload() and manager.start_socket()
        if not done:
            lines.append(f"{manager.user}: the user manager keeps its old units until it ends")
    return touched, Told(tuple(lines))


def _refuse_harm(root: Root, path: str, now: bytes, content: bytes) -> None:
    """Refuse to take our lines out of a file whose other lines have come to count them."""
    dialect, read = probe_dialect(root), reader(root)
    names = sorted(_service_names(root, dialect))
    refuse_harmful_removal(path, content, names, overlaid(read, path, now), dialect)


def find_service(service: str, read: Read, dialect: Dialect) -> str:
    """Return the path of the service's file, where libpam finds it first. Raises NoSuchFile."""
    for directory in dialect.directories if "/" not in service else ():
        path = f"{directory}/{service}"
        if read(path) is not None:
            return path
    raise NoSuchFile(
        f"there is no PAM service {service!r}: no file of that name in"
        f" {', '.join(dialect.directories)}"
    )


def reader(root: Root) -> Read:
    """Return a function that reads paths of this root, each once."""
    known: dict[str, bytes | None] = {}

    def read(path: str) -> bytes | None:
        if path not in known:
            known[path] = root.read(path, limit=MAX_FILE)
        return known[path]

    return read


def _require_rights(root: Root) -> None:
    if root.is_running_system and os.geteuid() != 0:
        raise NotPermitted("only root may change PAM", hint="sudo creds-setup-pam apply")


def _require_installation(root: Root, services: Sequence[str]) -> None:
    found = probe_installation(root)
    parts = {DAEMON_NAME: found.daemon, MODULE: found.pam_module}
    if "sshd" in services:
        parts = {"sshd": found.sshd, **parts}
    for name, path in parts.items():
        if path is None:
            raise Unavailable(
                f"{name} is not installed", hint=install_command(name, found.os_release)
            )
