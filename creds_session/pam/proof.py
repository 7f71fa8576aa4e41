"""Whether an edit is safe: over all that the modules may return, by walking both stacks at once.

``before`` is the service without any rule of pam_gnome_keyring, ``after`` is the candidate. Both
are walked in step: every other module returns the same to both, pam_gnome_keyring anything it is
documented to or that it is missing. States are sets, not paths, so the cost grows with the
number of rules, not of combinations. What must hold:

LOCK_OUT         no success before becomes a failure after
LET_IN           no failure before becomes a success after
RUNS_OTHERWISE   every other module runs as before, in the same order
NOT_REACHED      where the password was right, pam_gnome_keyring ran after it was asked for
STARTS_EARLY     pam_gnome_keyring starts no daemon in auth before the password was right
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import NamedTuple

from creds_session.pam.counterexample import GROUP_OF_PASS, Breach, Counterexample, Step
from creds_session.pam.dispatch import State, action_for, position, start, step, verdict
from creds_session.pam.handlers import Handler, Stack, Stacks
from creds_session.pam.modules import builtin_return
from creds_session.pam.policy import (
    is_anchor,
    is_guard,
    keyring_returns,
    our_places,
    shortcoming,
    starts_daemon,
)
from creds_session.pam.terms import (
    Action,
    ActionTable,
    ManagementGroup,
    Pass,
    ReturnValue,
)

SUCCESS = int(ReturnValue.SUCCESS)
FAILURE = int(ReturnValue.PERM_DENIED)
IGNORE = int(ReturnValue.IGNORE)
SPECIAL = frozenset({SUCCESS, IGNORE})
Returns = Callable[[Pass], tuple[ReturnValue, ...]]
"""What pam_gnome_keyring may return in a pass."""

REACHING = {
    ManagementGroup.AUTH: Pass.AUTHENTICATE,
    ManagementGroup.PASSWORD: Pass.UPDATE,
    ManagementGroup.SESSION: Pass.OPEN_SESSION,
}


class _Aim(enum.Enum):
    """What a walk looks for: other verdicts, or what our rules do with the password."""

    VERDICTS = enum.auto()
    REACHED = enum.auto()
    REACHED_TO_START = enum.auto()
    STARTS_EARLY = enum.auto()


class Choice(NamedTuple):
    """What a module returns in a walk, and what it returned in the call that froze the chain."""

    returned: int
    cached: int | None = None


class _Pair(NamedTuple):
    """Both walks, whether the password was right, and whether our module came after that."""

    before: State
    after: State
    anchored: bool
    reached: bool


def refute(
    before: Stacks, after: Stacks, group: ManagementGroup, *, strict: bool = False
) -> Counterexample | None:
    """Return a counterexample to the safety of the candidate's rules of one group, or None.

    ``strict``: pam_gnome_keyring may return any value at all.
    """
    return _refute(before, after, group, partial(keyring_returns, strict=strict))


def refute_start(before: Stacks, after: Stacks) -> Counterexample | None:
    """Return a way to an auth rule of ours that starts a daemon too early, or None.

    Too early is before a password module returned success: a daemon that is started with a
    wrong password makes a keyring of it where there is none (gkd-login.c).
    """
    return _walk_both(
        before.auth, after.auth, Pass.AUTHENTICATE, keyring_returns, _Aim.STARTS_EARLY
    )


def refute_removal(now: Stacks, then: Stacks, group: ManagementGroup) -> Counterexample | None:
    """Return a verdict that taking our rules out of ``now`` would change, or None.

    Others may have counted our rules in a jump since. pam_gnome_keyring is taken to return
    ignore: what it decided itself, where someone let it, is not missed.
    """
    return _refute(then, now, group, _ignoring)


def _ignoring(_pass: Pass) -> tuple[ReturnValue, ...]:
    return (ReturnValue.IGNORE,)


def _refute(
    before: Stacks, after: Stacks, group: ManagementGroup, returns: Returns
) -> Counterexample | None:
    for pass_ in (pass_ for pass_, its in GROUP_OF_PASS.items() if its is group):
        found = _walk_both(before.of(group), after.of(group), pass_, returns)
        if found is not None:
            return found
    return None


def refute_reach(
    before: Stacks, after: Stacks, group: ManagementGroup, *, early_start: bool = False
) -> Counterexample | None:
    """Return a success on which pam_gnome_keyring did not run as it must, or None.

    ``early_start``: in auth it must have started a daemon, and with no wrong password.
    """
    pass_, stacks = REACHING[group], (before.of(group), after.of(group))
    if not early_start or group is not ManagementGroup.AUTH:
        return _walk_both(*stacks, pass_, keyring_returns, _Aim.REACHED)
    missed = _walk_both(*stacks, pass_, keyring_returns, _Aim.REACHED_TO_START)
    return missed or refute_start(before, after)


def _walk_both(
    before: Stack, after: Stack, pass_: Pass, returns: Returns, aim: _Aim = _Aim.VERDICTS
) -> Counterexample | None:
    walks = _Walks(before, after, pass_, returns, aim)
    first = walks.first()
    came_from: dict[_Pair, tuple[_Pair, Step] | None] = {first: None}
    todo = deque([first])
    while todo:
        pair = todo.popleft()
        breach = walks.breach(pair)
        if breach is not None:
            return Counterexample(breach, pass_, _way_to(pair, came_from))
        for following, taken in walks.following(pair):
            if following not in came_from:
                came_from[following] = (pair, taken)
                todo.append(following)
    return None


class _Walks:
    """One pass along both stacks.

    Whether our module came after the password is followed only where that is the aim.
    """

    def __init__(
        self, before: Stack, after: Stack, pass_: Pass, returns: Returns, aim: _Aim
    ) -> None:
        self.before, self.after, self.pass_ = before, after, pass_
        self.group = GROUP_OF_PASS[pass_]
        self.ours = our_places(after.handlers)
        self.modules = _ordinals(before, frozenset()), _ordinals(after, self.ours)
        self.aim = aim
        self.must_reach = aim in {_Aim.REACHED, _Aim.REACHED_TO_START}
        self.anchors = {
            place
            for place, handler in enumerate(after.handlers)
            if aim is not _Aim.VERDICTS and is_anchor(handler, self.group)
        }
        self.starts = {
            place
            for place in self.ours
            if self.aim is _Aim.STARTS_EARLY and starts_daemon(after.handlers[place], after.service)
        }
        self._returns = returns
        self._is_frozen = pass_.is_frozen
        self._choices_at = cache(self._list_choices)

    def first(self) -> _Pair:
        """Give both walks before their first handlers."""
        begin = start(self.before), start(self.after)
        needs_none = not self.anchors and self.aim is not _Aim.STARTS_EARLY
        return _Pair(*begin, anchored=needs_none, reached=not self.must_reach)

    def breach(self, pair: _Pair) -> Breach | None:
        """Say what a pair breaks, if anything."""
        was_waiting, waits = self.modules[0][pair.before.at], self.modules[1][pair.after.at]
        if waits is OURS:
            is_early = pair.after.at in self.starts and not pair.anchored
            return Breach.STARTS_EARLY if is_early else None
        if was_waiting != waits:
            return Breach.RUNS_OTHERWISE
        if waits is not None:
            return None
        was, now = verdict(pair.before) == SUCCESS, verdict(pair.after) == SUCCESS
        if self.must_reach:
            return Breach.NOT_REACHED if now and pair.anchored and not pair.reached else None
        if was == now:
            return None
        return Breach.LOCK_OUT if was else Breach.LET_IN

    def following(self, pair: _Pair) -> Iterator[tuple[_Pair, Step]]:
        """Give the pairs that one more handler can lead to."""
        place = pair.after.at
        handler = position(self.after, pair.after)
        if handler is None:
            return
        is_ours = place in self.ours
        is_anchored = place in self.anchors
        for choice in self._choices_at(pair.before.at, place):
            before, anchored, reached = pair.before, pair.anchored, pair.reached
            if is_ours:
                reached |= self._counts(handler, choice, anchored=anchored)
            else:
                before = self._step(self.before, before, choice)
                is_right = choice.returned == SUCCESS or self.group is ManagementGroup.SESSION
                anchored |= is_anchored and is_right
            after = self._step(self.after, pair.after, choice)
            yield _Pair(before, after, anchored, reached), Step(handler, choice.returned)

    def _counts(self, handler: Handler, choice: Choice, *, anchored: bool) -> bool:
        """Tell whether a rule of ours has done its work, or root has passed it by on purpose."""
        if is_guard(handler):
            return choice.returned == SUCCESS
        if self.aim is _Aim.REACHED_TO_START and not starts_daemon(handler, self.after.service):
            return False
        return anchored and not shortcoming(handler, self.after.service)

    def _list_choices(self, was: int, now: int) -> list[Choice]:
        handler = self.after.handlers[now]
        if now in self.ours:
            return _our_choices(handler, self.pass_, self._returns)
        return _choices(self.before.handlers[was], handler, self.pass_)

    def _step(self, stack: Stack, state: State, choice: Choice) -> State:
        """Walk on; verdicts tell success from failure alone, so all failures become one."""
        state = step(stack, state, choice.returned, cached=choice.cached, is_frozen=self._is_frozen)
        if state.status in {SUCCESS, FAILURE}:
            return state
        return State(state.at, state.impression, FAILURE, state.frames)


OURS = "ours"


def _ordinals(stack: Stack, ours: frozenset[int]) -> tuple[object, ...]:
    """Give for each place in a stack which module of others waits there, and how manyth."""
    names: list[object] = [None] * (len(stack.handlers) + 1)
    count = 0
    for index, handler in enumerate(stack.handlers):
        if index in ours:
            names[index] = OURS
        elif not handler.is_substack:
            names[index] = (count, handler.module_path, handler.arguments, handler.must_fail)
            count += 1
    return tuple(names)


EARLIER = {Pass.SETCRED: Pass.AUTHENTICATE, Pass.CLOSE_SESSION: Pass.OPEN_SESSION}
"""The call whose return values freeze the chain of another (pam_dispatch.c:_pam_dispatch)."""


def _our_choices(handler: Handler, pass_: Pass, returns: Returns) -> list[Choice]:
    """List what our module may do; missing from the disk, it was missing in the call before too."""
    if is_guard(handler):
        return _choices(handler, handler, pass_)
    values = [int(value) for value in returns(pass_)]
    if not pass_.is_frozen:
        return [Choice(value) for value in values]
    missing = int(ReturnValue.MODULE_UNKNOWN)
    earlier = [int(value) for value in returns(EARLIER[pass_])]
    return [
        Choice(value, cached)
        for value in values
        for cached in (None, *earlier)
        if cached is None or (value == missing) == (cached == missing)
    ]


def _choices(before: Handler, after: Handler, pass_: Pass) -> list[Choice]:
    """List a value for each way that libpam can tell apart, and for success and ignore."""
    values = _values(before, after, pass_)
    if not pass_.is_frozen:
        return [Choice(value) for value in values]
    later = (SUCCESS, IGNORE, FAILURE) if len(values) > 1 else values
    earlier = _values(before, after, EARLIER[pass_])
    choices = [Choice(value) for value in values]
    choices += [Choice(value, cached) for cached in earlier for value in later]
    distinct: dict[object, Choice] = {}
    for choice in choices:
        distinct.setdefault(_effect(before, after, choice), choice)
    return list(distinct.values())


def _effect(before: Handler, after: Handler, choice: Choice) -> object:
    """Give all that can matter of a choice in a frozen chain: what froze it picks the action."""
    deciding = choice.returned if choice.cached is None else choice.cached
    actions = action_for(before, deciding), action_for(after, deciding)
    if set(actions) == {Action.IGNORE}:
        return actions
    is_fresh = deciding == choice.returned
    return actions, choice.returned if choice.returned in SPECIAL else FAILURE, is_fresh


def _values(before: Handler, after: Handler, pass_: Pass) -> tuple[int, ...]:
    if after.must_fail:
        return (int(ReturnValue.PERM_DENIED),)
    known = builtin_return(after, pass_)
    return (int(known),) if known is not None else _classes(before, after)


def _classes(before: Handler, after: Handler) -> tuple[int, ...]:
    return _distinct(before.actions, after.actions)


@cache
def _distinct(before: ActionTable, after: ActionTable) -> tuple[int, ...]:
    """List the first value of each kind that the two tables tell apart."""
    seen: dict[object, int] = {}
    for value in range(int(ReturnValue.INCOMPLETE)):
        special = value if value in SPECIAL else None
        seen.setdefault((before[value], after[value], special), value)
    return tuple(seen.values())


def _way_to(pair: _Pair, came_from: dict[_Pair, tuple[_Pair, Step] | None]) -> tuple[Step, ...]:
    steps: list[Step] = []
    link = came_from[pair]
    while link is not None:
        pair, taken = link
        steps.append(taken)
        link = came_from[pair]
    return tuple(reversed(steps))
