"""The smallest edit of a service file that gives pam_gnome_keyring its rules, with its proof.

Candidates are tried from the smallest on; the first one that cannot be refuted is taken. An edit
inserts bytes, or changes one word: ``include`` to ``substack``, or the control of a rule of ours
that is unsafe. All other bytes of the file stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from creds_session.errors import InvalidData
from creds_session.pam.keyring_rules.broken import refuse_broken
from creds_session.pam.keyring_rules.candidates import Edit, Request, apply_edits
from creds_session.pam.keyring_rules.edit_search import Options
from creds_session.pam.keyring_rules.group_verdict import GroupVerdict
from creds_session.pam.keyring_rules.guards import unguarded_in
from creds_session.pam.keyring_rules.owners import owner_of
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.keyring_rules.policy import Wanted, wanted_rules
from creds_session.pam.keyring_rules.refusals import (
    OTHERS_GO_ON,
    Refusal,
    edits_or_refusal,
    refusal_of_tool,
    refusals_of_unwanted_rules,
)
from creds_session.pam.keyring_rules.verdict import verdicts_of_service
from creds_session.pam.stack.resolve import Read
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Dialect

__all__ = [
    "Edit",
    "NoSafeEdit",
    "Options",
    "Plan",
    "Refusal",
    "apply_edits",
    "plan",
    "plan_service",
]


class Plan(NamedTuple):
    """What would change in one file, and the verdict on each group before and after.

    ``path`` is where libpam finds the service. ``target`` is where the result is written: the same
    path, or a path in /etc/pam.d if ``path`` is a vendor's file, unless the vendor's file itself
    is to change. ``early_start`` is the option of that name. ``refusals`` are the groups that stay
    as they are; the others change all the same. ``present`` is what ``target`` contains now, if
    that is not ``content``: then a newer file of the vendor takes its place.
    """

    service: str
    path: str
    target: str
    content: bytes
    edits: tuple[Edit, ...]
    before: tuple[GroupVerdict, ...]
    after: tuple[GroupVerdict, ...]
    early_start: bool = False
    refusals: tuple[Refusal, ...] = ()
    present: bytes | None = None

    @property
    def is_change(self) -> bool:
        """Whether a file would change."""
        return bool(self.edits) or self.present not in {None, self.content}

    @property
    def result(self) -> bytes:
        """The file's new content."""
        return apply_edits(self.content, self.edits)

    @property
    def replaced(self) -> bytes | None:
        """The content of ``target`` now, or None if a vendor's file has no copy there."""
        if self.present is not None:
            return self.present
        return self.content if self.path == self.target else None


class NoSafeEdit(InvalidData):
    """No group can have its rule; the message has the first reason, ``plan`` has all of them."""

    def __init__(self, problem: str, *, hint: str = "", plan: Plan | None = None) -> None:
        super().__init__(problem, hint=hint)
        self.plan = plan


def plan(
    service: str,
    path: str,
    read: Read,
    dialect: Dialect,
    options: Options | None = None,
    *,
    place: str = "",
) -> Plan:
    """Return the smallest edit of the file at ``path`` that gives the service its rules.

    ``read`` returns the bytes of a path, or None. ``place`` is the path with every link followed.

    Raises:
        InvalidData: libpam would refuse the file.
        NoSafeEdit: No group that needs a rule can have it.
    """
    return plan_service(service, path, PamFiles(read, dialect), options, place=place)


def plan_service(
    service: str,
    path: str,
    files: PamFiles,
    options: Options | None = None,
    *,
    place: str = "",
) -> Plan:
    """Return the smallest edit of the file at ``path`` that gives the service its rules.

    ``place`` is the path with every link followed. Each group is refused on its own.

    Raises:
        InvalidData: libpam would refuse the file.
        NoSafeEdit: No group that needs a rule can have it.
    """
    options = options or Options()
    content = files.read(path)
    if content is None:
        raise InvalidData(f"{path}: does not exist")
    refuse_broken(path, parse(content, files.dialect))
    request = Request(service, path, files)
    before = _verdicts(request, content, options)
    edits, refusals = _edits_and_refusals(request, options, before, place)
    # The edits of the groups are proved one by one, so the whole is judged again.
    after = _verdicts(request, apply_edits(content, edits), options) if edits else before
    if not options.only_add:
        _require_the_rest(path, after, refusals)
    if edits and not options.only_add:
        refusals = [
            refusal._replace(hint=f"{refusal.hint}; {OTHERS_GO_ON}") for refusal in refusals
        ]
    target = f"/etc/pam.d/{service}"
    early = options.early_start
    made = Plan(service, path, target, content, edits, before, after, early, tuple(refusals))
    if refusals and not edits and not options.only_add:
        raise NoSafeEdit(refusals[0].reason, hint=refusals[0].hint, plan=made)
    return made


def _edits_and_refusals(
    request: Request, options: Options, before: Sequence[GroupVerdict], place: str
) -> tuple[tuple[Edit, ...], list[Refusal]]:
    """Return the edits of all groups, and the groups that cannot have their rule."""
    owner = owner_of(request.file.render(), place)
    edits: tuple[Edit, ...] = ()
    refusals: list[Refusal] = []
    wanted_ones = wanted_rules(request.service, early_start=options.early_start)
    for wanted, verdict in zip(wanted_ones, before):
        if not (verdict.problem or _needs_root_guard(wanted, request, options)):
            continue
        # The next run of the tool that writes a file would remove what is added here.
        if owner is not None:
            refusals.append(refusal_of_tool(wanted, request, owner))
            continue
        found = edits_or_refusal(wanted, request, options, verdict, refusals)
        if isinstance(found, Refusal):
            refusals.append(found)
        else:
            edits += found
    return edits, [*refusals, *refusals_of_unwanted_rules(before, request)]


def _verdicts(request: Request, content: bytes, options: Options) -> tuple[GroupVerdict, ...]:
    """Return the verdicts on the service if the file had this content."""
    return verdicts_of_service(
        request.service,
        request.files.overlaid(request.path, content),
        strict=options.strict,
        early_start=options.early_start,
    )


def _require_the_rest(path: str, after: Sequence[GroupVerdict], refusals: list[Refusal]) -> None:
    """Raise NoSafeEdit if an edit spoils a group that was not refused."""
    refused = {refusal.group for refusal in refusals}
    for verdict in after:
        if verdict.applies and verdict.problem and verdict.group not in refused:
            raise NoSafeEdit(f"{path}: no safe edit for {verdict.group.value}: {verdict.problem}")


def _needs_root_guard(wanted: Wanted, request: Request, options: Options) -> bool:
    """Return whether root's login shall skip our rule in this file, and does not do so yet."""
    if not options.skip_root:
        return False
    return bool(unguarded_in(request.path, request.service, wanted.group, request.files))
