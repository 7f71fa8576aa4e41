"""Find the rules that run at a login at which they were skipped before.

A scenario is one combination of return values with which both stacks let the person in, and in
which a rule runs after the change and did not run before. Of the rules that exist on one side
alone, one combination of values is enough on the free side, and every combination counts on the
bound side. So a condition that has taken the place of another one is not taken for a change: both
may be true for the same people. The search runs twice, with either side free: it finds people that
a condition exempted before the change, and people that a condition after it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from creds_session.pam.changes.modules import needed_returns
from creds_session.pam.changes.pairing import Pair
from creds_session.pam.changes.search import Move, Node, Walks
from creds_session.pam.changes.walk import Found, Question, Sides
from creds_session.pam.syntax.terms import Pass


class Scenario(NamedTuple):
    """A combination of return values, and the question that it answers."""

    question: Question
    found: Found


class _Edge(NamedTuple):
    earlier: Node
    move: Move


class _Way(NamedTuple):
    """The way with the fewest unusual values from a node to the start, or to an end."""

    cost: int
    edge: _Edge | None


def newly_run(sides: Sides, pass_: Pass) -> dict[Pair, Scenario]:
    """Return each rule that runs newly for somebody, with the scenario that shows it."""
    return {**_Scenarios(sides, pass_, 1).all(), **_Scenarios(sides, pass_, 0).all()}


class _Scenarios:
    """All walks of one question, as nodes between the slots and edges across them.

    ``back`` has the best way from each node to the start, and ``on`` the best way to an end at
    which both sides let the person in.
    """

    def __init__(self, sides: Sides, pass_: Pass, free: int) -> None:
        own = (needed_returns, needed_returns)
        self.question = Question(free, is_in=True, values=own, starves=True, common=needed_returns)
        self.walks = Walks(sides, pass_, self.question)
        self.edges: list[list[_Edge]] = []
        self.back = [{self.walks.first: _Way(0, None)}]
        for number in range(len(self.walks.slots)):
            known = self.back[-1]
            edges = [_Edge(n, move) for n in known for move in self.walks.moves(n, number)]
            self.edges.append(edges)
            self.back.append(_best((e.move.node, known[e.earlier], e) for e in edges))
        ends = filter(self._is_let_in, self.back[-1])
        self.on = [dict.fromkeys(ends, _Way(0, None))]
        for edges in reversed(self.edges):
            known = self.on[0]
            good = [edge for edge in edges if edge.move.node in known]
            self.on.insert(0, _best((e.earlier, known[e.move.node], e) for e in good))

    def all(self) -> dict[Pair, Scenario]:
        """Return each rule with its least unusual scenario."""
        found: dict[Pair, Scenario] = {}
        for number, slot in enumerate(self.walks.slots):
            pair = self.walks.choices.pair(slot)
            if pair is None or not self.walks.choices.is_last(number, slot):
                continue
            back, on = self.back[number], self.on[number + 1]
            ways = [
                (back[edge.earlier].cost + edge.move.cost + on[edge.move.node].cost, edge)
                for edge in self.edges[number]
                if edge.move.node in on and self._is_newly_run(number, edge.earlier)
            ]
            if ways:
                edge = min(ways, key=lambda way: way[0])[1]
                values = self.walks.choices.found(
                    one.move.chosen for one in self._through(number, edge) if one.move.chosen
                )
                found[pair] = Scenario(self.question, values)
        return found

    def _is_let_in(self, node: Node) -> bool:
        lets_in = self.walks.choices.lets_in
        return lets_in(node.free) and any(map(lets_in, node.bound))

    def _is_newly_run(self, number: int, node: Node) -> bool:
        """Return whether a rule runs now and was skipped before, in the last of its slots.

        If the rule has moved, the memory has its answer if it ran in its other slot.
        """
        slot = self.walks.slots[number]
        places = slot.before, slot.after
        ran: list[bool] = []
        for side, place in enumerate(places):
            ats = (node.free,) if side == self.walks.free else node.bound
            here = {at.state.at == place for at in ats}
            if place is None:
                ran.append(slot.variable in dict(node.memory))
            elif len(here) > 1:
                return False  # it depends on the bound side's own rules
            else:
                ran.append(True in here)
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
