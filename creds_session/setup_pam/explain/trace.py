"""Trace a pass: what each rule returned, or which rule skipped it."""

from __future__ import annotations

from typing import NamedTuple

from creds_session.pam.stack.dispatch import TraceEntry, Verdict, start, step
from creds_session.pam.stack.handlers import Handler, Stack
from creds_session.pam.syntax.terms import Action, Jump, Pass, ReturnValue


class Fate(NamedTuple):
    """What happened to one handler in a pass.

    ``entry`` is its return value and action, or None if it was not called. ``skipped_by`` is then
    the index of the handler that skipped it, or None if the pass was not run.
    """

    handler: Handler
    entry: TraceEntry | None = None
    skipped_by: int | None = None


def fates(stack: Stack, verdict: Verdict, pass_: Pass) -> tuple[Fate, ...]:
    """Return what happened to each handler of a stack, in order, with the marks of substacks."""
    found = [Fate(handler) for handler in stack.handlers]
    state = start(stack)
    for entry in verdict.trace:
        if entry.pass_ is not pass_:
            continue
        at = state.at
        found[at] = Fate(entry.handler, entry)
        state = step(stack, state, entry.returned, cached=entry.deciding, is_frozen=pass_.is_frozen)
        for index in range(at + 1, state.at):
            if not stack.handlers[index].is_substack:
                found[index] = Fate(stack.handlers[index], skipped_by=at)
    return tuple(found)


def effect(entry: TraceEntry) -> str:
    """Return what libpam did with a value: the word of an action, or ``jump 2``."""
    action = entry.action
    return f"jump {action.over}" if isinstance(action, Jump) else action.value


def how_skipped(entry: TraceEntry) -> str:
    """Return how a handler skipped the handlers after it."""
    if entry.returned == ReturnValue.INCOMPLETE:
        return "leaves the call unfinished"
    if isinstance(entry.action, Jump):
        return f"jumps over {entry.action.over}"
    what = "ends its substack" if entry.handler.stack_level else "ends the stack"
    return f"{what} as failed" if entry.action is Action.DIE else what
