"""Why a group cannot have its rule, and what a person could do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from creds_session.pam.keyring_rules.candidates import Edit, Request
from creds_session.pam.keyring_rules.edit_search import NotFound, Options, find_edits
from creds_session.pam.keyring_rules.group_verdict import GroupVerdict
from creds_session.pam.keyring_rules.owners import Owner
from creds_session.pam.keyring_rules.policy import (
    Wanted,
    is_keyring,
    starts_daemon,
    wanted_rules,
)
from creds_session.pam.keyring_rules.proof import lets_nobody_in
from creds_session.pam.keyring_rules.remedies import (
    start_or_take_out,
    take_out,
    take_out_for_good,
    way_round,
)
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.terms import ManagementGroup

WITHOUT_ONLY_ADD: Final = "without --only-add, apply can add the rule: it then changes {}"
OTHERS_GO_ON: Final = "apply still changes the other groups, with or without --only-add"
EACH_SERVICE: Final = "for each service that changes passwords"
LETS_IN: Final = "only pam_gnome_keyring lets people in, and it checks no password"
CHECKED: Final = (
    "first write the rule of the module that checks the password, such as `auth required"
    " pam_unix.so`, before the other auth rules, or restore the file from its package; if nobody"
    " shall log in with a password, remove the rule of pam_gnome_keyring"
)
ADMITS: Final = "some people get in by pam_gnome_keyring alone, and could not log in without it"
OTHERS_DECIDE: Final = (
    "write a rule of another module that lets in the people who shall get in, and only then remove"
    " the rule of pam_gnome_keyring"
)
LOCKED: Final = "without a rule in auth, the session rule would start a daemon that stays locked"


class Refusal(NamedTuple):
    """A group that cannot have its rule: the reason, and what a person could do."""

    group: ManagementGroup
    reason: str
    hint: str


def refusal_of_tool(wanted: Wanted, request: Request, owner: Owner) -> Refusal:
    """Refuse a group because a tool writes the file; the hint says what to do with that tool."""
    hint = owner.hint.replace("NAME", request.service)
    return Refusal(wanted.group, f"{request.path}: {owner.problem}", hint)


def refusals_of_unwanted_rules(
    before: Sequence[GroupVerdict], request: Request
) -> Iterator[Refusal]:
    """Yield the groups that want no rule and have a harmful one.

    A person, or the tool that wrote the rule, must remove it.
    """
    groups = {wanted.group for wanted in wanted_rules(request.service)}
    for verdict in before:
        if verdict.group not in groups and verdict.problem:
            rules = _rules_of(request, verdict.group)
            harmful = [rule for rule in rules if starts_daemon(rule, request.service)] or rules
            hint = take_out_for_good(harmful, request.files.read, request.path)
            yield Refusal(verdict.group, verdict.problem, hint)


def edits_or_refusal(
    wanted: Wanted,
    request: Request,
    options: Options,
    verdict: GroupVerdict,
    refusals: Sequence[Refusal],
) -> tuple[Edit, ...] | Refusal:
    """Return the edits of one group, or why there are none.

    ``refusals`` are those of the groups before: without a rule in auth, session gets none.
    """
    auth = next((refusal for refusal in refusals if refusal.group is ManagementGroup.AUTH), None)
    is_new = wanted.group is ManagementGroup.SESSION and not verdict.present
    if auth is not None and is_new and not options.only_add:
        return Refusal(wanted.group, f"{request.path}: {LOCKED}", auth.hint)
    if verdict.alarm and not verdict.applies:
        without = request.files.without_our_rules().stacks(request.service)
        # If the rule were made harmless, no password would be accepted: perhaps nobody has a key.
        if lets_nobody_in(without, ManagementGroup.AUTH):
            return Refusal(wanted.group, f"{request.path}: {LETS_IN}: {verdict.problem}", CHECKED)
    if verdict.admits:
        return Refusal(wanted.group, f"{request.path}: {ADMITS}: {verdict.problem}", OTHERS_DECIDE)
    found = find_edits(wanted, request, options)
    if isinstance(found, NotFound):
        return _refusal(wanted, request, options, found, verdict)
    return found


def _refusal(
    wanted: Wanted, request: Request, options: Options, found: NotFound, verdict: GroupVerdict
) -> Refusal:
    """Return why a group stays as it is, and the first remedy that would help."""
    why = verdict.problem if verdict.is_unsafe else found.reason
    reason = f"{request.path}: no safe place for the {wanted.group.value} rule: {why}"
    rules = _rules_of(request, wanted.group)
    read = request.files.read
    if options.only_add:
        with_changes = find_edits(wanted, request, options._replace(only_add=False))
        if not isinstance(with_changes, NotFound):
            hint = WITHOUT_ONLY_ADD.format(_changed_words(with_changes))
            return Refusal(wanted.group, reason, hint)
    if verdict.is_unsafe:
        return Refusal(wanted.group, reason, take_out(rules, read, movable=True))
    if rules:  # they are named only if it helps to remove them
        cleared = request._replace(files=request.files.without_our_rules())
        without = find_edits(wanted, cleared, options)
        helps = not isinstance(without, NotFound)
        out = start_or_take_out(rules, read) if helps else ""
        if helps and not _works_for_others(found):
            return Refusal(wanted.group, reason, out)
        found = without if isinstance(without, NotFound) else found
        hint = way_round(found.counterexample, wanted.group, request.service, read, has_rule=True)
        return Refusal(wanted.group, reason, f"{hint}; or {out} {EACH_SERVICE}" if helps else hint)
    hint = way_round(found.counterexample, wanted.group, request.service, read, has_rule=False)
    return Refusal(wanted.group, reason, hint)


def _rules_of(request: Request, group: ManagementGroup) -> list[Handler]:
    """Return the rules of pam_gnome_keyring that a group has."""
    return list(filter(is_keyring, request.files.stack(request.service, group).handlers))


def _changed_words(edits: tuple[Edit, ...]) -> str:
    """Name the words that edits change."""
    changes = (
        f"line {edit.line}: {edit.old.decode(errors='replace')}"
        f" to {edit.new.decode(errors='replace')}"
        for edit in edits
        if edit.old
    )
    return ", ".join(changes)


def _works_for_others(found: NotFound) -> bool:
    """Return whether the password rule is skipped in the counterexample only.

    For people whose passwords other modules change, the rule then still works.
    """
    counterexample = found.counterexample
    if counterexample is None or counterexample.group is not ManagementGroup.PASSWORD:
        return False
    return not any(is_keyring(step.handler) for step in counterexample.steps)
