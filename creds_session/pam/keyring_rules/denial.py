"""Find out whether a stack lets a wrong password in.

A known module may return what ``wrong_password`` says; one combination of such values that lets
the wrong password in is enough. An unknown module never makes the difference: the wrong password
must be let in whatever that module returns, except success.
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
"""The most questions whose answers are remembered; each can double the places of a walk."""

_Question = tuple[str, tuple[str, ...]]


class _Place(NamedTuple):
    """The state of a walk, and the answers to questions that are asked again later."""

    state: State
    answers: frozenset[tuple[_Question, int]]


class _Move(NamedTuple):
    """What a handler returns, and the place that the walk reaches then."""

    returned: int
    to: _Place


def way_in(stack: Stack, *, is_on_purpose: bool = True) -> Counterexample | None:
    """Return how authenticate lets a wrong password in, or None.

    The result is None for a stack without a module that is known to check the password, if such a
    stack ``is_on_purpose``: it lets people in without a password.
    """
    if is_on_purpose and not any(map(is_judged, stack.handlers)):
        return None
    walk = _Walk(stack)
    places = walk.places()
    # The shortest route from each place to success. Steps lead forward only, so the places are
    # visited from the last one to the first.
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
    """All places of a stack that a login with a wrong password can reach."""

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
    """Return what a handler asks.

    The name is empty for a module that may give another answer to the same question later.
    """
    return (handler.module_path if handler.module in SETTLED else "", handler.arguments)


def _plain(state: State) -> State:
    """Return the state with one value for all failures: in the end, only success counts."""
    if state.status in {SUCCESS, FAILURE}:
        return state
    return State(state.at, state.impression, FAILURE, state.frames)


def _distinct(handler: Handler, service: str) -> list[int]:
    """Return one value for each effect in libpam, auth_err first.

    Success, ignore and failure are kept apart even if their effect is the same here, because the
    answer to a question counts when the question is asked again.
    """
    values = possible(handler, service)
    known = ALL - PROVED if values is None else values
    found: dict[object, int] = {}
    for value in sorted(known, key=lambda number: (number != AUTH_ERR, number)):
        kind = value if value in {SUCCESS, IGNORE} else FAILURE
        found.setdefault((action_for(handler, value), kind), value)
    return list(found.values())
