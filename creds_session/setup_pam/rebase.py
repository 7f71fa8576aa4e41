"""Bring our lines and an administrator's lines to a vendor's newer file, with the usual proof.

    the file without our lines       what the new file is made from
    is the vendor's old file         the vendor's newer file
    has an administrator's lines     the vendor's newer file with these lines (``merged``)
    the old file is not known        the vendor's newer file, if it has every line of ours
    one of the files cannot be read  nothing: this file alone is refused
    anything else                    nothing: it is refused, with the lines of both sides

Then ``apply``'s plan is made for that file, and the judge compares what libpam reads now with what
it would read. A finding of the judge is a refusal, too: it may be what the vendor wants, but a
person should decide that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from creds_session.errors import CredsSessionError, NoSuchFile
from creds_session.facts.snapshot import VendorFile
from creds_session.facts.sshd import NOT_ASKED, SshdFacts
from creds_session.pam.changes.vendor_update import Conflict, merged
from creds_session.pam.keyring_rules.names import PASSWORD_ONLY
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.keyring_rules.plan import Options, Plan
from creds_session.pam.keyring_rules.verdict import verdicts_of_service
from creds_session.probe.installation import probe_installation
from creds_session.probe.sshd import probe_sshd
from creds_session.probe.vendor_files import (
    Changes,
    VendorCopy,
    content_or_reason,
    has_own_lines,
    newer_among,
    own_changes,
    vendor_file,
)
from creds_session.setup_pam.judgement import judge_content
from creds_session.setup_pam.plan import Rebased, Setup, plan_for
from creds_session.setup_pam.service_files import MAKE_PLAIN, pam_files
from creds_session.system.files.root import Root

BY_HAND: Final = (
    "bring the vendor's lines to {path} by hand; then creds-setup-pam check says whether the rules"
    " are still in place"
)
AS_IT_IS: Final = "if this is wanted: run creds-setup-pam revert, {then}creds-setup-pam apply"

ONLY_INSERTED: Final = (
    "creds-setup-pam has only inserted lines in this file before, so rebase modifies no line of it"
)


class Refused(NamedTuple):
    """Why a file is not rebased, and what a person can do."""

    reason: str
    hint: str


class Rebase(NamedTuple):
    """One file: what differs, and the plan or the refusal."""

    copy: VendorCopy
    facts: VendorFile
    outcome: Plan | Refused


def plan_rebases(root: Root, services: Sequence[str], options: Options) -> tuple[Rebase, ...]:
    """Return what would become of each file whose vendor has a newer one; changes nothing.

    Raises:
        NoSuchFile: A service that was named has no line of ours, or has none any more.
        NotPermitted: The state directory cannot be read.
        InvalidData: The state directory has a file that cannot be read.
    """
    files = pam_files(root)
    changes = own_changes(root)
    _require_changed(changes, services, files)
    sshd = probe_sshd(root, probe_installation(root).sshd)
    return tuple(
        Rebase(copy, vendor_file(copy, files), _outcome(root, copy, files, options, sshd))
        for copy in newer_among(changes, files)
        if not services or copy.service in services
    )


def setup_of(rebases: Sequence[Rebase]) -> Setup:
    """Return the change of all files that are not refused, in the form that ``apply`` makes."""
    planned = [(one.copy, one.outcome) for one in rebases if isinstance(one.outcome, Plan)]
    return Setup(
        tuple(plan for _, plan in planned),
        needs_drop_in=False,
        rebased={plan.target: _rebased(copy, plan) for copy, plan in planned},
    )


def _rebased(copy: VendorCopy, plan: Plan) -> Rebased:
    """Return what is recorded. A mere copy of a file that libpam finds anyway is not kept."""
    return Rebased(copy.vendor, is_kept=copy.is_beside or plan.content != copy.vendor)


def _require_changed(changes: Changes, services: Sequence[str], files: PamFiles) -> None:
    for service in services:
        path = f"/etc/pam.d/{service}"
        if path not in changes:
            raise NoSuchFile(
                f"creds-setup-pam has not changed /etc/pam.d/{service}, so it has nothing to"
                " rebase",
                hint="without --service, every file that it has changed is looked at",
            )
        # A file that cannot be read is refused alone, with the reason.
        content, _ = content_or_reason(path, files)
        if content is not None and not has_own_lines(content, changes[path]):
            raise NoSuchFile(
                f"{path} has no line of creds-setup-pam any more, so there is nothing to rebase",
                hint="creds-setup-pam apply adds the rules again",
            )


def _outcome(
    root: Root, copy: VendorCopy, files: PamFiles, options: Options, sshd: SshdFacts
) -> Plan | Refused:
    by_hand = BY_HAND.format(path=copy.path)
    content = _merged(copy, by_hand)
    if isinstance(content, Refused):
        return content
    asked = NOT_ASKED if copy.service in PASSWORD_ONLY else sshd
    wanted = options._replace(
        skip_root=options.skip_root or copy.skips_root,
        only_add=options.only_add or copy.only_inserts,
    )
    try:
        planned, _ = plan_for(root, copy.service, files.overlaid(copy.path, content), wanted, asked)
        report = judge_content(root, copy.path, planned.result)
    except CredsSessionError as error:
        return Refused(error.problem, error.hint or by_hand)
    if report.findings:
        names, found = report.findings[0]
        return Refused(f"{', '.join(names)}: {found}", _as_it_is(copy) or by_hand)
    lost = _lost(planned, files)
    if lost and wanted.only_add and not options.only_add:
        return Refused(f"{lost}; {ONLY_INSERTED}", _as_it_is(copy) or by_hand)
    if lost:
        return Refused(lost, by_hand)
    return planned._replace(present=copy.content)


def _merged(copy: VendorCopy, by_hand: str) -> bytes | Refused:
    """Return the vendor's newer file with the lines of an administrator, and without ours."""
    if copy.unreadable:
        return Refused(copy.unreadable.reason, MAKE_PLAIN.format(path=copy.unreadable.path))
    if copy.own is None:
        return Refused(f"a line of ours was edited: {copy.problem}", by_hand)
    content = merged(copy.base, copy.own, copy.vendor)
    if isinstance(content, Conflict):
        return Refused(_both_sides(copy, content), by_hand)
    return content


def _as_it_is(copy: VendorCopy) -> str:
    """Return how the vendor's file is taken as it is, or "" if that would lose somebody's lines."""
    if copy.base is not None and copy.own != copy.base:
        return ""
    move = f"mv {copy.vendor_path} {copy.path}, " if copy.is_beside else ""
    return AS_IT_IS.format(then=f"{move}and ")


def _both_sides(copy: VendorCopy, found: Conflict) -> str:
    if found.is_jump:
        known = "both sides have changed the file, and a rule in it skips a number of others"
    elif copy.base is not None:
        known = "both sides have changed the same place"
    else:
        known = (
            "the file has lines that the vendor's file does not have, and the vendor's old file is"
            " not known"
        )
    sides = ((copy.path, found.ours), (copy.vendor_path, found.theirs))
    lines = [
        f"  {path}: {line.decode(errors='backslashreplace').strip()}"
        for path, side in sides
        for line in side
    ]
    return "\n".join((known, *lines))


def _lost(planned: Plan, files: PamFiles) -> str:
    """Return which group has its rule now and could not have it in the new file, or ""."""
    now = verdicts_of_service(planned.service, files, early_start=planned.early_start)
    for before, after in zip(now, planned.after):
        if before.applies and not before.problem and after.problem:
            reasons = {refused.group: refused.reason for refused in planned.refusals}
            reason = reasons.get(after.group, after.problem)
            return f"{planned.service} {after.group.value}: {reason}"
    return ""
