"""Look for one combination of return values that a change treats in another way.

One side is free: of its own rules, one combination of values is enough. The other side is bound: it
must come to the opposite result for every combination of values of its own rules. The rules that
both sides have return the same on both. The walk keeps sets of states, not paths, so that its cost
grows with the number of rules and not with the number of combinations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from creds_session.pam.changes.answers import Answer, answers
from creds_session.pam.changes.modules import Machine, has_asked, is_dependent
from creds_session.pam.changes.pairing import Pairing, Slot
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


class _Node(NamedTuple):
    free: At
    bound: frozenset[At]
    memory: tuple[tuple[int, Answer], ...] = ()


class _Link(NamedTuple):
    cost: int
    earlier: _Node | None
    chosen: Chosen | None


def is_let_in(result: int, pass_: Pass) -> bool:
    """Return whether an application goes on: an expired password is changed, and refuses nobody."""
    return result == SUCCESS or (result == RENEW and pass_ is Pass.ACCT_MGMT)


def search(sides: Sides, pass_: Pass, question: Question) -> Found | None:
    """Return the combination that answers the question with the fewest unusual values, or None."""
    return _Search(sides, pass_, question).run()


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


class _Search:
    def __init__(self, sides: Sides, pass_: Pass, question: Question) -> None:
        self.sides, self.pass_, self.question = sides, pass_, question
        self.free, self.bound = question.free, 1 - question.free
        self.last_slot = {
            slot.variable: number
            for number, slot in enumerate(sides.pairing.slots)
            if slot.variable is not None
        }
        pairs = sides.pairing.pairs
        self.pair_of = {p.before: p for p in pairs}, {p.after: p for p in pairs}
        self.known: dict[tuple[int, int], list[tuple[int, Answer]]] = {}

    def run(self) -> Found | None:
        stacks = self.sides.stacks
        first = _Node(At(start(stacks[self.free])), frozenset({At(start(stacks[self.bound]))}))
        layers: list[dict[_Node, _Link]] = [{first: _Link(0, None, None)}]
        for number, slot in enumerate(self.sides.pairing.slots):
            layer: dict[_Node, _Link] = {}
            for node, link in layers[-1].items():
                for following, chosen, cost in self._moves(node, number, slot):
                    total = link.cost + cost
                    known = layer.get(following)
                    if known is None or known.cost > total:
                        layer[following] = _Link(total, node, chosen)
            layers.append(layer)
        ends = [(link.cost, node) for node, link in layers[-1].items() if self._answers(node)]
        if not ends:
            return None
        return self._found(min(ends, key=lambda end: end[0])[1], layers)

    def _answers(self, node: _Node) -> bool:
        wanted = self.question.is_in
        if is_let_in(verdict(node.free.state), self.pass_) is not wanted:
            return False
        results = (is_let_in(verdict(at.state), self.pass_) for at in node.bound)
        return not any(result is wanted for result in results)

    def _moves(
        self, node: _Node, number: int, slot: Slot
    ) -> Iterator[tuple[_Node, Chosen | None, int]]:
        """Yield the nodes after one slot, each with what was chosen, and how unusual that is."""
        free_place, bound_place = self._places(slot)
        runs = node.free.state.at == free_place
        running = frozenset(at for at in node.bound if at.state.at == bound_place)
        pair = self._pair(slot)
        if pair is None and running:  # the bound side's own rule: each value leads somewhere
            every = self._own_answers(self.bound, bound_place or 0)
            stepped = {self._step(self.bound, at, one) for at in running for _, one in every}
            yield node._replace(bound=(node.bound - running) | stepped), None, 0
        elif not runs and not running:
            yield self._forget(node, number, slot), None, 0
        else:
            for cost, answer in self._choices(node, slot, pair):
                free = self._step(self.free, node.free, answer) if runs else node.free
                stepped = {self._step(self.bound, at, answer) for at in running}
                memory = node.memory
                if slot.variable is not None and slot.variable not in dict(memory):
                    memory = (*memory, (slot.variable, answer))
                following = _Node(free, (node.bound - running) | stepped, memory)
                yield self._forget(following, number, slot), Chosen(slot, answer), cost

    def _forget(self, node: _Node, number: int, slot: Slot) -> _Node:
        """Forget the answer of a rule that moved when both of its slots have been visited."""
        if slot.variable is None or self.last_slot[slot.variable] != number:
            return node
        memory = tuple(item for item in node.memory if item[0] != slot.variable)
        return node._replace(memory=memory)

    def _places(self, slot: Slot) -> tuple[int | None, int | None]:
        both = (slot.before, slot.after)
        return both[self.free], both[self.bound]

    def _step(self, side: int, at: At, answer: Answer) -> At:
        value = (answer.before, answer.after)[side]
        stack = self.sides.stacks[side]
        return plain(advance(stack, at, value, self.pass_, starves=self.question.starves)[0])

    def _choices(
        self, node: _Node, slot: Slot, pair: tuple[int, int] | None
    ) -> list[tuple[int, Answer]]:
        """Return what the rules of a slot may return, each with the cost of being unusual."""
        if slot.variable is not None and slot.variable in dict(node.memory):
            return [(0, dict(node.memory)[slot.variable])]
        if pair is None:
            return self._own_answers(self.free, self._places(slot)[0] or 0)
        if pair not in self.known:
            one, other = self._handler(0, pair[0]), self._handler(1, pair[1])
            found = answers(one, other, self.pass_, self.sides.machines)
            if self.question.common is not None:
                allowed = self.question.common(one, self.pass_, self.sides.machines[0])
                found = tuple(answer for answer in found if answer.before in allowed)
            if pair[0] in self.question.fresh:
                limit = self.question.values[1](other, self.pass_, self.sides.machines[1])
                found = tuple(answer for answer in found if answer.after in limit)
            self.known[pair] = _distinct(found, one, other)
        return self.known[pair]

    def _own_answers(self, side: int, index: int) -> list[tuple[int, Answer]]:
        """Return what a rule may return that exists on one side alone."""
        handler = self._handler(side, index)
        values = self.question.values[side](handler, self.pass_, self.sides.machines[side])
        return _distinct([Answer(value, value) for value in values], handler, handler)

    def _pair(self, slot: Slot) -> tuple[int, int] | None:
        """Return the rules that answer together in a slot, or None if the rule has no pair."""
        if slot.before is not None:
            return self.pair_of[0].get(slot.before)
        return self.pair_of[1].get(slot.after or 0)

    def _handler(self, side: int, index: int) -> Handler:
        return self.sides.stacks[side].handlers[index]

    def _found(self, node: _Node, layers: list[dict[_Node, _Link]]) -> Found:
        values: tuple[dict[int, int], dict[int, int]] = ({}, {})
        who = ""
        here: _Node | None = node
        for layer in reversed(layers[1:]):
            if here is None:
                break
            link = layer[here]
            if link.chosen is not None:
                who = link.chosen.answer.who or who
                self._note(values, link.chosen)
            here = link.earlier
        return Found(values, who)

    def _note(self, values: tuple[dict[int, int], dict[int, int]], chosen: Chosen) -> None:
        pair = self._pair(chosen.slot) or (chosen.slot.before, chosen.slot.after)
        for side, index in enumerate(pair):
            if index is not None:
                values[side][index] = (chosen.answer.before, chosen.answer.after)[side]


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
