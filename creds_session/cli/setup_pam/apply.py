"""``creds-setup-pam`` without a command, ``apply`` and ``revert``: change the PAM files."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from functools import partial

from creds_session.cli.output import complain, print_json
from creds_session.cli.setup_pam.arguments import PROGRAM
from creds_session.cli.setup_pam.check import (
    NEEDED,
    change_values,
    exit_code,
    hints,
    look,
    options,
    show,
)
from creds_session.cli.setup_pam.confirm import ask_to_confirm
from creds_session.cli.setup_pam.left_behind import is_unfinished
from creds_session.cli.setup_pam.waiting import waiting_line
from creds_session.errors import Busy, CredsSessionError, Unavailable, UsageError
from creds_session.pam.keyring_rules.plan import NoSafeEdit
from creds_session.pam.syntax.terms import ManagementGroup
from creds_session.secret import Secret
from creds_session.setup_pam import apply as pam_change
from creds_session.setup_pam import confirmation
from creds_session.setup_pam.plan import Setup
from creds_session.system.files.root import Root
from creds_session.system.processes.core_dumps import forbid_core_dumps
from creds_session.system.terminal import notice
from creds_session.system.terminal.password_prompt import ask_password, confirm, is_interactive
from creds_session.text import printable

LOCK_UNIT = "/etc/systemd/user/creds-session-lock.path"
LOCK_AT_LOGOUT = (
    "a keyring daemon that PAM started keeps running after the last logout, with the keyring"
    " unlocked; to lock keyrings then, run as root: creds hook install --unit lock"
)


def apply(root: Root, arguments: argparse.Namespace) -> int:
    """Make the change, with the safety that the options ask for; return the exit code."""
    if arguments.dry_run:
        return _dry_run(root, arguments)
    within = confirm_within(root, arguments)
    pam_change.prepare(root)
    if within is not None:
        confirmation.require_program()
    setup = look(root, arguments)
    _require_enough(setup, arguments)
    if setup.is_needed and arguments.try_user is not None:
        _try(root, setup, arguments.try_user)
    return _apply(root, setup, arguments, within)


def _dry_run(root: Root, arguments: argparse.Namespace) -> int:
    for name, value in (
        ("--try", arguments.try_user),
        ("--confirm-within", arguments.confirm_within),
    ):
        if value is not None:
            raise UsageError(f"{name} does nothing with --dry-run")
    setup = look(root, arguments)
    if arguments.complete:
        _require_enough(setup, arguments)
    show(root, setup, arguments)
    return exit_code(root, setup)


def _require_enough(setup: Setup, arguments: argparse.Namespace) -> None:
    """Raise NoSafeEdit if no group can have the rule that it needs; with ``--complete``, if one."""
    if not setup.refusals:
        return
    service, refused = setup.refusals[0]
    if arguments.complete:
        reason = f"{service} {refused.group.value}: {refused.reason}"
        raise NoSafeEdit(reason, hint=f"{refused.hint}; with --complete nothing was changed")
    is_vain = not (setup.is_needed or setup.has_something)
    if is_vain and not options(arguments).only_add:
        raise NoSafeEdit(refused.reason, hint=f"nothing was changed; {service}: {refused.hint}")


def confirm_within(root: Root, arguments: argparse.Namespace) -> int | None:
    """Return the seconds to wait for a confirmation, or None. Raises UsageError."""
    text = arguments.confirm_within
    if not root.is_running_system and (text or vars(arguments).get("try_user")) is not None:
        raise UsageError(
            "--try and --confirm-within work on this machine only, and --root names another system"
        )
    return None if text is None else confirmation.seconds(text)


def _try(root: Root, setup: Setup, user: str) -> None:
    forbid_core_dumps()
    pam_change.try_login(root, setup, user, lambda: _password(user), partial(complain, PROGRAM))


def _password(user: str) -> Secret:
    try:
        return ask_password(f"Password of {user}: ")
    except Unavailable as error:
        raise Unavailable(f"could not try: {error.problem}") from None


def _apply(
    root: Root, setup: Setup, arguments: argparse.Namespace, within: int | None = None
) -> int:
    strict, told = options(arguments).strict, pam_change.ApplyResult()
    if setup.is_needed:
        told = pam_change.apply(root, setup, strict=strict, confirm_within=within)
        _withdraw(root)
    if arguments.json:
        paths = [path for path, _, _ in setup.contents]
        waits = within if setup.is_needed else None
        lines = list(told.lines)
        print_json(
            change_values(root, setup, changed=paths, user_managers=lines, confirm_within=waits)
        )
    else:
        for line in _outcome(root, setup, told, waits=within is not None):
            complain(PROGRAM, line)
        if setup.is_needed and within is not None:
            complain(PROGRAM, *ask_to_confirm(within))
    return 0 if setup.is_complete else NEEDED


def _outcome(
    root: Root, setup: Setup, told: pam_change.ApplyResult, *, waits: bool = False
) -> Iterator[str]:
    """Yield what was done, and what could not be done. A change that waits is not done yet."""
    for path, _, _ in setup.contents:
        yield f"changed {path}"
    yield from told.lines
    if not setup.is_needed:
        yield from _nothing_done(root, setup)
    elif not waits:
        yield from _done(root, setup)
    for service_plan in setup.plans:
        reasons = {refused.group: refused.reason for refused in service_plan.refusals}
        for verdict in service_plan.after:
            if verdict.problem:
                reason = reasons.get(verdict.group, verdict.problem)
                yield f"{service_plan.service} {verdict.group.value}: {reason}"
    yield from hints(setup)


def _opens(setup: Setup) -> bool:
    """Return whether a login by one of these services starts a daemon and unlocks the keyring."""
    groups = {ManagementGroup.AUTH, ManagementGroup.SESSION}
    reached = (
        {verdict.group for verdict in service_plan.after if verdict.applies and verdict.reached}
        for service_plan in setup.plans
    )
    return any(groups <= found for found in reached)


def _why_nothing(setup: Setup) -> Iterator[str]:
    """Yield why a service has no rule, and needs no rule."""
    for service_plan in setup.plans:
        for verdict in service_plan.after:
            note = "; ".join(verdict.notes)
            yield f"nothing was changed: {service_plan.service} {verdict.group.value}: {note}"


def _nothing_done(root: Root, setup: Setup) -> Iterator[str]:
    if setup.is_complete and any(v.reached and v.applies for p in setup.plans for v in p.after):
        yield "nothing to do: the rules are in place and reached"
    elif setup.is_complete:
        yield from _why_nothing(setup)
    waiting = waiting_line(root)
    if waiting:
        yield f"the change {waiting}"


def _done(root: Root, setup: Setup) -> Iterator[str]:
    now = "; log in again by password" if root.is_running_system and _opens(setup) else ""
    yield f"done{now}. `{confirmation.revert_command(root)}` undoes it"
    if root.is_running_system and not root.exists(LOCK_UNIT):
        yield LOCK_AT_LOGOUT


def ask(root: Root, arguments: argparse.Namespace) -> int:
    """Show the change; at a terminal ask, and make it if the answer is yes."""
    setup = look(root, arguments)
    show(root, setup, arguments)
    # An answer about files that another run has half changed would be about another change.
    if not setup.is_needed or arguments.json or not is_interactive() or is_unfinished(root):
        return exit_code(root, setup)
    return _apply(root, setup, arguments) if confirm("Apply this change? [y/N] ") else NEEDED


NOT_YET = (
    "nobody confirmed the change of PAM, and it could not be reverted: it is still in place",
    "systemd tries again every 10 s (at boot: since systemd 244). By hand: creds-setup-pam revert",
)


def revert(root: Root, arguments: argparse.Namespace) -> int:
    """Undo exactly what apply did."""
    show = partial(_reverted, as_json=bool(arguments.json))
    try:
        touched, told = pam_change.revert(root, if_pending=arguments.if_pending, tell=show)
    except CredsSessionError as error:
        if arguments.if_pending:  # nobody may be able to log in: say what is at stake
            complain(PROGRAM, *NOT_YET)
            _post(
                root, NOT_YET[0], error.problem, NOT_YET[1], is_urgent=not isinstance(error, Busy)
            )
        raise
    show(touched, told)
    if not arguments.if_pending:
        _withdraw(root)
    elif told.is_reverted:
        _post(root, *told.lines, f"That was at {time.strftime('%F %T')}. {UNTIL}")
    if not touched and not arguments.json:
        complain(PROGRAM, "nothing to revert")
    return 0


UNTIL = "This is shown until the next `creds-setup-pam apply`, `revert` or `confirm`."


def _post(root: Root, *lines: str, is_urgent: bool = True) -> None:
    """Show it at the next login, because the person may have lost the connection."""
    if root.is_running_system:
        told = (f"{PROGRAM}: {lines[0]}", *lines[1:])
        notice.post(tuple(map(printable, told)), is_urgent=is_urgent)


def _withdraw(root: Root) -> None:
    if root.is_running_system:
        notice.withdraw()


def _reverted(touched: tuple[str, ...], told: pam_change.ApplyResult, *, as_json: bool) -> None:
    if as_json:
        print_json({"changed": list(touched), "user_managers": list(told.lines)})
        return
    for path in touched:
        complain(PROGRAM, f"reverted {path}")
    for line in told.lines:
        complain(PROGRAM, line)
