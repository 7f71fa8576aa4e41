"""Walk two stacks in step, for every combination of values that the modules may return.

The walk keeps a set of states, not of paths, so its cost grows with the number of rules and not
with the number of combinations.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from creds_session.pam.keyring_rules.choices import (
    FAILURE,
    IGNORE,
    SUCCESS,
    Choice,
    Possible,
    Returns,
    choices,
    our_choices,
)
from creds_session.pam.keyring_rules.counterexample import (
    Breach,
    Counterexample,
    Step,
)
from creds_session.pam.keyring_rules.policy import (
    anchors,
    is_guard,
    may_judge,
    own_rule_indexes,
    starts_daemon,
    why_ineffective,
)
from creds_session.pam.modules.conditions import vouches
from creds_session.pam.modules.returns import ERRORS, asks_new_password, possible_returns
from creds_session.pam.stack.dispatch import State, position, start, step, verdict
from creds_session.pam.stack.handlers import Handler, Stack
from creds_session.pam.syntax.terms import ManagementGroup, Pass


class Aim(enum.Enum):
    """What a walk looks for: different results, or what our rules do with the password.

    LOCK_OUT is VERDICTS without the people who would be let in: a success after a failure is no
    breach then. ORDER compares only which modules run. REACHED_BY_UNKNOWN is REACHED for the
    modules that may check the password, though that is not known.
    """

    VERDICTS = enum.auto()
    LOCK_OUT = enum.auto()
    ORDER = enum.auto()
    REACHED = enum.auto()
    REACHED_TO_START = enum.auto()
    REACHED_BY_UNKNOWN = enum.auto()
    STARTS_EARLY = enum.auto()


class Allowed(NamedTuple):
    """What pam_gnome_keyring may return, and what any other module may return."""

    returns: Returns
    possible: Possible


class _Pair(NamedTuple):
    """The states of both walks, and what has happened on the way.

    ``anchored``: a module accepted the password; ``reached``: our module ran after that. ``asked``:
    the password was asked for; ``ran``: our module ran after that. ``vouched``: a module has
    checked the person.
    """

    before: State
    after: State
    anchored: bool
    reached: bool
    asked: bool
    ran: bool
    vouched: bool


def walk_both(
    before: Stack,
    after: Stack,
    pass_: Pass,
    returns: Returns,
    aim: Aim = Aim.VERDICTS,
    possible: Possible = possible_returns,
) -> Counterexample | None:
    """Walk one pass of both stacks; return the shortest counterexample for the aim, or None."""
    walks = _Walks(before, after, pass_, Allowed(returns, possible), aim)
    first = walks.first()
    came_from: dict[_Pair, tuple[_Pair, Step] | None] = {first: None}
    todo = deque([first])
    while todo:
        pair = todo.popleft()
        breach = walks.breach(pair)
        if breach is not None:
            return Counterexample(breach, pass_, _steps_to(pair, came_from))
        for following, move in walks.following(pair):
            if following not in came_from:
                came_from[following] = (pair, move)
                todo.append(following)
    return None


class _Walks:
    """One pass along both stacks.

    What happened to the password is followed only if the aim needs it.
    """

    def __init__(
        self, before: Stack, after: Stack, pass_: Pass, allowed: Allowed, aim: Aim
    ) -> None:
        self.before, self.after, self.pass_ = before, after, pass_
        self.group = pass_.group
        self.ours = own_rule_indexes(after.handlers)
        self.modules = _ordinals(before, frozenset()), _ordinals(after, self.ours)
        self.aim = aim
        by_unknown = aim is Aim.REACHED_BY_UNKNOWN
        self.must_reach = by_unknown or aim in {Aim.REACHED, Aim.REACHED_TO_START}
        compares = aim in {Aim.VERDICTS, Aim.LOCK_OUT, Aim.ORDER}
        found = may_judge(after.handlers) if by_unknown else anchors(after.handlers, self.group)
        self.anchors = frozenset() if compares else found
        # Only authenticate checks who somebody is.
        asks_who = pass_ is Pass.AUTHENTICATE and self.must_reach
        self.is_vouching = asks_who and bool(self.anchors)
        self.starts = {
            place
            for place in self.ours
            if self.aim is Aim.STARTS_EARLY and starts_daemon(after.handlers[place], after.service)
        }
        self._returns, self._possible = allowed
        self.is_frozen = pass_.is_frozen
        self._choices_at = cache(self._list_choices)

    def first(self) -> _Pair:
        """Return both walks before their first handlers."""
        begin = start(self.before), start(self.after)
        needs_none = not self.anchors and self.aim is not Aim.STARTS_EARLY
        reached, vouched = not self.must_reach, not self.is_vouching
        asked = vouched and self.group is not ManagementGroup.PASSWORD
        flags = (needs_none, reached, asked, vouched, vouched)  # followed if the aim needs them
        return _Pair(*begin, *flags)

    def breach(self, pair: _Pair) -> Breach | None:
        """Return what a pair breaks, or None."""
        was_waiting, waits = self.modules[0][pair.before.at], self.modules[1][pair.after.at]
        if waits is OURS:
            is_early = pair.after.at in self.starts and not pair.anchored
            return Breach.STARTS_EARLY if is_early else None
        if was_waiting != waits:
            return Breach.RUNS_OTHERWISE
        if waits is not None:
            return None
        return self._end(pair)

    def _end(self, pair: _Pair) -> Breach | None:
        """Return what the results of both walks break, or None."""
        was, now = verdict(pair.before) == SUCCESS, verdict(pair.after) == SUCCESS
        if self.must_reach:
            return self._unreached(pair) if now and not pair.reached else None
        if was == now or self.aim not in {Aim.VERDICTS, Aim.LOCK_OUT}:
            return None
        if now and self.aim is Aim.LOCK_OUT:
            return None
        if self.pass_ is Pass.CLOSE_SESSION:
            return Breach.CLOSES_OTHERWISE
        return Breach.LOCK_OUT if was else Breach.LET_IN

    def _unreached(self, pair: _Pair) -> Breach | None:
        """Return what a success without pam_gnome_keyring breaks, or None."""
        if not (pair.vouched or pair.ran):
            return Breach.PASSED_BY
        return Breach.NOT_REACHED if pair.anchored else None

    def following(self, pair: _Pair) -> Iterator[tuple[_Pair, Step]]:
        """Yield the pairs that one more handler can lead to."""
        place = pair.after.at
        handler = position(self.after, pair.after)
        if handler is None:
            return
        is_ours = place in self.ours
        is_anchored = place in self.anchors
        may_vouch = self.is_vouching and vouches(handler, self.after.service)
        for choice in self._choices_at(pair.before.at, place):
            before, anchored, reached = pair.before, pair.anchored, pair.reached
            asked, ran, vouched = pair.asked, pair.ran, pair.vouched
            if is_ours:
                ran |= asked
                # A new password that an earlier module has asked for is available to ours too.
                is_typed = asked and self.group is ManagementGroup.PASSWORD
                reached |= self._counts(handler, choice, anchored=anchored or is_typed)
            else:
                before = self._step(self.before, before, choice)
                is_right = choice.returned == SUCCESS or self.group is ManagementGroup.SESSION
                anchored |= is_anchored and is_right
                asked |= self._asks(place, handler, choice)
                # With `nullok`, a module that asks for nothing returns ignore: no check was made.
                vouched = vouched or (may_vouch and choice.returned not in UNPROVED)
            after = self._step(self.after, pair.after, choice)
            following = _Pair(before, after, anchored, reached, asked, ran, vouched)
            yield following, Step(handler, choice.returned)

    def _asks(self, place: int, handler: Handler, choice: Choice) -> bool:
        """Return whether PAM has a password after this module has run."""
        if self.group is ManagementGroup.PASSWORD:
            return self.must_reach and choice.returned == SUCCESS and asks_new_password(handler)
        return self.is_vouching and place in self.anchors

    def _counts(self, handler: Handler, choice: Choice, *, anchored: bool) -> bool:
        """Return whether a rule of ours has worked, or root's login has skipped it on purpose."""
        if is_guard(handler):
            return choice.returned == SUCCESS
        if self.aim is Aim.REACHED_TO_START and not starts_daemon(handler, self.after.service):
            return False
        # A module may check the password after our rule: our rule has had the password before.
        anchored |= self.aim is Aim.REACHED_BY_UNKNOWN
        return anchored and not why_ineffective(handler, self.after.service)

    def _list_choices(self, was: int, now: int) -> list[Choice]:
        handler = self.after.handlers[now]
        if now in self.ours:
            return our_choices(handler, self.pass_, self._returns, self._possible)
        return choices(self.before.handlers[was], handler, self.pass_, self._possible)

    def _step(self, stack: Stack, state: State, choice: Choice) -> State:
        """Return the next state; all failures become one, since only success counts in the end."""
        state = step(stack, state, choice.returned, cached=choice.cached, is_frozen=self.is_frozen)
        if state.status in {SUCCESS, FAILURE}:
            return state
        return State(state.at, state.impression, FAILURE, state.frames)


OURS = "ours"
UNPROVED = ERRORS | {IGNORE}
"""Values of a module that has not confirmed who the person is."""


def _ordinals(stack: Stack, ours: frozenset[int]) -> tuple[object, ...]:
    """Return for each index of a stack the module of others there, and how many come before it."""
    names: list[object] = [None] * (len(stack.handlers) + 1)
    count = 0
    for index, handler in enumerate(stack.handlers):
        if index in ours:
            names[index] = OURS
        elif not handler.is_substack:
            names[index] = (count, handler.module_path, handler.arguments, handler.must_fail)
            count += 1
    return tuple(names)


def _steps_to(pair: _Pair, came_from: dict[_Pair, tuple[_Pair, Step] | None]) -> tuple[Step, ...]:
    steps: list[Step] = []
    link = came_from[pair]
    while link is not None:
        pair, move = link
        steps.append(move)
        link = came_from[pair]
    return tuple(reversed(steps))
