"""The smallest edit of a service file that gives pam_gnome_keyring its rules, proved.

Candidates are tried from the smallest on; the first that cannot be refuted is taken. Bytes are
inserted, or one word changes (``include`` to ``substack``, the control of a rule of ours that is
unsafe); nothing else of the file changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from creds_session.errors import InvalidData
from creds_session.findings import Severity
from creds_session.pam.keyring_rules.broken import refuse_broken
from creds_session.pam.keyring_rules.candidates import Edit, Request, apply_edits, candidates
from creds_session.pam.keyring_rules.counterexample import Counterexample
from creds_session.pam.keyring_rules.guards import unguarded
from creds_session.pam.keyring_rules.owners import Owner, owner_of
from creds_session.pam.keyring_rules.policy import (
    OPTIONAL,
    Wanted,
    is_keyring,
    starts_daemon,
    wanted_rules,
)
from creds_session.pam.keyring_rules.proof import (
    refute,
    refute_closing,
    refute_reach,
    refute_unknowing,
)
from creds_session.pam.keyring_rules.remedies import (
    start_or_take_out,
    take_out,
    take_out_for_good,
    way_round,
)
from creds_session.pam.keyring_rules.verdict import GroupVerdict, judge, without_ours
from creds_session.pam.stack.handlers import Handler, Stack, Stacks
from creds_session.pam.stack.resolve import Read, resolve, resolve_all
from creds_session.pam.syntax.lint import lint
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Dialect, ManagementGroup

__all__ = ["Edit", "NoSafeEdit", "Options", "Plan", "Refusal", "apply_edits", "plan"]


class Options(NamedTuple):
    """What a person may ask of a plan.

    ``only_add``: no word of the admin's changes; what cannot be had so is told, not refused.
    ``skip_root``: root's login passes our rules by. ``strict``: proved against any return value
    of pam_gnome_keyring at all. ``early_start``: the auth rule starts the daemon.
    """

    only_add: bool = False
    skip_root: bool = False
    strict: bool = False
    early_start: bool = False


class Refusal(NamedTuple):
    """A group whose rule cannot be had: why, and what a person could do."""

    group: ManagementGroup
    reason: str
    hint: str


class Plan(NamedTuple):
    """What would change in one file, and the state of each group before and after.

    ``path`` is where libpam finds the service; ``target`` where the result goes: the same, or
    /etc/pam.d where ``path`` is a file of the vendor's. ``early_start`` is what was asked.
    ``refusals`` are the groups that stay as they are; they do not keep the others from a change.
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

    @property
    def result(self) -> bytes:
        """The file's new content."""
        return apply_edits(self.content, self.edits)

    @property
    def replaced(self) -> bytes | None:
        """What stands at ``target`` now; None where the vendor's file has no copy there."""
        return self.content if self.path == self.target else None


class NoSafeEdit(InvalidData):
    """No rule could be had; the message holds the first reason, ``plan`` all of them."""

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
    """Find the edits of the file at ``path`` that give the service its rules.

    ``place`` is where the file lies once every link is followed. A group that cannot have its rule
    is refused on its own. Raises InvalidData for a file that libpam would refuse, NoSafeEdit where
    nothing can be had of what is wanted.
    """
    options = options or Options()
    content = read(path)
    if content is None:
        raise InvalidData(f"{path}: not there")
    refuse_broken(path, parse(content, dialect))
    request = Request(service, path, read, dialect)
    before = _judge(request, content, options)
    owner = owner_of(content, place)
    edits: tuple[Edit, ...] = ()
    refusals: list[Refusal] = []
    for wanted, verdict in zip(wanted_rules(service, early_start=options.early_start), before):
        if not (verdict.problem or _lets_root_wait(wanted, request, options)):
            continue
        found = _edits_for(wanted, request, options, verdict, refusals) if owner is None else None
        if found is None or isinstance(found, Refusal):
            refusals.append(found or _refusal_of_tool(wanted, request, owner))
        else:
            edits += found
    refusals += _to_remove(before, request)
    after = _judge(request, apply_edits(content, edits), options) if edits else before
    if not options.only_add:
        _require_the_rest(path, after, refusals)
    if edits and not options.only_add:
        refusals = [one._replace(hint=f"{one.hint}; {OTHERS_GO_ON}") for one in refusals]
    target = f"/etc/pam.d/{service}"
    early = options.early_start
    made = Plan(service, path, target, content, edits, before, after, early, tuple(refusals))
    if refusals and not edits and not options.only_add:
        raise NoSafeEdit(refusals[0].reason, hint=refusals[0].hint, plan=made)
    return made


def _refusal_of_tool(wanted: Wanted, request: Request, owner: Owner | None) -> Refusal:
    """Say that the file is a tool's, and what to do there."""
    assert owner is not None  # noqa: S101 - the caller looked
    hint = owner.hint.replace("NAME", request.service)
    return Refusal(wanted.group, f"{request.path}: {owner.problem}", hint)


def _to_remove(before: tuple[GroupVerdict, ...], request: Request) -> Iterator[Refusal]:
    """Give what stands in a group that wants no rule: a person, or its tool, must take it out."""
    groups = {one.group for one in wanted_rules(request.service)}
    for verdict in before:
        if verdict.group not in groups and verdict.problem:
            rules = rules_of(request, verdict.group)
            harmful = [one for one in rules if starts_daemon(one, request.service)] or rules
            hint = take_out_for_good(harmful, request.read, request.path)
            yield Refusal(verdict.group, verdict.problem, hint)


def rules_of(request: Request, group: ManagementGroup) -> list[Handler]:
    """Return the rules of pam_gnome_keyring that a group has."""
    stack = resolve(request.service, group, request.read, dialect=request.dialect)
    return [rule for rule in stack.handlers if is_keyring(rule)]


def _judge(request: Request, content: bytes, options: Options) -> tuple[GroupVerdict, ...]:
    """Judge the service with this content of the file that may change."""
    return judge(
        request.service,
        overlaid(request.read, request.path, content),
        request.dialect,
        strict=options.strict,
        early_start=options.early_start,
    )


def _edits_for(
    wanted: Wanted,
    request: Request,
    options: Options,
    verdict: GroupVerdict,
    refusals: list[Refusal],
) -> tuple[Edit, ...] | Refusal:
    """Return the edits of one group, or why there are none."""
    auth = next((one for one in refusals if one.group is ManagementGroup.AUTH), None)
    is_new = wanted.group is ManagementGroup.SESSION and not verdict.present
    if auth is not None and is_new and not options.only_add:
        return Refusal(wanted.group, f"{request.path}: {LOCKED}", auth.hint)
    found = find_edits(wanted, request, options)
    if isinstance(found, Refused):
        return _refusal(wanted, request, options, found, verdict)
    return found


def _require_the_rest(path: str, after: tuple[GroupVerdict, ...], refusals: list[Refusal]) -> None:
    """Raise NoSafeEdit where an edit spoils a group that was not refused."""
    refused = {one.group for one in refusals}
    for verdict in after:
        if verdict.applies and verdict.problem and verdict.group not in refused:
            raise NoSafeEdit(f"{path}: no safe edit for {verdict.group.value}: {verdict.problem}")


def _refusal(
    wanted: Wanted, request: Request, options: Options, found: Refused, verdict: GroupVerdict
) -> Refusal:
    """Say why a group stays as it is, and what a person could do."""
    why = verdict.problem if verdict.is_unsafe else found.reason
    reason = f"{request.path}: no safe place for the {wanted.group.value} rule: {why}"
    rules = rules_of(request, wanted.group)
    if options.only_add:
        with_words = find_edits(wanted, request, options._replace(only_add=False))
        if not isinstance(with_words, Refused):
            return Refusal(wanted.group, reason, WITHOUT_ONLY_ADD.format(_words_of(with_words)))
    if verdict.is_unsafe:
        return Refusal(wanted.group, reason, take_out(rules, request.read, movable=True))
    if rules:  # they are named only if it helps to take them out
        cleared = request._replace(read=without_ours(request.read, request.dialect))
        without = find_edits(wanted, cleared, options)
        helps = not isinstance(without, Refused)
        out = start_or_take_out(rules, request.read) if helps else ""
        if helps and not _works_for_others(found):
            return Refusal(wanted.group, reason, out)
        found = without if isinstance(without, Refused) else found
        hint = way_round(found.found, wanted.group, request.service, request.read, has_rule=True)
        return Refusal(wanted.group, reason, f"{hint}; or {out} {EACH_SERVICE}" if helps else hint)
    hint = way_round(found.found, wanted.group, request.service, request.read, has_rule=False)
    return Refusal(wanted.group, reason, hint)


def _words_of(edits: tuple[Edit, ...]) -> str:
    """Name the words that edits change."""
    changes = (
        f"line {one.line}: {one.old.decode(errors='replace')} to {one.new.decode(errors='replace')}"
        for one in edits
        if one.old
    )
    return ", ".join(changes)


def _works_for_others(found: Refused) -> bool:
    """Tell whether a change of the password passes a rule by on one way, and not on others."""
    if found.found is None or found.found.group is not ManagementGroup.PASSWORD:
        return False
    return not any(is_keyring(one.handler) for one in found.found.steps)


WITHOUT_ONLY_ADD = "without --only-add the rule can be had: apply then changes {}"
OTHERS_GO_ON = "the other groups do not wait for it: apply changes them, and so does --only-add"
EACH_SERVICE = "for each service that changes passwords"
LOCKED = "without a rule in auth the session rule would start a daemon that stays locked"


def _lets_root_wait(wanted: Wanted, request: Request, options: Options) -> bool:
    """Tell whether root shall pass our rule in this file by, and does not yet."""
    if not options.skip_root:
        return False
    rules = unguarded(request.service, wanted.group, request.read, request.dialect)
    return any(rule.origin.file == request.path for rule in rules)


def overlaid(read: Read, path: str, content: bytes) -> Read:
    """Read as before, but for one path."""
    return lambda asked: content if asked == path else read(asked)


class Refused(NamedTuple):
    """Why no candidate holds: in words, and the way that breaks a promise, if there is one."""

    reason: str
    found: Counterexample | None = None


def find_edits(wanted: Wanted, request: Request, options: Options) -> tuple[Edit, ...] | Refused:
    """Return the first candidate for one group that is proved safe and reached."""
    proof = _Proof(wanted, request, options)
    refused: Counterexample | None = None
    second: tuple[Edit, ...] | None = None
    for edits in _allowed(wanted, request, options):
        content = apply_edits(request.file.render(), edits)
        if any(one.severity is Severity.ERROR for one in lint(parse(content, request.dialect))):
            continue
        after = proof.stacks_with(content)
        if not proof.leaves_other_groups(after):
            continue
        found = proof.refute(after, edits)
        if found is None:
            if not proof.closes_otherwise(after, edits):
                return edits
            second = second or edits
        refused = found or refused
    if second is not None:
        return second
    reason = str(refused) if refused else "no rule of its own stands here that ours could follow"
    return Refused(reason, refused)


class _Proof:
    """What each candidate of one group is held against: the service without any rule of ours."""

    def __init__(self, wanted: Wanted, request: Request, options: Options) -> None:
        self.wanted, self.request, self.options = wanted, request, options
        reading = without_ours(request.read, request.dialect)
        self.now = resolve_all(request.service, request.read, dialect=request.dialect)
        self.without = resolve_all(request.service, reading, dialect=request.dialect)

    def stacks_with(self, content: bytes) -> Stacks:
        """Resolve the service with new content of the file."""
        candidate = overlaid(self.request.read, self.request.path, content)
        return resolve_all(self.request.service, candidate, dialect=self.request.dialect)

    def leaves_other_groups(self, after: Stacks) -> bool:
        """Tell whether the other groups run the same: an @include is of every group."""
        others = (group for group in ManagementGroup if group is not self.wanted.group)
        return all(_rows(self.now.of(group)) == _rows(after.of(group)) for group in others)

    def refute(self, after: Stacks, edits: tuple[Edit, ...]) -> Counterexample | None:
        """Return what is wrong with a candidate, or None."""
        group, options = self.wanted.group, self.options
        prove = refute_unknowing if _adds_optional(edits) else refute
        return prove(self.without, after, group, strict=options.strict) or refute_reach(
            self.without, after, group, early_start=options.early_start
        )

    def closes_otherwise(self, after: Stacks, edits: tuple[Edit, ...]) -> bool:
        """Tell whether the end of a session would be reported otherwise: better is not."""
        if self.wanted.group is not ManagementGroup.SESSION:
            return False
        is_certain = not _adds_optional(edits)
        return refute_closing(self.without, after, knowing=is_certain) is not None


def _rows(stack: Stack) -> list[tuple[object, ...]]:
    """Give what libpam runs, without the places in the files."""
    return [tuple(handler)[1:] for handler in stack.handlers]


def _adds_optional(edits: tuple[Edit, ...]) -> bool:
    """Tell whether a rule is to count; one that never counts is as good, and needs no table."""
    return any(OPTIONAL.encode() in edit.new.split() for edit in edits)


def _allowed(wanted: Wanted, request: Request, options: Options) -> Iterator[tuple[Edit, ...]]:
    request = request._replace(guarded=options.skip_root)
    for edits in candidates(wanted, request):
        if not (options.only_add and any(edit.old for edit in edits)):
            yield edits
