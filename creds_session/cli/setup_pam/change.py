"""The commands that change PAM or say what would change: check, diff, apply, revert, none."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial

from creds_session import confirmation, pam_setup
from creds_session.cli.common import complain, print_json
from creds_session.cli.setup_pam import PROGRAM
from creds_session.cli.setup_pam.confirm import ask_to_confirm
from creds_session.errors import Unavailable, UsageError
from creds_session.pam.plan import Options
from creds_session.pam_setup import Setup
from creds_session.report.pam import reasons, unified_diff, verdict_lines, verdict_values
from creds_session.secret import Secret
from creds_session.system.hardening import forbid_core_dumps
from creds_session.system.root import Root
from creds_session.system.terminal import ask_password, confirm, is_interactive

NEEDED = 1


def options(arguments: argparse.Namespace) -> Options:
    """Return what the person asked of the plan."""
    asked = vars(arguments)
    return Options(
        only_add=bool(asked.get("only_add")),
        skip_root=bool(asked.get("skip_root")),
        strict=bool(asked.get("strict")),
    )


def look(root: Root, arguments: argparse.Namespace) -> Setup:
    """Look at the machine; tell what was left out."""
    setup = pam_setup.look(root, tuple(arguments.service), options(arguments))
    for note in setup.notes:
        complain(PROGRAM, note)
    return setup


def _values(setup: Setup, **more: object) -> dict[str, object]:
    services = [
        {
            "service": one.service,
            "path": one.path,
            "change_needed": bool(one.edits),
            "groups": verdict_values(one.before),
        }
        for one in setup.plans
    ]
    return {
        "change_needed": setup.is_needed,
        "first_login_works": not setup.needs_drop_in,
        "services": services,
        **more,
    }


def _code(setup: Setup) -> int:
    return 0 if not setup.is_needed and setup.is_complete else NEEDED


def check(root: Root, arguments: argparse.Namespace) -> int:
    """Say what each management group has."""
    setup = look(root, arguments)
    if arguments.json:
        print_json(_values(setup))
        return _code(setup)
    for one in setup.plans:
        for line in verdict_lines(one.before):
            print(f"{one.service:<8} {line}")
    drop_in = "a new user's first login would fail" if setup.needs_drop_in else "no obstacle"
    print(f"{'systemd':<8} {'socket':<9} {drop_in}")
    return _code(setup)


def diff(root: Root, arguments: argparse.Namespace) -> int:
    """Show what apply would do."""
    setup = look(root, arguments)
    _show(setup, arguments)
    return _code(setup)


def _show(setup: Setup, arguments: argparse.Namespace) -> None:
    text = "".join(unified_diff(file.path, file.before, file.after) for file in setup.files)
    told = [reason for one in setup.plans for reason in reasons(one)]
    if arguments.json:
        print_json(_values(setup, diff=text, reasons=told))
        return
    print(text, end="")
    for reason in told:
        complain(PROGRAM, reason)


def apply(root: Root, arguments: argparse.Namespace) -> int:
    """Make the change, tried and waited for as asked."""
    within = _confirm_within(root, arguments)
    pam_setup.prepare(root)
    setup = look(root, arguments)
    if setup.is_needed and arguments.try_user is not None:
        _try(root, setup, arguments.try_user)
    return _apply(root, setup, arguments, within)


def _confirm_within(root: Root, arguments: argparse.Namespace) -> int | None:
    """Return the seconds to wait for a confirmation, or None. Raises UsageError."""
    text = arguments.confirm_within
    if not root.is_running_system and (text or arguments.try_user) is not None:
        raise UsageError("--try and --confirm-within are about this machine, and --root is another")
    return None if text is None else confirmation.seconds(text)


def _try(root: Root, setup: Setup, user: str) -> None:
    forbid_core_dumps()
    pam_setup.try_login(root, setup, user, lambda: _password(user), partial(complain, PROGRAM))


def _password(user: str) -> Secret:
    try:
        return ask_password(f"Password of {user}: ")
    except Unavailable as error:
        raise Unavailable(f"could not try: {error.problem}") from None


def _apply(
    root: Root, setup: Setup, arguments: argparse.Namespace, within: int | None = None
) -> int:
    strict, told = options(arguments).strict, pam_setup.Told()
    if setup.is_needed:
        told = pam_setup.apply(root, setup, strict=strict, confirm_within=within)
    if arguments.json:
        paths = [file.path for file in setup.files]
        waits = within if setup.is_needed else None
        print_json(
            _values(setup, changed=paths, user_managers=list(told.lines), confirm_within=waits)
        )
    else:
        for line in _outcome(setup, told):
            complain(PROGRAM, line)
        if setup.is_needed and within is not None:
            complain(PROGRAM, *ask_to_confirm(within))
    return 0 if setup.is_complete else NEEDED


def _outcome(setup: Setup, told: pam_setup.Told) -> Iterator[str]:
    """Tell what was done, and what could not be had."""
    for file in setup.files:
        yield f"changed {file.path}"
    yield from told.lines
    if setup.is_needed:
        yield "done; log in again by password. `creds-setup-pam revert` takes it back"
    elif setup.is_complete:
        yield "nothing to do: the rules are in place and reached"
    for one in setup.plans:
        for verdict in one.after:
            if verdict.problem:
                yield f"{one.service} {verdict.group.value}: {verdict.problem}"


def ask(root: Root, arguments: argparse.Namespace) -> int:
    """Show the diff; on a terminal ask, and apply on yes."""
    setup = look(root, arguments)
    _show(setup, arguments)
    if not setup.is_needed or arguments.json or not is_interactive():
        return _code(setup)
    return _apply(root, setup, arguments) if confirm("Apply this change? [y/N] ") else NEEDED


def revert(root: Root, arguments: argparse.Namespace) -> int:
    """Take back exactly what apply did."""
    touched, told = pam_setup.revert(root)
    if arguments.json:
        print_json({"changed": list(touched), "user_managers": list(told.lines)})
        return 0
    for path in touched:
        complain(PROGRAM, f"took back {path}")
    for line in told.lines:
        complain(PROGRAM, line)
    if not touched:
        complain(PROGRAM, "nothing to take back")
    return 0
