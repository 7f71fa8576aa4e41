"""Walk along both stacks at once, slot by slot: what the rules of a slot may return, and what then.

The rules that both sides have return the same on both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from creds_session.pam.changes.answers import Answer, answers
from creds_session.pam.changes.modules import Machine, has_asked, is_dependent
from creds_session.pam.changes.pairing import Pair, Pairing, Slot
from creds_session.pam.stack.dispatch import State, action_for, start, step, verdict
from creds_session.pam.stack.handlers import Handler, Stack
from creds_session.pam.syntax.terms import Pass, ReturnValue

SUCCESS, FAILURE = int(ReturnValue.SUCCESS), int(ReturnValue.PERM_DENIED)
IGNORE, RENEW = int(ReturnValue.IGNORE), int(ReturnValue.NEW_AUTHTOK_REQD)
STARVED = int(ReturnValue.AUTHTOK_ERR)
"""What a module returns if no earlier module has asked for the password that it needs."""
_KINDS = frozenset({SUCCESS, IGNORE, RENEW})

Values = Callable[[Handler, Pass, Machine], frozenset[int]]


class Question(NamedTuple):
    """What is looked for: the free side lets somebody in (or not), and the other side does not.

    ``free`` is 0 for the stack before the change, 1 for the one after it. ``is_in`` is the result
    on the free side. ``values`` are what the rules that exist on one side alone may return, before
    and after. ``starves``: a module that needs a password that nobody has asked for fails.
    ``common`` limits what the rules of both sides may return. The rules with the indexes ``fresh``
    before are limited after the change as if they were new.
    """

    free: int
    is_in: bool
    values: tuple[Values, Values]
    starves: bool
    common: Values | None = None
    fresh: frozenset[int] = frozenset()


class Sides(NamedTuple):
    """Both stacks of one management group, their pairs, and the systems that they belong to."""

    stacks: tuple[Stack, Stack]
    pairing: Pairing
    machines: tuple[Machine, Machine]


class At(NamedTuple):
    """The state of one walk; ``asked``: a module has asked for the password."""

    state: State
    asked: bool = False


class Chosen(NamedTuple):
    """What the rules of one slot were chosen to return."""

    slot: Slot
    answer: Answer


class Found(NamedTuple):
    """A combination of return values, by the indexes of the rules before and after."""

    values: tuple[dict[int, int], dict[int, int]]
    who: str = ""


class Remembered(NamedTuple):
    """What a rule that has moved returned in the first of its slots.

    ``is_on_each``: on its side, every walk ran it there. There are several on the bound side.
    """

    answer: Answer
    is_on_each: bool


Memory = tuple[tuple[int, Remembered], ...]
"""The answers of rules that have moved and whose other slot is still to come, by variable."""


def is_let_in(result: int, pass_: Pass) -> bool:
    """Return whether an application goes on: an expired password is changed, and refuses nobody."""
    return result == SUCCESS or (result == RENEW and pass_ is Pass.ACCT_MGMT)


def advance(stack: Stack, at: At, returned: int, pass_: Pass, *, starves: bool) -> tuple[At, int]:
    """Return the walk after its next rule has returned a value, and the value that it returned."""
    handler = stack.handlers[at.state.at]
    if starves and not at.asked and is_dependent(handler, pass_) and returned != IGNORE:
        returned = STARVED
    state = step(stack, at.state, returned, is_frozen=pass_.is_frozen)
    return At(state, at.asked or (starves and has_asked(handler, returned, pass_))), returned


def plain(at: At) -> At:
    """Return the walk with one value for all failures, so that there are fewer states."""
    if at.state.status in {SUCCESS, FAILURE, RENEW}:
        return at
    return at._replace(state=at.state._replace(status=FAILURE))


class Choices:
    """What the rules of each slot may return, for one question about one pass."""

    def __init__(self, sides: Sides, pass_: Pass, question: Question) -> None:
        self._sides, self._pass, self._question = sides, pass_, question
        self._last_slot = {
            slot.variable: number
            for number, slot in enumerate(sides.pairing.slots)
            if slot.variable is not None
        }
        pairs = sides.pairing.pairs
        self._pair_of = {p.before: p for p in pairs}, {p.after: p for p in pairs}
        self._known: dict[tuple[int, int], list[tuple[int, Answer]]] = {}

    def first(self, side: int) -> At:
        """Return the start of a walk along one stack."""
        return At(start(self._sides.stacks[side]))

    def step(self, side: int, at: At, answer: Answer) -> At:
        """Return the walk along one stack after its next rule has given its answer."""
        value = (answer.before, answer.after)[side]
        stack = self._sides.stacks[side]
        return plain(advance(stack, at, value, self._pass, starves=self._question.starves)[0])

    def is_end(self, side: int, at: At) -> bool:
        """Return whether no rule of a stack is left."""
        return at.state.at >= len(self._sides.stacks[side].handlers)

    def lets_in(self, at: At) -> bool:
        """Return whether somebody is let in at the end of a walk."""
        return is_let_in(verdict(at.state), self._pass)

    def pair(self, slot: Slot) -> Pair | None:
        """Return the rules that answer together in a slot, or None if the rule has no pair."""
        if slot.before is not None:
            return self._pair_of[0].get(slot.before)
        return self._pair_of[1].get(slot.after or 0)

    def is_own(self, side: int, index: int) -> bool:
        """Return whether a rule exists on one side alone."""
        return index not in self._pair_of[side]

    def of_rule(self, side: int, index: int) -> list[tuple[int, Answer]]:
        """Return what a rule may return if nothing has been chosen for it."""
        return self.of_slot(Slot(None, index) if side else Slot(index, None), ())

    def is_last(self, number: int, slot: Slot) -> bool:
        """Return whether no other slot of the same rule is still to come."""
        return slot.variable is None or self._last_slot[slot.variable] == number

    def of_slot(self, slot: Slot, memory: Memory) -> list[tuple[int, Answer]]:
        """Return what the rules of a slot may return, each with the cost of being unusual."""
        if slot.variable is not None and slot.variable in dict(memory):
            return [(0, dict(memory)[slot.variable].answer)]
        pair = self.pair(slot)
        if pair is None:
            return self._own(slot)
        if pair not in self._known:
            self._known[pair] = self._common(pair)
        return self._known[pair]

    def _common(self, pair: Pair) -> list[tuple[int, Answer]]:
        question, machines = self._question, self._sides.machines
        one, other = self._handler(0, pair.before), self._handler(1, pair.after)
        found = answers(one, other, self._pass, machines)
        if question.common is not None:
            allowed = question.common(one, self._pass, machines[0])
            found = tuple(answer for answer in found if answer.before in allowed)
        if pair.before in question.fresh:
            limit = question.values[1](other, self._pass, machines[1])
            found = tuple(answer for answer in found if answer.after in limit)
        return _distinct(found, one, other)

    def _own(self, slot: Slot) -> list[tuple[int, Answer]]:
        """Return what a rule may return that exists on one side alone."""
        side = 0 if slot.before is not None else 1
        handler = self._handler(side, slot[side] or 0)
        machine = self._sides.machines[side]
        values = self._question.values[side](handler, self._pass, machine)
        return _distinct([Answer(value, value) for value in values], handler, handler)

    def _handler(self, side: int, index: int) -> Handler:
        return self._sides.stacks[side].handlers[index]

    def remembered(
        self, memory: Memory, number: int, slot: Slot, answer: Remembered | None = None
    ) -> Memory:
        """Return the memory after a slot. ``answer``: the rule ran in this slot, and returned it.

        The answer of a rule that moved is forgotten when both of its slots have been visited.
        """
        if slot.variable is None:
            return memory
        if self.is_last(number, slot):
            return tuple(item for item in memory if item[0] != slot.variable)
        if answer is None or slot.variable in dict(memory):
            return memory
        return (*memory, (slot.variable, answer))

    def found(self, chosen: Iterable[Chosen]) -> Found:
        """Return what was chosen, the last choice first, by the indexes of the rules."""
        values: tuple[dict[int, int], dict[int, int]] = ({}, {})
        who = ""
        for slot, answer in chosen:
            who = answer.who or who
            pair = self.pair(slot) or (slot.before, slot.after)
            for side, index in enumerate(pair):
                if index is not None:
                    values[side][index] = (answer.before, answer.after)[side]
        return Found(values, who)


_COSTS = {SUCCESS: 0, int(ReturnValue.AUTH_ERR): 1, IGNORE: 2}


def _distinct(found: Iterable[Answer], one: Handler, other: Handler) -> list[tuple[int, Answer]]:
    """Return one answer for each effect in libpam, with its cost: the most usual one."""
    distinct: dict[object, tuple[int, Answer]] = {}
    for cost, answer in sorted((_cost(answer), answer) for answer in found):
        effect = (
            (action_for(one, answer.before), _kind(answer.before)),
            (action_for(other, answer.after), _kind(answer.after)),
        )
        distinct.setdefault(effect, (cost, answer))
    return list(distinct.values())


def _kind(value: int) -> int:
    """Return success, ignore, an expired password, or one value for every failure."""
    return value if value in _KINDS else FAILURE


def _cost(answer: Answer) -> int:
    """Return how unusual an answer is; so the shortest explanation is found."""
    cost = _COSTS.get(answer.before, 3)
    return cost if answer.before == answer.after else cost + 4
