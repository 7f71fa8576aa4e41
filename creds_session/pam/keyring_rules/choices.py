"""What the modules may return at one place of a walk: a value for each way that libpam can tell.

What ``returns`` knows of a module narrows the choice. In a frozen chain (setcred, close_session)
the value that the call before left picks the action, so that a choice is a pair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from creds_session.pam.keyring_rules.policy import is_guard
from creds_session.pam.modules.builtin import builtin_return
from creds_session.pam.modules.returns import ALL, MISSING, answers_unknown
from creds_session.pam.stack.dispatch import action_for
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.terms import Action, Pass, ReturnValue

SUCCESS = int(ReturnValue.SUCCESS)
FAILURE = int(ReturnValue.PERM_DENIED)
IGNORE = int(ReturnValue.IGNORE)
SPECIAL = frozenset({SUCCESS, IGNORE})
Returns = Callable[[Pass], tuple[ReturnValue, ...]]
"""What pam_gnome_keyring may return in a pass."""

Possible = Callable[[Handler, Pass], frozenset[int]]
"""What any other module may return in a pass."""


class Choice(NamedTuple):
    """What a module returns in a walk, and what it returned in the call that froze the chain."""

    returned: int
    cached: int | None = None


def anything(handler: Handler, pass_: Pass) -> frozenset[int]:
    """Take nothing for granted of a module, but of those that always answer alike."""
    if handler.must_fail:
        return frozenset({FAILURE})
    known = builtin_return(handler, pass_)
    return ALL if known is None else frozenset({int(known)})


def our_choices(
    handler: Handler, pass_: Pass, returns: Returns, possible_returns: Possible
) -> list[Choice]:
    """List what our module may do; missing from the disk, it was missing in the call before too."""
    if is_guard(handler):
        return choices(handler, handler, pass_, possible_returns)
    values = [int(value) for value in returns(pass_)]
    if pass_.earlier is None:
        return [Choice(value) for value in values]
    earlier = [int(value) for value in returns(pass_.earlier)]
    return [
        Choice(value, cached)
        for value in values
        for cached in (None, *earlier)
        if cached is None or (value == MISSING) == (cached == MISSING)
    ]


def choices(
    before: Handler, after: Handler, pass_: Pass, possible_returns: Possible
) -> list[Choice]:
    """List what another module may do, one choice for each that the two stacks can tell apart."""
    possible = possible_returns(after, pass_)
    found = [Choice(value) for value in sorted(possible)]
    if pass_.earlier is not None:
        earlier = possible_returns(after, pass_.earlier)
        # libpam loads all modules at pam_start: what is missing once is missing throughout. Some
        # modules that are there answer module_unknown too.
        is_loaded_once = ALL not in (possible, earlier) and not any(
            answers_unknown(after, each) for each in (pass_, pass_.earlier)
        )
        for cached in sorted(earlier):
            later = possible
            if is_loaded_once:
                is_missing = cached == MISSING
                later = frozenset({MISSING}) if is_missing else possible - {MISSING}
            found += [Choice(value, cached) for value in _kinds(later)]
    distinct: dict[object, Choice] = {}
    for choice in found:
        distinct.setdefault(_effect(before, after, choice, is_frozen=pass_.is_frozen), choice)
    return list(distinct.values())


def _kinds(values: Iterable[int]) -> list[int]:
    """Keep success, ignore and one failure: more a frozen chain does not tell apart."""
    kinds: dict[object, int] = {}
    for value in sorted(values):
        kinds.setdefault(value if value in SPECIAL else None, value)
    return list(kinds.values())


def _effect(before: Handler, after: Handler, choice: Choice, *, is_frozen: bool) -> object:
    """Give all that can matter of a choice; in a frozen chain what froze it picks the action."""
    deciding = choice.returned if choice.cached is None else choice.cached
    actions = action_for(before, deciding), action_for(after, deciding)
    if is_frozen and set(actions) == {Action.IGNORE}:
        return actions
    is_fresh = deciding == choice.returned
    return actions, choice.returned if choice.returned in SPECIAL else FAILURE, is_fresh
