"""``creds-setup-pam check`` and ``diff``: say what would change, and change nothing."""

from __future__ import annotations

import argparse
import sys

from creds_session.cli.colour import is_coloured
from creds_session.cli.output import complain, print_json
from creds_session.cli.setup_pam.arguments import PROGRAM
from creds_session.cli.setup_pam.left_behind import is_unfinished
from creds_session.cli.setup_pam.waiting import waiting_line, waiting_values
from creds_session.pam.keyring_rules.plan import Options
from creds_session.probe.host import refused_to_logins, selinux_mode
from creds_session.probe.installation import dialect_assumption
from creds_session.probe.libpam_directories import UNKNOWN, directories_of_services
from creds_session.setup_pam import plan
from creds_session.setup_pam.plan import Setup
from creds_session.setup_pam.report import (
    alarm_lines,
    reasons,
    unified_diff,
    verdict_lines,
    verdict_values,
)
from creds_session.setup_pam.selinux_report import policy_line, policy_values, policy_warning
from creds_session.setup_pam.sshd_report import sshd_line, sshd_values
from creds_session.system.files.root import Root

NEEDED = 1
RED, GREEN, CYAN, BOLD = "31", "32", "36", "1"


def options(arguments: argparse.Namespace) -> Options:
    """Return how the person wants rules to be added."""
    asked = vars(arguments)
    return Options(
        only_add=bool(asked.get("only_add")),
        skip_root=bool(asked.get("skip_root")),
        strict=bool(asked.get("strict")),
    )


def look(root: Root, arguments: argparse.Namespace) -> Setup:
    """Look at the machine, and print what has to be known before the result."""
    if assumed := dialect_assumption(root):
        complain(PROGRAM, assumed)
    if directories_of_services(root) is None:
        complain(PROGRAM, UNKNOWN)
    setup = plan.plan_setup(
        root,
        tuple(arguments.service),
        options(arguments),
        for_vendor=bool(vars(arguments).get("vendor")),
    )
    if root.is_running_system and selinux_mode() == "enforcing":
        setup = setup._replace(is_enforcing=True, selinux_refuses=refused_to_logins(root))
        if warning := policy_warning(setup.selinux_refuses):
            complain(PROGRAM, warning)
    for service, alarm, remedy in setup.alarms:
        complain(PROGRAM, "\n".join(alarm_lines(service, alarm, remedy)))
    for note in setup.notes:
        complain(PROGRAM, note)
    return setup


def hints(setup: Setup) -> list[str]:
    """Return what a person can do about each group that stays as it is."""
    groups_of: dict[str, list[str]] = {}
    for service, refusal in setup.refusals:
        groups_of.setdefault(refusal.hint, []).append(f"{service} {refusal.group.value}")
    return [f"{', '.join(groups)}: {hint}" for hint, groups in groups_of.items()]


def values(root: Root, setup: Setup, **more: object) -> dict[str, object]:
    """Return the values that every command prints as JSON, and more of them."""
    services = [
        {
            "service": service_plan.service,
            "path": service_plan.path,
            "change_needed": bool(service_plan.edits),
            "starts_in_auth": service_plan.early_start,
            "groups": verdict_values(service_plan.before),
            "refused": [
                {"group": refused.group.value, "reason": refused.reason, "hint": refused.hint}
                for refused in service_plan.refusals
            ],
        }
        for service_plan in setup.plans
    ]
    return {
        "change_needed": setup.is_needed,
        "first_login_works": not setup.needs_drop_in,
        "services": services,
        "selinux": policy_values(setup.selinux_refuses, is_enforcing=setup.is_enforcing),
        "sshd": sshd_values(
            setup.sshd, is_cured=any(service_plan.early_start for service_plan in setup.plans)
        ),
        "unfinished_run": is_unfinished(root),
        "waits_for_confirmation": waiting_values(root),
        **more,
    }


def change_values(root: Root, setup: Setup, **more: object) -> dict[str, object]:
    """Return the values that ``diff`` and ``apply`` print as JSON, and more of them."""
    return values(root, setup, diff=_diff_text(setup), reasons=_all_reasons(setup), **more)


def _diff_text(setup: Setup) -> str:
    return "".join(unified_diff(*content) for content in setup.contents)


def _all_reasons(setup: Setup) -> list[str]:
    return [reason for service_plan in setup.plans for reason in reasons(service_plan)]


def exit_code(root: Root, setup: Setup) -> int:
    """Return 0 if nothing needs to change, and no run has left its change unfinished, else 1."""
    is_done = not setup.is_needed and setup.is_complete and not is_unfinished(root)
    return 0 if is_done else NEEDED


def check(root: Root, arguments: argparse.Namespace) -> int:
    """Print a line for each management group; return the exit code."""
    setup = look(root, arguments)
    if arguments.json:
        print_json(values(root, setup))
        return exit_code(root, setup)
    for service_plan in setup.plans:
        for line in verdict_lines(service_plan.before):
            print(f"{service_plan.service:<8} {line}")
    drop_in = "a new user's first login would fail" if setup.needs_drop_in else "no obstacle"
    print(f"{'systemd':<8} {'socket':<9} {drop_in}")
    if setup.sshd.judged:
        print(f"{'sshd':<8} {'settings':<9} {sshd_line(setup.sshd)}")
    if setup.selinux_refuses is not None:
        print(f"{'selinux':<8} {'policy':<9} {policy_line(setup.selinux_refuses)}")
    waits = waiting_line(root)
    if waits:
        print(f"{'pam':<8} {'change':<9} {waits}")
    for hint in hints(setup):
        complain(PROGRAM, hint)
    return exit_code(root, setup)


def diff(root: Root, arguments: argparse.Namespace) -> int:
    """Print what apply would change; return the exit code."""
    setup = look(root, arguments)
    show(root, setup, arguments)
    return exit_code(root, setup)


def show(root: Root, setup: Setup, arguments: argparse.Namespace) -> None:
    """Print the diff, and why each line changes."""
    if arguments.json:
        print_json(change_values(root, setup))
        return
    text = _diff_text(setup)
    is_painted = is_coloured(arguments.color, sys.stdout)
    print(painted(text) if is_painted else text, end="")
    for reason in _all_reasons(setup):
        complain(PROGRAM, reason)
    waiting = waiting_line(root)
    if waiting:
        complain(PROGRAM, f"the change {waiting}")
    for line in dict.fromkeys(f"{name}: {refusal.reason}" for name, refusal in setup.refusals):
        complain(PROGRAM, line)
    for hint in hints(setup):
        complain(PROGRAM, hint)


def painted(diff_text: str) -> str:
    """Colour a unified diff as git does."""
    return "".join(map(_painted_line, diff_text.splitlines(keepends=True)))


def _painted_line(line: str) -> str:
    colours = {"+++": BOLD, "---": BOLD, "@@ ": CYAN, "+": GREEN, "-": RED}
    colour = colours.get(line[:3]) or colours.get(line[:1])
    text = line.rstrip("\n")
    return f"\033[{colour}m{text}\033[0m{line[len(text) :]}" if colour else line
