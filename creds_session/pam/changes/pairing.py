"""Pair the rules of a stack before a change with the rules after it.

Two rules are a pair if they run the same module for the same task. A pair answers the same to the
same person, wherever its rules stand. Pairs that keep their order are found first; what is left is
paired if it only moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from creds_session.pam.changes.modules import is_same_kind
from creds_session.pam.stack.handlers import Handler, Stack

MOST_MOVED = 5
"""The most rules whose answers a walk remembers; each can multiply its states by four."""


MOST_COMPARED = 250_000
"""The most pairs of rules that are weighed against each other; real stacks have about 30 rules."""


class Slot(NamedTuple):
    """A place in the common order of both stacks: the index of a rule before, after, or both.

    ``variable`` is the same number in two slots if a rule has moved.
    """

    before: int | None
    after: int | None
    variable: int | None = None


class Pair(NamedTuple):
    """The indexes of a rule before and after the change."""

    before: int
    after: int


class Pairing(NamedTuple):
    """All slots in order, and all pairs."""

    slots: tuple[Slot, ...]
    pairs: tuple[Pair, ...]

    @property
    def added(self) -> tuple[int, ...]:
        """The indexes of the rules that exist only after the change."""
        paired = {pair.after for pair in self.pairs}
        return tuple(s.after for s in self.slots if s.after is not None and s.after not in paired)

    @property
    def gone(self) -> tuple[int, ...]:
        """The indexes of the rules that exist only before the change."""
        paired = {pair.before for pair in self.pairs}
        return tuple(
            s.before for s in self.slots if s.before is not None and s.before not in paired
        )


def pair_rules(before: Stack, after: Stack) -> Pairing:
    """Return the pairs of two stacks, and the order in which a walk visits their rules."""
    was, now = _rules(before), _rules(after)
    kept = _kept(was, now)
    moved = _moved(was, now, kept)
    number_of = {pair: number for number, pair in enumerate(moved)}
    before_of = {pair.before: number_of[pair] for pair in moved}
    after_of = {pair.after: number_of[pair] for pair in moved}
    slots: list[Slot] = []
    at_was = at_now = 0
    ends = Pair(len(before.handlers), len(after.handlers))
    for pair in [*kept, ends]:
        while at_was < len(was) and was[at_was][0] < pair.before:
            slots.append(Slot(was[at_was][0], None, before_of.get(was[at_was][0])))
            at_was += 1
        while at_now < len(now) and now[at_now][0] < pair.after:
            slots.append(Slot(None, now[at_now][0], after_of.get(now[at_now][0])))
            at_now += 1
        if pair is not ends:
            slots.append(Slot(pair.before, pair.after))
            at_was += 1
            at_now += 1
    return Pairing(tuple(slots), tuple(sorted([*kept, *moved])))


_Rules = list[tuple[int, Handler]]


def _rules(stack: Stack) -> _Rules:
    return [(i, handler) for i, handler in enumerate(stack.handlers) if not handler.is_substack]


def _weight(one: Handler, other: Handler) -> int:
    """Return how alike two rules are; 0 if they are no pair."""
    if not is_same_kind(one, other):
        return 0
    same = (one.arguments == other.arguments, one.actions == other.actions)
    return 8 + 4 * same[0] + 2 * same[1] + (one.origin.file == other.origin.file)


def _kept(was: _Rules, now: _Rules) -> list[Pair]:
    """Return the pairs that keep their order; the same beginning and end need no search."""
    head = 0
    while head < min(len(was), len(now)) and _is_equal(was[head], now[head]):
        head += 1
    tail = 0
    while tail < min(len(was), len(now)) - head and _is_equal(was[-1 - tail], now[-1 - tail]):
        tail += 1
    first = [Pair(one[0], other[0]) for one, other in zip(was[:head], now[:head])]
    last = zip(was[len(was) - tail :], now[len(now) - tail :])
    middle = was[head : len(was) - tail], now[head : len(now) - tail]
    found = _in_order(*middle) if len(middle[0]) * len(middle[1]) <= MOST_COMPARED else []
    return [*first, *found, *(Pair(one[0], other[0]) for one, other in last)]


def _is_equal(one: tuple[int, Handler], other: tuple[int, Handler]) -> bool:
    same = one[1].arguments == other[1].arguments and one[1].actions == other[1].actions
    return same and is_same_kind(one[1], other[1])


def _in_order(was: _Rules, now: _Rules) -> list[Pair]:
    """Return the heaviest pairs that keep their order (a longest common subsequence)."""
    best = [[0] * (len(now) + 1) for _ in range(len(was) + 1)]
    weights = [[_weight(one, other) for _, other in now] for _, one in was]
    for i in reversed(range(len(was))):
        for j in reversed(range(len(now))):
            taken = weights[i][j] + best[i + 1][j + 1] if weights[i][j] else 0
            best[i][j] = max(taken, best[i + 1][j], best[i][j + 1])
    pairs: list[Pair] = []
    i = j = 0
    while i < len(was) and j < len(now):
        if weights[i][j] and best[i][j] == weights[i][j] + best[i + 1][j + 1]:
            pairs.append(Pair(was[i][0], now[j][0]))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _moved(was: _Rules, now: _Rules, kept: Sequence[Pair]) -> list[Pair]:
    """Return the pairs among the rules that are left: these rules have moved."""
    before, after = {pair.before for pair in kept}, {pair.after for pair in kept}
    left = [(i, handler) for i, handler in now if i not in after]
    gone = [(i, handler) for i, handler in was if i not in before]
    pairs: list[Pair] = []
    for i, one in gone if len(gone) * len(left) <= MOST_COMPARED else ():
        if len(pairs) == MOST_MOVED:
            break
        ranked = sorted(left, key=lambda item: (-_weight(one, item[1]), item[0]))
        if ranked and _weight(one, ranked[0][1]):
            pairs.append(Pair(i, ranked[0][0]))
            left.remove(ranked[0])
    return pairs
