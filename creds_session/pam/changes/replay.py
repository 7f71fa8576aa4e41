"""Run both stacks with the values of a counterexample, and write down each rule that ran."""

from __future__ import annotations

from collections.abc import Iterator

from creds_session.pam.changes.findings import Finding, Kind, Step
from creds_session.pam.changes.modules import benign_returns
from creds_session.pam.changes.walk import At, Found, Question, Sides, advance
from creds_session.pam.stack.dispatch import start, verdict
from creds_session.pam.syntax.terms import Pass


def replay(sides: Sides, pass_: Pass, question: Question, found: Found, kind: Kind) -> Finding:
    """Return the finding, with the rules that ran on either side and the results."""
    runs = [_run(sides, side, pass_, question, found) for side in (0, 1)]
    steps = tuple(_steps(sides, (runs[0][0], runs[1][0])))
    results = (runs[0][1], runs[1][1])
    return Finding(kind, pass_, steps, results, detail=found.who)


def _run(
    sides: Sides, side: int, pass_: Pass, question: Question, found: Found
) -> tuple[dict[int, int], int]:
    """Return what each rule returned that ran, and the result of the call."""
    stack, machine = sides.stacks[side], sides.machines[side]
    returned: dict[int, int] = {}
    at = At(start(stack))
    while at.state.at < len(stack.handlers):
        place = at.state.at
        handler = stack.handlers[place]
        value = found.values[side].get(place)
        if value is None:  # every value leads to this result: the usual one is shown
            allowed = question.values[side](handler, pass_, machine)
            usual = benign_returns(handler, pass_, machine)
            value = min(usual & allowed or allowed)
        at, value = advance(stack, at, value, pass_, starves=question.starves)
        returned[place] = value
    return returned, verdict(at.state)


def _steps(sides: Sides, returned: tuple[dict[int, int], dict[int, int]]) -> Iterator[Step]:
    after_of = {pair.before: pair.after for pair in sides.pairing.pairs}
    before_of = {pair.after: pair.before for pair in sides.pairing.pairs}
    shown: set[tuple[int | None, int | None]] = set()
    for slot in sides.pairing.slots:
        was = slot.before if slot.before is not None else before_of.get(_number(slot.after))
        now = slot.after if slot.after is not None else after_of.get(_number(slot.before))
        values = returned[0].get(_number(was)), returned[1].get(_number(now))
        if (was, now) not in shown and values != (None, None):
            shown.add((was, now))
            yield step_of(sides, was, now, values)


def step_of(
    sides: Sides,
    before: int | None,
    after: int | None,
    returned: tuple[int | None, int | None] = (None, None),
) -> Step:
    """Return a rule by its indexes before and after, with what it returned."""
    was = None if before is None else sides.stacks[0].handlers[before]
    now = None if after is None else sides.stacks[1].handlers[after]
    return Step(was, now, *returned)


def _number(index: int | None) -> int:
    return -1 if index is None else index
