"""Return what a call returns: libpam's walk along a stack, in single steps.

Source: libpam/pam_dispatch.c:_pam_dispatch_aux and _pam_dispatch; Debian's patch
045_pam_dispatch_jump_is_ignore; libpam/pam_password.c:pam_chauthtok.

``start`` returns the first state, ``position`` the handler that the state waits for, ``step`` the
state after that handler has returned a value, and ``verdict`` what the call returns when no handler
is left. States are plain tuples of numbers, so that a proof can keep sets of them. ``dispatch``
runs one whole call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from creds_session.pam.stack.handlers import Handler, Stack, Stacks
from creds_session.pam.syntax.terms import Action, AnyAction, Call, Jump, Pass, ReturnValue

UNDEF, POSITIVE, NEGATIVE = 0, 1, -1
"""libpam's impression: undecided, success or failure so far."""

_SUCCESS = int(ReturnValue.SUCCESS)
_MUST_FAIL_CODE = int(ReturnValue.PERM_DENIED)
_IGNORE = int(ReturnValue.IGNORE)
_INCOMPLETE = int(ReturnValue.INCOMPLETE)


class State(NamedTuple):
    """The state of a walk before the handler with the index ``at``, or at the end.

    ``impression`` and ``status`` are libpam's. ``frames`` keeps both as they were at the entry of
    each substack around the handler; the action ``reset`` restores them.
    """

    at: int
    impression: int
    status: int
    frames: tuple[tuple[int, int], ...]


def start(stack: Stack) -> State:
    """Return the state before the first handler."""
    frames = ((UNDEF, _MUST_FAIL_CODE),)
    return _enter(stack, 0, 0, State(0, UNDEF, _MUST_FAIL_CODE, frames))


def position(stack: Stack, state: State) -> Handler | None:
    """Return the handler whose return value the state waits for, or None at the end."""
    return stack.handlers[state.at] if state.at < len(stack.handlers) else None


def verdict(state: State) -> int:
    """Return what the call returns, when ``position`` is None.

    This is the number of a ReturnValue, except if a module returned another number in a frozen
    chain: libpam passes that number on.
    """
    if state.status == _SUCCESS and state.impression != POSITIVE:
        return _MUST_FAIL_CODE
    return state.status


def step(
    stack: Stack,
    state: State,
    returned: int,
    *,
    cached: int | None = None,
    is_frozen: bool = False,
) -> State:
    """Return the state after the handler at ``position`` has returned a value.

    ``is_frozen`` is for setcred and close_session; ``cached`` is then what the same handler
    returned in authenticate or open_session, or None if it was not called. A must-fail handler
    returns perm_denied, whatever ``returned`` says.
    """
    handler = stack.handlers[state.at]
    returned = _MUST_FAIL_CODE if handler.must_fail else int(returned)
    if returned == _INCOMPLETE:
        return State(len(stack.handlers), UNDEF, _INCOMPLETE, ())
    deciding = returned if cached is None else cached
    action = action_for(handler, deciding)
    if not 0 <= deciding < len(handler.actions):
        returned = _MUST_FAIL_CODE
    if isinstance(action, Jump):
        if is_frozen and not stack.dialect.is_debian:
            state = _count(state, Action.OK, returned, deciding)
        return _jump(stack, state, action.over)
    state = _count(state, action, returned, deciding)
    ends_frame = action is Action.DIE or (action is Action.DONE and state.impression == POSITIVE)
    behind = stack.frame_ends[state.at] if ends_frame else state.at + 1
    return _enter(stack, behind, handler.stack_level, state)


def action_for(handler: Handler, deciding: int) -> AnyAction:
    """Return the action for a value; for a number that is no ReturnValue, the action is bad."""
    if 0 <= deciding < len(handler.actions):
        return handler.actions[deciding]
    return Action.BAD


def _count(state: State, action: Action, returned: int, deciding: int) -> State:
    """Return the state with the impression and the status after an action that is no jump."""
    impression, status = state.impression, state.status
    if action is Action.RESET:
        impression, status = state.frames[-1]
    elif action is Action.OK or action is Action.DONE:
        is_open = impression == UNDEF or (impression == POSITIVE and status == _SUCCESS)
        # In a frozen chain, the module can return ignore here although it did not in authenticate.
        if is_open and (returned != _IGNORE or deciding == returned):
            impression, status = POSITIVE, returned
    elif (action is Action.BAD or action is Action.DIE) and impression != NEGATIVE:
        impression = NEGATIVE
        status = _MUST_FAIL_CODE if returned == _IGNORE else returned
    return State(state.at, impression, status, state.frames)


def _jump(stack: Stack, state: State, count: int) -> State:
    """Skip handlers; a substack counts as one. A jump of 0 or past the end is a bad jump."""
    handlers, index = stack.handlers, state.at
    level = handlers[index].stack_level
    last = len(handlers) - 1
    while count > 0 and index < last and handlers[index + 1].stack_level >= level:
        index += 1
        while index < last and handlers[index + 1].stack_level > level:
            index += 1
        count -= 1
    if count:
        state = State(state.at, NEGATIVE, _MUST_FAIL_CODE, state.frames)
    return _enter(stack, index + 1, level, state)


def _enter(stack: Stack, index: int, level: int, state: State) -> State:
    """Return the state at the next handler that is called, with the substacks that were entered.

    ``level`` is the stack level of the previous handler.
    """
    impression, status, frames = state.impression, state.status, state.frames
    while index < len(stack.handlers):
        handler = stack.handlers[index]
        if handler.stack_level > level:
            frames = (*frames, (impression, status))
        else:
            frames = frames[: handler.stack_level + 1]
        if not handler.is_substack:
            return State(index, impression, status, frames)
        level = handler.stack_level
        index += 1
    return State(index, impression, status, ())


Returns = Callable[[Handler, Pass], int]
"""Returns what a handler's module returns in a pass."""


class TraceEntry(NamedTuple):
    """One handler of a walk: what it returned, and the action.

    ``returned`` is perm_denied for a must-fail handler, which runs no module. ``deciding`` is the
    value that selected the action: ``returned``, or in a frozen chain the value of the earlier
    call.
    """

    handler: Handler
    pass_: Pass
    returned: int
    deciding: int
    action: AnyAction


class Verdict(NamedTuple):
    """What a call returns, and the trace of its handlers.

    ``cached`` is what each handler returned last, or None if it was not called. setcred and
    close_session use these values.
    """

    call: Call
    result: int
    trace: tuple[TraceEntry, ...] = ()
    cached: tuple[int | None, ...] = ()


def dispatch(
    stacks: Stacks, call: Call, returns: Returns, *, after: Verdict | None = None
) -> Verdict:
    """Return what one call of a service returns, and its trace.

    ``after`` is the verdict of authenticate for setcred, and of open_session for close_session.
    Without it, these calls use their own values, as after a login with a key. The result is abort
    for a service that libpam cannot load; see ``Stack.failure``.
    """
    stack = stacks.of(call.group)
    if stack.failure is not None or (after is not None and after.result == _INCOMPLETE):
        # An unfinished call must be continued first (pam_dispatch.c:_pam_dispatch).
        return Verdict(call, int(ReturnValue.ABORT))
    is_same_stack = after is not None and after.call.group is call.group
    cached = list(after.cached) if after is not None and is_same_stack else []
    cached += [None] * (len(stack.handlers) - len(cached))
    trace: list[TraceEntry] = []
    result = _SUCCESS
    for pass_ in call.passes:
        result = _walk(stack, pass_, returns, cached, trace)
        if result != _SUCCESS:
            break
    return Verdict(call, result, tuple(trace), tuple(cached))


def _walk(
    stack: Stack,
    pass_: Pass,
    returns: Returns,
    cached: list[int | None],
    trace: list[TraceEntry],
) -> int:
    """Run one pass; store what handlers returned, for a later call with a frozen chain."""
    state = start(stack)
    handler = position(stack, state)
    while handler is not None:
        index = state.at
        returned = _MUST_FAIL_CODE if handler.must_fail else int(returns(handler, pass_))
        frozen = cached[index] if pass_.is_frozen else None
        deciding = returned if frozen is None else frozen
        trace.append(TraceEntry(handler, pass_, returned, deciding, action_for(handler, deciding)))
        if returned != _INCOMPLETE and not pass_.is_frozen:
            # -1 is how libpam marks a value that was never set (_PAM_INVALID_RETVAL).
            cached[index] = None if returned == -1 else returned
        state = step(stack, state, returned, cached=frozen, is_frozen=pass_.is_frozen)
        handler = position(stack, state)
    return verdict(state)
