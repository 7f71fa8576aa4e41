"""Find the walks along one of the two stacks that let the person in, if some values are chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from creds_session.pam.changes.answers import Answer
from creds_session.pam.changes.walk import At, Choices


class _Step(NamedTuple):
    cost: int
    value: int
    following: At


class _Usual(NamedTuple):
    """The most usual walk to a state: its last step, and the state before that step."""

    cost: int
    earlier: At | None
    value: int


class WaysIn:
    """The walks along one stack that let the person in; ``living`` are their states.

    ``chosen`` are the values of a combination, by the index of the rule. A rule that only this
    stack has may return everything if the combination has no value for it. Without a combination,
    every rule may return everything.
    """

    def __init__(
        self, choices: Choices, side: int, chosen: Mapping[int, int] | None = None
    ) -> None:
        self._choices, self._side, self._chosen = choices, side, chosen
        self._first = choices.first(side)
        self._steps: dict[At, list[_Step]] = {}
        left = [self._first]
        while left:
            at = left.pop()
            if at not in self._steps:
                self._steps[at] = list(self._from(at))
                left += [step.following for step in self._steps[at]]
        self.living: set[At] = set()
        for at in sorted(self._steps, key=lambda at: -at.state.at):
            is_end = choices.is_end(side, at)
            if choices.lets_in(at) if is_end else self._living_steps(at):
                self.living.add(at)

    def _from(self, at: At) -> Iterable[_Step]:
        index = at.state.at
        if self._choices.is_end(self._side, at):
            return
        chosen = None if self._chosen is None else self._chosen.get(index)
        if chosen is not None:
            answer = Answer(chosen, chosen)
            yield _Step(0, chosen, self._choices.step(self._side, at, answer))
        elif self._chosen is None or self._choices.is_own(self._side, index):
            for cost, answer in self._choices.of_rule(self._side, index):
                value = (answer.before, answer.after)[self._side]
                yield _Step(cost, value, self._choices.step(self._side, at, answer))
        # Otherwise no walk of the combination that lets the person in gets here.

    def _living_steps(self, at: At) -> list[_Step]:
        return [step for step in self._steps[at] if step.following in self.living]

    def is_on_none(self, index: int) -> bool:
        """Return whether no walk that lets the person in runs a rule."""
        return all(at.state.at != index for at in self.living)

    def is_on_each(self, index: int) -> bool:
        """Return whether each walk that lets the person in runs a rule."""
        passing = {self._first} & self.living
        for at in self._forward():
            if at in passing and at.state.at != index:
                passing.update(step.following for step in self._living_steps(at))
        return not any(self._choices.is_end(self._side, at) for at in passing)

    def most_usual(self) -> dict[int, int]:
        """Return what the rules return along the most usual walk, by index; {} if there is none."""
        best = {self._first: _Usual(0, None, 0)}
        for at in self._forward():
            for cost, value, following in self._living_steps(at) if at in best else ():
                total = best[at].cost + cost
                if following not in best or best[following].cost > total:
                    best[following] = _Usual(total, at, value)
        ends = [at for at in best if self._choices.is_end(self._side, at)]
        values: dict[int, int] = {}
        here = best[min(ends, key=lambda at: best[at].cost)] if ends else None
        while here is not None and here.earlier is not None:
            values[here.earlier.state.at] = here.value
            here = best[here.earlier]
        return values

    def _forward(self) -> list[At]:
        """Return the living states in the order of their rules; walks lead forward only."""
        return sorted(self.living, key=lambda at: at.state.at)
