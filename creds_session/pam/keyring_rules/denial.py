"""Whether a stack lets a wrong password in.

The modules that are known may return what ``wrong_password`` says: one way is enough. A module of
which nothing is known never makes the difference: the wrong password must be let in by whatever
that module returns but success.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from creds_session.pam.keyring_rules.counterexample import Breach, Counterexample, Step
from creds_session.pam.keyring_rules.wrong_password import (
    IGNORE,
    PROVED,
    SETTLED,
    SUCCESS,
    is_judged,
    possible,
)
from creds_session.pam.modules.returns import ALL
from creds_session.pam.stack.dispatch import State, action_for, position, start, step, verdict
from creds_session.pam.stack.handlers import Handler, Stack
from creds_session.pam.syntax.terms import Pass, ReturnValue

FAILURE = int(ReturnValue.PERM_DENIED)
AUTH_ERR = int(ReturnValue.AUTH_ERR)
MOST_QUESTIONS = 8
"""Questions whose answers are remembered: each one more can double the places of a walk."""

_Question = tuple[str, tuple[str, ...]]


class _Place(NamedTuple):
    """Where a walk stands, and what was answered to questions that come again."""

    state: State
    answers: frozenset[tuple[_Question, int]]


class _Move(NamedTuple):
    """What a handler returns, and where the walk goes then."""

    returned: int
    to: _Place


def way_in(stack: Stack) -> Counterexample | None:
    """Return a way on which authenticate lets a wrong password in, or None.

    A stack in which no module is known to judge the password is not judged: it lets people in
    without a password on purpose.
    """
    if not any(map(is_judged, stack.handlers)):
        return None
    walk = _Walk(stack)
    places = walk.places()
    # The way from a place that lets people in, by its number of steps. A step leads forward only.
    routes: dict[_Place, tuple[int, _Move | None]] = {}
    for place in sorted(places, key=lambda place: -place.state.at):
        handler = position(stack, place.state)
        if handler is None:
            if verdict(place.state) == SUCCESS:
                routes[place] = (0, None)
            continue
        moves = places[place]
        open_moves = [move for move in moves if move.to in routes]
        is_unknown = possible(handler, stack.service) is None
        if open_moves and not (is_unknown and len(open_moves) < len(moves)):
            best = min(open_moves, key=lambda move: routes[move.to][0])
            routes[place] = (routes[best.to][0] + 1, best)
    if walk.first not in routes:
        return None
    return Counterexample(
        Breach.ANYBODY, Pass.AUTHENTICATE, tuple(_steps(stack, walk.first, routes))
    )


def _steps(
    stack: Stack, place: _Place, routes: dict[_Place, tuple[int, _Move | None]]
) -> Iterator[Step]:
    move = routes[place][1]
    while move is not None:
        yield Step(stack.handlers[place.state.at], move.returned)
        place = move.to
        move = routes[place][1]


class _Walk:
    """All places of a stack that a wrong password can lead to."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        counts = Counter(map(_question, stack.handlers))
        again = (question for question, count in counts.items() if count > 1 and question[0])
        self.repeated = frozenset(islice(again, MOST_QUESTIONS))
        self.first = _Place(_plain(start(stack)), frozenset())

    def places(self) -> dict[_Place, list[_Move]]:
        """Return every place, with the moves from it."""
        found: dict[_Place, list[_Move]] = {}
        todo = [self.first]
        while todo:
            place = todo.pop()
            if place not in found:
                found[place] = list(self._moves(place))
                todo += [move.to for move in found[place]]
        return found

    def _moves(self, place: _Place) -> Iterator[_Move]:
        handler = position(self.stack, place.state)
        if handler is None:
            return
        question = _question(handler)
        given = dict(place.answers).get(question)
        values = _distinct(handler, self.stack.service) if given is None else [given]
        for value in values:
            state = _plain(step(self.stack, place.state, value))
            answers = place.answers
            if question in self.repeated:
                answers |= {(question, value)}
            yield _Move(value, _Place(state, answers))


def _question(handler: Handler) -> _Question:
    """Return what a module that answers alike each time is asked; its name is empty for others."""
    return (handler.module_path if handler.module in SETTLED else "", handler.arguments)


def _plain(state: State) -> State:
    """Make all failures one: what counts in the end is success alone."""
    if state.status in {SUCCESS, FAILURE}:
        return state
    return State(state.at, state.impression, FAILURE, state.frames)


def _distinct(handler: Handler, service: str) -> list[int]:
    """Return one value for each thing that libpam may do, the ordinary error first.

    A question that comes again is told apart by its answer, whatever is done with it here.
    """
    values = possible(handler, service)
    known = ALL - PROVED if values is None else values
    found: dict[object, int] = {}
    for value in sorted(known, key=lambda number: (number != AUTH_ERR, number)):
        kind = value if value in {SUCCESS, IGNORE} else FAILURE
        found.setdefault((action_for(handler, value), kind), value)
    return list(found.values())
