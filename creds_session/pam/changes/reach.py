"""Find out which rules of a stack can run at all, at a success, and with the password."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from creds_session.pam.changes.modules import Machine
from creds_session.pam.changes.walk import At, Values, advance, is_let_in, plain
from creds_session.pam.stack.dispatch import action_for, start, verdict
from creds_session.pam.stack.handlers import Handler, Stack
from creds_session.pam.syntax.terms import Pass, ReturnValue


class Reach(NamedTuple):
    """The indexes of the rules that can run, and of those that can run in a call that succeeds.

    ``with_password`` are those that can run in a call that succeeds after a module has asked for
    the password.
    """

    runs: frozenset[int]
    at_success: frozenset[int]
    with_password: frozenset[int]


class Chosen(NamedTuple):
    """What the rules may return: those of both sides, and those with the indexes ``mine``."""

    common: Values
    own: Values
    mine: frozenset[int] = frozenset()


def reach(
    stack: Stack,
    pass_: Pass,
    machine: Machine,
    chosen: Chosen,
    *,
    starves: bool = True,
) -> Reach:
    """Return which rules can run.

    ``starves``: a module fails that needs a password for which no module has asked.
    """
    first = At(start(stack))
    following: dict[At, set[At]] = {}
    todo = [first]
    while todo:
        at = todo.pop()
        if at in following:
            continue
        place = at.state.at
        following[at] = set()
        if place < len(stack.handlers):
            handler = stack.handlers[place]
            values = (chosen.own if place in chosen.mine else chosen.common)(
                handler, pass_, machine
            )
            following[at] = {
                plain(advance(stack, at, value, pass_, starves=starves)[0])
                for value in _distinct(handler, values)
            }
            todo += following[at]
    good = _leading_to_success(following, len(stack.handlers), pass_)
    places = [at for at in following if at.state.at < len(stack.handlers)]
    return Reach(
        frozenset(at.state.at for at in places),
        frozenset(at.state.at for at in places if at in good),
        frozenset(at.state.at for at in places if at in good and at.asked),
    )


def _distinct(handler: Handler, values: Iterable[int]) -> list[int]:
    kinds: dict[object, int] = {}
    special = {ReturnValue.SUCCESS, ReturnValue.IGNORE, ReturnValue.NEW_AUTHTOK_REQD}
    for value in sorted(values):
        kinds.setdefault((action_for(handler, value), value if value in special else -1), value)
    return list(kinds.values())


def _leading_to_success(following: dict[At, set[At]], end: int, pass_: Pass) -> set[At]:
    """Return the states from which a success can follow; walks lead forward only."""
    good: set[At] = set()
    for at in sorted(following, key=lambda at: -at.state.at):
        if at.state.at >= end:
            if is_let_in(verdict(at.state), pass_):
                good.add(at)
        elif not good.isdisjoint(following[at]):
            good.add(at)
    return good
