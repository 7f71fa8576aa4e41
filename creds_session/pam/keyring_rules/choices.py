"""List what modules may return at one place of a walk: one value for each effect in libpam.

What ``returns`` knows about a module narrows the choice. In a frozen chain (setcred, close_session)
the value of the earlier call selects the action, so that a choice is a pair of values.
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
"""Returns what pam_gnome_keyring may return in a pass."""

Possible = Callable[[Handler, Pass], frozenset[int]]
"""Returns what any other module may return in a pass."""


class Choice(NamedTuple):
    """What a module returns in a walk, and what it returned in the earlier call, if any."""

    returned: int
    cached: int | None = None


def anything(handler: Handler, pass_: Pass) -> frozenset[int]:
    """Return every return value, except for modules that always return the same."""
    if handler.must_fail:
        return frozenset({FAILURE})
    known = builtin_return(handler, pass_)
    return ALL if known is None else frozenset({int(known)})


def our_choices(
    handler: Handler, pass_: Pass, returns: Returns, possible_returns: Possible
) -> list[Choice]:
    """List what our module may return; if its file is missing, it was missing in both calls."""
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
    """List what another module may return, with one choice for each difference to the stacks."""
    possible = possible_returns(after, pass_)
    found = [Choice(value) for value in sorted(possible)]
    if pass_.earlier is not None:
        earlier = possible_returns(after, pass_.earlier)
        # libpam loads all modules at pam_start, so a file that is missing is missing in both calls.
        # Some modules return module_unknown although their file exists.
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
    """Keep success, ignore and one failure: a frozen chain treats all failures the same."""
    kinds: dict[object, int] = {}
    for value in sorted(values):
        kinds.setdefault(value if value in SPECIAL else None, value)
    return list(kinds.values())


def _effect(before: Handler, after: Handler, choice: Choice, *, is_frozen: bool) -> object:
    """Return all that matters of a choice to both stacks; equal effects need one walk only."""
    deciding = choice.returned if choice.cached is None else choice.cached
    actions = action_for(before, deciding), action_for(after, deciding)
    if is_frozen and set(actions) == {Action.IGNORE}:
        return actions
    is_fresh = deciding == choice.returned
    return actions, choice.returned if choice.returned in SPECIAL else FAILURE, is_fresh
