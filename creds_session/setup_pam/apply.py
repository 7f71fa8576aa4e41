"""Make a planned change, with a trial and a timer if requested, and revert changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from functools import partial
from typing import NamedTuple

from creds_session.errors import CredsSessionError, InvalidData, NotPermitted
from creds_session.pam.keyring_rules.group_verdict import GroupVerdict
from creds_session.pam.keyring_rules.names import PASSWORD_ONLY
from creds_session.pam.keyring_rules.other_services import refuse_harmful_removal
from creds_session.pam.keyring_rules.plan import Plan
from creds_session.pam.keyring_rules.verdict import verdicts_of_service
from creds_session.pam.stack.handlers import Stack
from creds_session.pam.syntax.terms import ManagementGroup
from creds_session.probe.vendor_files import own_changes, vendor_to_record
from creds_session.secret import Secret
from creds_session.setup_pam import confirmation, recovery, trial
from creds_session.setup_pam.plan import DROP_IN_TEXT, DROP_INS, Rebased, Setup
from creds_session.setup_pam.service_files import as_libpam_opens, pam_files, used_names
from creds_session.setup_pam.transaction import FileChange, change
from creds_session.setup_pam.transaction import revert as revert_changes
from creds_session.system.files.reverse_edits import saved_edits, whole_edit
from creds_session.system.files.root import Root
from creds_session.system.libpam import pam_start
from creds_session.system.systemd import user_managers

REVERTED = "the change was reverted"


class ApplyResult(NamedTuple):
    """The result of ``apply`` or ``revert``: lines to print.

    They are about user managers that were running already, and about a change that waited.
    ``is_reverted`` is whether the program of a timer reverted the change of this timer.
    """

    lines: tuple[str, ...] = ()
    is_reverted: bool = False


def file_changes(root: Root, setup: Setup) -> tuple[FileChange, ...]:
    """Return the files to change.

    A vendor's file is copied to /etc, and the copy is changed, unless the change is for the vendor.
    """
    present, changes = pam_files(root), own_changes(root)
    files = []
    for planned in setup.edited:
        edits = saved_edits(planned.content, planned.result)
        rebased = setup.rebased.get(planned.target) or Rebased(
            vendor_to_record(root, planned.path, planned.target, changes, present), is_kept=False
        )
        files.append(FileChange(planned.target, planned.replaced, planned.result, edits, *rebased))
    if setup.needs_drop_in:
        edits = whole_edit(setup.drop_in or b"", DROP_IN_TEXT)
        files.append(FileChange(setup.drop_in_path, setup.drop_in, DROP_IN_TEXT, edits))
    return tuple(files)


def prepare(root: Root) -> None:
    """Require the rights to change PAM, and revert a change that an earlier run did not finish."""
    _require_rights(root)
    recovery.recover(root)


def apply(
    root: Root, setup: Setup, *, strict: bool = False, confirm_within: float | None = None
) -> ApplyResult:
    """Make the change in one transaction, and prove it again from the disk, or undo it.

    With ``confirm_within``, the change is reverted after that many seconds unless it is confirmed.
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
    change(root, file_changes(root, setup), partial(_verify, root, setup, strict=strict), within)
    if not root.is_running_system:
        return ApplyResult()
    # The change is final, whatever these managers answer.
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
    """Return whether rules change that only a login with a password runs."""
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
    """Return what libpam would call, without the places in the files."""
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
    """Raise InvalidData unless the files on the disk are as planned, and libpam loads them."""
    files = pam_files(root)
    for planned in setup.plans:
        found = verdicts_of_service(
            planned.service, files, strict=strict, early_start=planned.early_start
        )
        if not all(map(_holds, found, planned.after)):
            raise InvalidData(f"the rules of {planned.service} are not as planned; {REVERTED}")
        failure = pam_start.start_failure(planned.service) if root.is_running_system else ""
        if failure:
            raise InvalidData(f"libpam refuses {planned.service}: {failure}; {REVERTED}")


def _holds(now: GroupVerdict, planned: GroupVerdict) -> bool:
    """Return whether a group is as planned; the text of a problem may name another copy."""
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
    """Revert all that ``apply`` did; return the files that changed and the lines to print.

    ``if_pending`` is the timer whose program calls this: only the change of that timer is reverted,
    and only if it still waits to be confirmed. ``tell`` is called with what was reverted if
    something else could not be reverted; then the error is raised.
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
        line = "the change of this timer does not wait for a confirmation any more"
        return (), ApplyResult((line,))
    touched = tuple(dict.fromkeys(files))
    return touched, ApplyResult((*filter(None, lines), *_reload(root, touched)), by_timer)


def _reload(root: Root, touched: Collection[str]) -> tuple[str, ...]:
    """Reload the user managers, because the unit changed; return which of them failed."""
    if not set(DROP_INS).intersection(touched) or not root.is_running_system:
        return ()
    return tuple(
        f"{manager.user}: the user manager keeps its old units until it exits"
        for manager in user_managers.running()
        if not (manager.reload() and manager.start_socket())
    )


def _refuse_harm(root: Root, path: str, now: bytes, content: bytes) -> None:
    """Refuse to remove our lines from a file if other lines now depend on their number."""
    if path in DROP_INS:
        _refuse_orphans(path, content)
        return
    # Another file that proves nothing must not stop the way back.
    files = as_libpam_opens(pam_files(root), is_proof=False)
    services = used_names(sorted(files.services()))
    refuse_harmful_removal(path, content, services, files.overlaid(path, now))


def _refuse_orphans(path: str, content: bytes) -> None:
    """Raise InvalidData for a setting of others in the section whose heading is ours."""
    for line in content.split(b"\n"):
        if line.lstrip().startswith(b"["):
            return
        if line.strip() and not line.lstrip().startswith((b"#", b";")):
            raise InvalidData(
                f"{path}: {line.decode(errors='replace').strip()}: this line is in our section",
                hint="write [Unit] on a separate line above it, below our lines, then revert",
            )


def _require_rights(root: Root) -> None:
    if root.is_running_system and os.geteuid() != 0:
        raise NotPermitted("changing PAM requires root", root_may=True)
