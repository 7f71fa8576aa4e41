"""Find the rules that run at a login at which they were skipped before.

A scenario is one combination of return values with which both stacks let the person in, and in
which a rule runs after the change and did not run before. Of the rules that exist on one side
alone, one combination of values is enough on the free side. On the bound side, each combination
counts that lets the person in, and at least one does. So a condition that has taken the place of
another one is not taken for a change: both may be true for the same people. The search runs twice,
with either side free: it finds people that a condition exempted before the change, and people that
a condition after it names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from creds_session.pam.changes.modules import needed_returns
from creds_session.pam.changes.pairing import Pair
from creds_session.pam.changes.search import Move, Node, Walks
from creds_session.pam.changes.walk import Found, Question, Sides
from creds_session.pam.changes.ways_in import WaysIn
from creds_session.pam.syntax.terms import Pass


class Scenario(NamedTuple):
    """A combination of return values, the question that it answers, and the rules that run newly.

    ``found`` has values for the bound side's own rules too, with which that side lets the person
    in.
    """

    question: Question
    found: Found
    pairs: tuple[Pair, ...]


class _Edge(NamedTuple):
    earlier: Node
    move: Move


class _Way(NamedTuple):
    """The way with the fewest unusual values from a node to the start, or to an end."""

    cost: int
    edge: _Edge | None


def newly_run(sides: Sides, pass_: Pass, pairs: Collection[Pair]) -> Iterator[Scenario]:
    """Yield scenarios until each of these rules that runs newly for somebody is in one of them."""
    left = set(pairs)
    for free in (0, 1):
        if not left:
            return
        scenarios = _Scenarios(sides, pass_, free)
        for pair in sorted(left):
            found = scenarios.of_rule(pair) if pair in left else None
            if found is not None:
                scenario = scenarios.completed(found, left)
                left.difference_update(scenario.pairs)
                yield scenario


class _Scenarios:
    """All walks of one question that let the person in, as nodes between the slots, and edges.

    ``back`` has the best way from each node to the start, and ``on`` the best way to an end.
    """

    def __init__(self, sides: Sides, pass_: Pass, free: int) -> None:
        own = (needed_returns, needed_returns)
        self.question = Question(free, is_in=True, values=own, starves=True, common=needed_returns)
        self.walks = Walks(sides, pass_, self.question)
        choices = self.walks.choices
        slots = enumerate(map(choices.pair, self.walks.slots))
        self.last_slot = {pair: number for number, pair in slots if pair is not None}
        self.living = WaysIn(choices, 0).living, WaysIn(choices, 1).living
        self.edges: list[list[_Edge]] = []
        self.back = [{self.walks.first: _Way(0, None)}]
        for number in range(len(self.walks.slots)):
            known = self.back[-1]
            edges = [_Edge(n, move) for n in known for move in self._moves(n, number)]
            self.edges.append(edges)
            self.back.append(_best((e.move.node, known[e.earlier], e) for e in edges))
        self.on = [dict.fromkeys(self.back[-1], _Way(0, None))]
        for edges in reversed(self.edges):
            known = self.on[0]
            good = [edge for edge in edges if edge.move.node in known]
            self.on.insert(0, _best((e.earlier, known[e.move.node], e) for e in good))

    def _moves(self, node: Node, number: int) -> Iterator[Move]:
        """Yield where a slot leads, without the walks that can let the person in no more."""
        for move in self.walks.moves(node, number):
            free, bound = move.node.free, move.node.bound & self.living[self.walks.bound]
            if free in self.living[self.walks.free] and bound:
                yield move._replace(node=move.node._replace(bound=bound))

    def of_rule(self, pair: Pair) -> Found | None:
        """Return the least unusual combination in which a rule runs newly, or None."""
        number = self.last_slot[pair]
        back, on = self.back[number], self.on[number + 1]
        ways = [
            (back[edge.earlier].cost + edge.move.cost + on[edge.move.node].cost, edge)
            for edge in self.edges[number]
            if edge.move.node in on and self._is_newly_run(number, edge.earlier)
        ]
        if not ways:
            return None
        edge = min(ways, key=lambda way: way[0])[1]
        return self.walks.choices.found(
            one.move.chosen for one in self._through(number, edge) if one.move.chosen
        )

    def completed(self, found: Found, pairs: Collection[Pair]) -> Scenario:
        """Return the scenario of a combination, with those of these rules that run newly in it."""
        choices = self.walks.choices
        before, after = (WaysIn(choices, side, found.values[side]) for side in (0, 1))
        newly = [
            pair
            for pair in sorted(pairs)
            if before.is_on_none(pair.before) and after.is_on_each(pair.after)
        ]
        values = (
            {**before.most_usual(), **found.values[0]},
            {**after.most_usual(), **found.values[1]},
        )
        return Scenario(self.question, found._replace(values=values), tuple(newly))

    def _is_newly_run(self, number: int, node: Node) -> bool:
        """Return whether a rule runs now and was skipped before, in the last of its slots.

        If the rule has moved, the memory has its answer if it ran in its other slot. If only some
        walks of the bound side ran it, that depends on the bound side's own rules.
        """
        slot = self.walks.slots[number]
        ran: list[bool] = []
        for side, place in enumerate((slot.before, slot.after)):
            ats = (node.free,) if side == self.walks.free else node.bound
            here = {at.state.at == place for at in ats}
            if place is None:
                known = dict(node.memory).get(slot.variable or 0)
                here = {known is not None} | ({False} if known and not known.is_on_each else set())
            if len(here) > 1:
                return False
            ran += here
        return ran == [False, True]

    def _through(self, number: int, edge: _Edge) -> Iterator[_Edge]:
        """Yield the edges of the best way through an edge, the last one first."""
        behind: list[_Edge] = []
        following = self.on[number + 1][edge.move.node].edge
        while following is not None:
            behind.append(following)
            following = self.on[number + 1 + len(behind)][following.move.node].edge
        yield from reversed(behind)
        earlier: _Edge | None = edge
        while earlier is not None:
            yield earlier
            earlier = self.back[number][earlier.earlier].edge
            number -= 1


def _best(ways: Iterator[tuple[Node, _Way, _Edge]]) -> dict[Node, _Way]:
    """Return the cheapest way for each node."""
    best: dict[Node, _Way] = {}
    for node, way, edge in ways:
        cost = way.cost + edge.move.cost
        if node not in best or best[node].cost > cost:
            best[node] = _Way(cost, edge)
    return best
