"""Look for one combination of return values that a change treats in another way.

One side is free: of its own rules, one combination of values is enough. The other side is bound: it
must come to the opposite result for every combination of values of its own rules. The search keeps
sets of states, not paths, so that its cost grows with the number of rules and not with the number
of combinations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from creds_session.pam.changes.walk import (
    At,
    Choices,
    Chosen,
    Found,
    Memory,
    Question,
    Remembered,
    Sides,
)
from creds_session.pam.syntax.terms import Pass


class Node(NamedTuple):
    """The walk along the free side, every walk that is possible along the bound side, and more."""

    free: At
    bound: frozenset[At]
    memory: Memory = ()


class Move(NamedTuple):
    """A node after one slot, what was chosen in the slot, and how unusual that is."""

    node: Node
    chosen: Chosen | None
    cost: int


class Walks:
    """The walks along both stacks for one question."""

    def __init__(self, sides: Sides, pass_: Pass, question: Question) -> None:
        self.slots = sides.pairing.slots
        self.choices = Choices(sides, pass_, question)
        self.free, self.bound = question.free, 1 - question.free
        bound = frozenset({self.choices.first(self.bound)})
        self.first = Node(self.choices.first(self.free), bound)

    def moves(self, node: Node, number: int) -> Iterator[Move]:
        """Yield where the slot with a number leads."""
        slot = self.slots[number]
        both = (slot.before, slot.after)
        runs = node.free.state.at == both[self.free]
        running = frozenset(at for at in node.bound if at.state.at == both[self.bound])
        remembered, step = self.choices.remembered, self.choices.step
        if self.choices.pair(slot) is None and running:
            # This is the bound side's own rule: each value leads somewhere.
            every = self.choices.of_slot(slot, ())
            stepped = {step(self.bound, at, one) for at in running for _, one in every}
            yield Move(node._replace(bound=(node.bound - running) | stepped), None, 0)
        elif not runs and not running:
            yield Move(node._replace(memory=remembered(node.memory, number, slot)), None, 0)
        else:
            is_on_each = runs or running == node.bound
            for cost, answer in self.choices.of_slot(slot, node.memory):
                free = step(self.free, node.free, answer) if runs else node.free
                stepped = {step(self.bound, at, answer) for at in running}
                known = Remembered(answer, is_on_each)
                memory = remembered(node.memory, number, slot, known)
                following = Node(free, (node.bound - running) | stepped, memory)
                yield Move(following, Chosen(slot, answer), cost)


class _Link(NamedTuple):
    cost: int
    earlier: Node | None
    chosen: Chosen | None


def search(sides: Sides, pass_: Pass, question: Question) -> Found | None:
    """Return the combination that answers the question with the fewest unusual values, or None."""
    walks = Walks(sides, pass_, question)
    layers: list[dict[Node, _Link]] = [{walks.first: _Link(0, None, None)}]
    for number in range(len(walks.slots)):
        layer: dict[Node, _Link] = {}
        for node, link in layers[-1].items():
            for following, chosen, cost in walks.moves(node, number):
                total = link.cost + cost
                known = layer.get(following)
                if known is None or known.cost > total:
                    layer[following] = _Link(total, node, chosen)
        layers.append(layer)
    lets_in, wanted = walks.choices.lets_in, question.is_in
    ends = [
        (link.cost, node)
        for node, link in layers[-1].items()
        if lets_in(node.free) is wanted and not any(lets_in(at) is wanted for at in node.bound)
    ]
    if not ends:
        return None
    end = min(ends, key=lambda end: end[0])[1]
    return walks.choices.found(_chosen(end, layers))


def _chosen(end: Node, layers: list[dict[Node, _Link]]) -> Iterator[Chosen]:
    """Yield what was chosen on the way to the end, the last one first."""
    here: Node | None = end
    for layer in reversed(layers[1:]):
        if here is None:
            return
        link = layer[here]
        if link.chosen is not None:
            yield link.chosen
        here = link.earlier
