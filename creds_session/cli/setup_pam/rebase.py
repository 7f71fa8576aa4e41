"""``creds-setup-pam rebase``: bring the rules to a vendor's newer file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from creds_session.cli.colour import is_coloured
from creds_session.cli.output import complain, print_json
from creds_session.cli.setup_pam.apply import confirm_within
from creds_session.cli.setup_pam.arguments import PROGRAM
from creds_session.cli.setup_pam.check import NEEDED, options, painted
from creds_session.cli.setup_pam.confirm import ask_to_confirm
from creds_session.errors import InvalidData, UsageError
from creds_session.facts.snapshot import VendorFile
from creds_session.probe.vendor_files import VendorCopy
from creds_session.setup_pam import apply as pam_change
from creds_session.setup_pam import confirmation
from creds_session.setup_pam.plan import Setup
from creds_session.setup_pam.rebase import Rebase, Refused, plan_rebases, setup_of
from creds_session.setup_pam.report import unified_diff
from creds_session.system.files.root import Root
from creds_session.text import printable, printable_lines


def run(root: Root, arguments: argparse.Namespace) -> int:
    """Rebase every file that can be rebased; return the exit code."""
    if arguments.check_only and arguments.confirm_within is not None:
        raise UsageError("--confirm-within does nothing with --check")
    within = confirm_within(root, arguments)
    if not arguments.check_only:
        pam_change.prepare(root)
        if within is not None:
            confirmation.require_program()
    rebases = plan_rebases(root, tuple(arguments.service), options(arguments))
    if arguments.check_only:
        _show(rebases, setup_of(rebases), arguments)
        return NEEDED if rebases else 0
    _rebase(root, arguments, rebases, within)
    refused = any(isinstance(one.outcome, Refused) for one in rebases)
    return InvalidData.exit_code if refused else 0


def _rebase(
    root: Root, arguments: argparse.Namespace, rebases: Sequence[Rebase], within: int | None
) -> None:
    """Change the files that can be rebased, and say so."""
    setup = setup_of(rebases)
    lines: tuple[str, ...] = ()
    if setup.is_needed:
        strict = options(arguments).strict
        lines = pam_change.apply(root, setup, strict=strict, confirm_within=within).lines
    if arguments.json:
        waits = within if setup.is_needed else None
        print_json(_values(rebases, changed=list(_changed(setup)), confirm_within=waits))
        return
    for line in (*_outcome(rebases), *lines):
        complain(PROGRAM, line)
    if not rebases:
        complain(
            PROGRAM, "nothing to rebase: no file with our rules has a newer file of the vendor"
        )
    if setup.is_needed and within is not None:
        complain(PROGRAM, *ask_to_confirm(within))


def vendor_lines(copy: VendorCopy, file: VendorFile) -> Iterator[str]:
    """Yield the rules that only the vendor's newer file has, and those that only our file has."""
    if copy.unreadable:
        reason = f"{copy.path}: {copy.unreadable.reason}; so nobody knows whether it is newer"
        yield printable(copy.unreadable.reason if copy.is_unreadable else reason)
        return
    yield printable(
        f"{file.path}: {file.vendor_path} is newer than the vendor's file that it was made from"
    )
    for rule in file.lacks:
        yield printable(f"  the vendor's file alone has: {rule}")
    for rule in file.extra:
        yield printable(f"  {file.path} alone has: {rule}")


def _changed(setup: Setup) -> Iterator[str]:
    return (path for path, _, _ in setup.contents)


def _outcome(rebases: Sequence[Rebase]) -> Iterator[str]:
    for one in rebases:
        if isinstance(one.outcome, Refused):
            yield from vendor_lines(one.copy, one.facts)
            yield printable_lines(f"{one.copy.path} is not changed: {one.outcome.reason}")
            yield printable(one.outcome.hint)
            continue
        yield printable(f"changed {one.copy.path}: it is made from {one.copy.vendor_path} now")
        if one.copy.is_beside:
            yield printable(f"{one.copy.vendor_path} is not needed any more; you can remove it")


def _show(rebases: Sequence[Rebase], setup: Setup, arguments: argparse.Namespace) -> None:
    """Print what the files lack and the diff; say on standard error what is refused."""
    text = "".join(unified_diff(*content) for content in setup.contents)
    if arguments.json:
        print_json(_values(rebases, diff=text))
        return
    for one in rebases:
        for line in vendor_lines(one.copy, one.facts):
            print(line)
        if isinstance(one.outcome, Refused):
            reason = printable_lines(f"rebase would be refused: {one.outcome.reason}")
            complain(PROGRAM, reason, printable(one.outcome.hint))
    print(painted(text) if is_coloured(arguments.color, sys.stdout) else text, end="")


def _values(rebases: Sequence[Rebase], **more: object) -> dict[str, object]:
    return {"vendor_files": [_file_values(one) for one in rebases], **more}


def _file_values(one: Rebase) -> dict[str, object]:
    refused = one.outcome if isinstance(one.outcome, Refused) else None
    return {
        **vendor_values(one.facts),
        "refused": refused and {"reason": refused.reason, "hint": refused.hint},
    }


def vendor_values(file: VendorFile) -> dict[str, object]:
    """Return one vendor's newer file as values for JSON."""
    return {
        "path": file.path,
        "vendor_path": file.vendor_path,
        "lacks": list(file.lacks),
        "extra": list(file.extra),
    }
