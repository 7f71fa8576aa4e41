"""The commands that change PAM or say what would change: check, diff, apply, revert, none."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from creds_session import pam_setup
from creds_session.cli.common import complain, print_json
from creds_session.pam.plan import Options
from creds_session.pam_setup import Setup
from creds_session.report.pam import reasons, unified_diff, verdict_lines, verdict_values
from creds_session.system.root import Root
from creds_session.system.terminal import confirm, is_interactive

PROGRAM = "creds-setup-pam"
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
    """Make the change."""
    return _apply(root, look(root, arguments), arguments)


def _apply(root: Root, setup: Setup, arguments: argparse.Namespace) -> int:
    strict = options(arguments).strict
    told = pam_setup.apply(root, setup, strict=strict) if setup.is_needed else pam_setup.Told()
    if arguments.json:
        paths = [file.path for file in setup.files]
        print_json(_values(setup, changed=paths, user_managers=list(told.lines)))
    else:
        for line in _outcome(setup, told):
            complain(PROGRAM, line)
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
