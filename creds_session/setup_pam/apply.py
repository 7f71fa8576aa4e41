"""Make a planned change, tried and waited for as asked; take it back."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from functools import partial
from typing import NamedTuple

from creds_session.errors import CredsSessionError, InvalidData, NotPermitted
from creds_session.pam.keyring_rules.other_services import refuse_harmful_removal
from creds_session.pam.keyring_rules.plan import Plan
from creds_session.pam.keyring_rules.policy import PASSWORD_ONLY
from creds_session.pam.keyring_rules.verdict import GroupVerdict, verdicts_of_service
from creds_session.pam.stack.handlers import Stack
from creds_session.pam.syntax.terms import ManagementGroup
from creds_session.secret import Secret
from creds_session.setup_pam import confirmation, recovery, trial
from creds_session.setup_pam.plan import DROP_IN, DROP_IN_TEXT, Setup
from creds_session.setup_pam.reverse_edits import saved_edits, whole_edit
from creds_session.setup_pam.service_files import pam_files
from creds_session.setup_pam.transaction import FileChange, change
from creds_session.setup_pam.transaction import revert as revert_changes
from creds_session.system.files.root import Root
from creds_session.system.libpam import pam_start
from creds_session.system.systemd import user_managers


class ApplyResult(NamedTuple):
    """What became of people whose user manager ran already, and of a waiting change: lines.

    ``is_reverted`` is whether the program of a timer took back the change of this timer.
    """

    lines: tuple[str, ...] = ()
    is_reverted: bool = False


def file_changes(setup: Setup) -> tuple[FileChange, ...]:
    """Return the files to change; a vendor's file is copied to /etc, and the copy is changed."""
    files = [
        FileChange(
            planned.target,
            planned.replaced,
            planned.result,
            saved_edits(planned.content, planned.result),
        )
        for planned in setup.edited
    ]
    if setup.needs_drop_in:
        edits = whole_edit(setup.drop_in or b"", DROP_IN_TEXT)
        files.append(FileChange(DROP_IN, setup.drop_in, DROP_IN_TEXT, edits))
    return tuple(files)


def prepare(root: Root) -> None:
    """Make sure of the rights to change anything, and that no half-made change stands."""
    _require_rights(root)
    recovery.recover(root)


def apply(
    root: Root, setup: Setup, *, strict: bool = False, confirm_within: float | None = None
) -> ApplyResult:
    """Make the change in one transaction, prove it again from the disk, or undo it.

    With ``confirm_within`` it is taken back after so many seconds unless it is confirmed.
    """
    _require_rights(root)
    services = tuple(planned.service for planned in _logins(setup)) or ("sshd",)
    within = partial(
        confirmation.waiting,
        root,
        limit=confirm_within,
        services=services,
        needs_password=_changes_auth(root, setup),
    )
    change(root, file_changes(setup), partial(_verify, root, setup, strict=strict), within)
    if not root.is_running_system:
        return ApplyResult()
    # The change stands whatever becomes of them.
    return ApplyResult(tuple(manager.prepare_next_login() for manager in user_managers.running()))


def try_login(
    root: Root, setup: Setup, user: str, ask: Callable[[], Secret], tell: Callable[[str], None]
) -> None:
    """Return if PAM lets this user in with each planned change; see ``trial.attempt``."""
    _require_rights(root)
    for planned in _logins(setup):
        candidate = trial.Candidate(planned.service, planned.path, planned.result)
        trial.attempt(candidate, user, pam_files(root), ask, tell)


def _logins(setup: Setup) -> tuple[Plan, ...]:
    """Return the plans that change how people log in."""
    return tuple(planned for planned in setup.edited if planned.service not in PASSWORD_ONLY)


def _changes_auth(root: Root, setup: Setup) -> bool:
    """Tell whether rules change that only a login by password runs."""
    files = pam_files(root)
    for planned in _logins(setup):
        changed = files.overlaid(planned.path, planned.result)
        before, after = (
            source.stack(planned.service, ManagementGroup.AUTH) for source in (files, changed)
        )
        if _calls(before) != _calls(after):
            return True
    return False


def _calls(stack: Stack) -> list[tuple[object, ...]]:
    """Return what libpam would call, wherever it stands in the files."""
    return [
        (
            handler.module_path,
            handler.arguments,
            handler.actions,
            handler.stack_level,
            handler.must_fail,
        )
        for handler in stack.handlers
    ]


def _verify(root: Root, setup: Setup, *, strict: bool) -> None:
    """Raise unless what is on the disk is proved as it was planned, and libpam loads it."""
    files = pam_files(root)
    for planned in setup.plans:
        found = verdicts_of_service(
            planned.service, files, strict=strict, early_start=planned.early_start
        )
        if not all(map(_holds, found, planned.after)):
            raise InvalidData(f"what was written of {planned.service} does not hold; taken back")
        failure = pam_start.start_failure(planned.service) if root.is_running_system else ""
        if failure:
            raise InvalidData(f"libpam refuses {planned.service}: {failure}; taken back")


def _holds(now: GroupVerdict, planned: GroupVerdict) -> bool:
    """Tell whether a group is as it was planned; places in a problem may differ, in a copy."""
    same = (now.group, now.present, now.reached) == (
        planned.group,
        planned.present,
        planned.reached,
    )
    return same and bool(now.problem) == bool(planned.problem)


def revert(
    root: Root,
    *,
    if_pending: str | None = None,
    tell: Callable[[tuple[str, ...], ApplyResult], None] = lambda *_: None,
) -> tuple[tuple[str, ...], ApplyResult]:
    """Take back all that ``apply`` did; return the files that changed and what to tell.

    ``if_pending`` names the timer whose program this is: only the change that it was set for is
    taken back, and only if that still waits to be confirmed. Raises an error if something could not
    be taken back; ``tell`` is then called before with what was.
    """
    _require_rights(root)
    lines: list[str] = []
    files: list[str] = []
    by_timer = if_pending is not None
    try:
        revert_changes(
            root,
            partial(_refuse_harm, root),
            lambda state: lines.append(confirmation.drop(root, state, by_timer=by_timer)),
            lambda state: if_pending is None or confirmation.is_pending(state, if_pending),
            timer=if_pending,
            done=files.append,
        )
    except CredsSessionError:
        touched = tuple(dict.fromkeys(files))
        if touched:
            tell(touched, ApplyResult(_reload(root, touched)))
        raise
    if by_timer and not lines:
        return (), ApplyResult(("the change that this timer was set for no longer waits",))
    touched = tuple(dict.fromkeys(files))
    return touched, ApplyResult((*filter(None, lines), *_reload(root, touched)), by_timer)


def _reload(root: Root, touched: Collection[str]) -> tuple[str, ...]:
    """Have the user managers see that the unit changed; say whose does not."""
    if DROP_IN not in touched or not root.is_running_system:
        return ()
    return tuple(
        f"{manager.user}: the user manager keeps its old units until it ends"
        for manager in user_managers.running()
        if not (manager.reload() and manager.start_socket())
    )


def _refuse_harm(root: Root, path: str, now: bytes, content: bytes) -> None:
    """Refuse to take our lines out of a file whose other lines have come to count them."""
    if path == DROP_IN:
        _refuse_orphans(content)
        return
    files = pam_files(root)
    services = sorted(files.services())
    refuse_harmful_removal(path, content, services, files.overlaid(path, now))


def _refuse_orphans(content: bytes) -> None:
    """Raise InvalidData for a setting that stands in the section whose heading is ours."""
    for line in content.split(b"\n"):
        if line.lstrip().startswith(b"["):
            return
        if line.strip() and not line.lstrip().startswith((b"#", b";")):
            raise InvalidData(
                f"{DROP_IN}: {line.decode(errors='replace').strip()}: stands in our section",
                hint="write [Unit] on a line of its own above it, below our lines, then revert",
            )


def _require_rights(root: Root) -> None:
    if root.is_running_system and os.geteuid() != 0:
        raise NotPermitted("only root may change PAM", root_may=True)
