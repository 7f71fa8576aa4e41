"""Look for one combination of return values that a change treats in another way.

One side is free: of its own rules, one combination of values is enough. The other side is bound: it
must come to the opposite result for every combination of values of its own rules. The search keeps
sets of states, not paths, so that its cost grows with the number of rules and not with the number
of combinations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from creds_session.pam.changes.pairing import Slot
from creds_session.pam.changes.walk import (
    At,
    Choices,
    Chosen,
    Found,
    Memory,
    Question,
    Sides,
)
from creds_session.pam.syntax.terms import Pass


class _Node(NamedTuple):
    free: At
    bound: frozenset[At]
    memory: Memory = ()


class _Link(NamedTuple):
    cost: int
    earlier: _Node | None
    chosen: Chosen | None


def search(sides: Sides, pass_: Pass, question: Question) -> Found | None:
    """Return the combination that answers the question with the fewest unusual values, or None."""
    return _Search(sides, pass_, question).run()


class _Search:
    def __init__(self, sides: Sides, pass_: Pass, question: Question) -> None:
        self.slots, self.wanted = sides.pairing.slots, question.is_in
        self.choices = Choices(sides, pass_, question)
        self.free, self.bound = question.free, 1 - question.free

    def run(self) -> Found | None:
        first = _Node(self.choices.first(self.free), frozenset({self.choices.first(self.bound)}))
        layers: list[dict[_Node, _Link]] = [{first: _Link(0, None, None)}]
        for number, slot in enumerate(self.slots):
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
        end = min(ends, key=lambda end: end[0])[1]
        return self.choices.found(_chosen(end, layers))

    def _answers(self, node: _Node) -> bool:
        if self.choices.lets_in(node.free) is not self.wanted:
            return False
        return not any(self.choices.lets_in(at) is self.wanted for at in node.bound)

    def _moves(
        self, node: _Node, number: int, slot: Slot
    ) -> Iterator[tuple[_Node, Chosen | None, int]]:
        """Yield the nodes after one slot, each with what was chosen, and how unusual that is."""
        both = (slot.before, slot.after)
        runs = node.free.state.at == both[self.free]
        running = frozenset(at for at in node.bound if at.state.at == both[self.bound])
        remembered, step = self.choices.remembered, self.choices.step
        if self.choices.pair(slot) is None and running:
            # This is the bound side's own rule: each value leads somewhere.
            every = self.choices.of_slot(slot, ())
            stepped = {step(self.bound, at, one) for at in running for _, one in every}
            yield node._replace(bound=(node.bound - running) | stepped), None, 0
        elif not runs and not running:
            yield node._replace(memory=remembered(node.memory, number, slot)), None, 0
        else:
            for cost, answer in self.choices.of_slot(slot, node.memory):
                free = step(self.free, node.free, answer) if runs else node.free
                stepped = {step(self.bound, at, answer) for at in running}
                memory = remembered(node.memory, number, slot, answer)
                following = _Node(free, (node.bound - running) | stepped, memory)
                yield following, Chosen(slot, answer), cost


def _chosen(end: _Node, layers: list[dict[_Node, _Link]]) -> Iterator[Chosen]:
    """Yield what was chosen on the way to the end, the last one first."""
    here: _Node | None = end
    for layer in reversed(layers[1:]):
        if here is None:
            return
        link = layer[here]
        if link.chosen is not None:
            yield link.chosen
        here = link.earlier
