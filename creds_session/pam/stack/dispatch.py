"""What libpam answers: its walk along a stack, as a machine of small steps.

Source: libpam/pam_dispatch.c:_pam_dispatch_aux and _pam_dispatch; Debian's patch
045_pam_dispatch_jump_is_ignore; libpam/pam_password.c:pam_chauthtok.

``start`` gives the first state, ``position`` the handler that it waits for, ``step`` the
state after that handler returned a value, ``verdict`` what the call returns once no
handler is left. States are plain tuples of numbers, so that a proof can hold sets of
them. ``dispatch`` runs one whole call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from creds_session.pam.stack.handlers import Handler, Stack, Stacks
from creds_session.pam.syntax.terms import Action, AnyAction, Call, Jump, Pass, ReturnValue

UNDEF, POSITIVE, NEGATIVE = 0, 1, -1
"""libpam's impression: what the handlers so far amount to."""

_SUCCESS = int(ReturnValue.SUCCESS)
_MUST_FAIL_CODE = int(ReturnValue.PERM_DENIED)
_IGNORE = int(ReturnValue.IGNORE)
_INCOMPLETE = int(ReturnValue.INCOMPLETE)


class State(NamedTuple):
    """Where a walk stands: before the handler number ``at``, or at the end.

    ``impression`` and ``status`` are libpam's; ``frames`` keeps both as they were at the
    entry of each substack around the handler (what ``reset`` goes back to).
    """

    at: int
    impression: int
    status: int
    frames: tuple[tuple[int, int], ...]


def start(stack: Stack) -> State:
    """Give the state before the first handler."""
    frames = ((UNDEF, _MUST_FAIL_CODE),)
    return _enter(stack, 0, 0, State(0, UNDEF, _MUST_FAIL_CODE, frames))


def position(stack: Stack, state: State) -> Handler | None:
    """Give the handler whose return value the state waits for; None at the end."""
    return stack.handlers[state.at] if state.at < len(stack.handlers) else None


def verdict(state: State) -> int:
    """Give what the call returns, once ``position`` is None.

    The value is a ReturnValue's number, unless a module returned a number outside them
    in a frozen chain, which libpam passes on.
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
    """Give the state after the handler at ``position`` returned a value.

    ``is_frozen`` is for setcred and close_session; ``cached`` is then what the same
    handler returned to authenticate or open_session, None when it was not called. A
    must-fail handler returns perm_denied whatever ``returned`` says.
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
    """Look up the action for a value; numbers that are no ReturnValue are bad."""
    if 0 <= deciding < len(handler.actions):
        return handler.actions[deciding]
    return Action.BAD


def _count(state: State, action: Action, returned: int, deciding: int) -> State:
    """Let a value that is no jump change impression and status."""
    impression, status = state.impression, state.status
    if action is Action.RESET:
        impression, status = state.frames[-1]
    elif action is Action.OK or action is Action.DONE:
        is_open = impression == UNDEF or (impression == POSITIVE and status == _SUCCESS)
        # A frozen chain can bring an ignore here that authenticate did not give.
        if is_open and (returned != _IGNORE or deciding == returned):
            impression, status = POSITIVE, returned
    elif (action is Action.BAD or action is Action.DIE) and impression != NEGATIVE:
        impression = NEGATIVE
        status = _MUST_FAIL_CODE if returned == _IGNORE else returned
    return State(state.at, impression, status, state.frames)


def _jump(stack: Stack, state: State, count: int) -> State:
    """Skip handlers, a substack counting as one; too many, or none, is a bad jump."""
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
    """Go on to the next handler that is called, remembering the substacks entered.

    ``level`` is the stack level of the handler before.
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
"""Says what a handler's module returns in a pass."""


class TraceEntry(NamedTuple):
    """One handler that a walk came by: what it returned and what followed.

    ``returned`` is perm_denied for a must-fail handler, of which no module ran.
    ``action`` was chosen by ``deciding``: ``returned``, or in a frozen chain the value
    from the call before.
    """

    handler: Handler
    pass_: Pass
    returned: int
    deciding: int
    action: AnyAction


class Verdict(NamedTuple):
    """What a call returns, and how it came to that.

    ``cached`` is what each handler returned last (None: not called), which setcred and
    close_session go by.
    """

    call: Call
    result: int
    trace: tuple[TraceEntry, ...] = ()
    cached: tuple[int | None, ...] = ()


def dispatch(
    stacks: Stacks, call: Call, returns: Returns, *, after: Verdict | None = None
) -> Verdict:
    """Run one call.

    ``after`` is the verdict of authenticate for setcred, of open_session for
    close_session; without it they go by their own values, as after a key login. A
    service that libpam cannot load answers abort; see ``Stack.failure``.
    """
    stack = stacks.of(call.group)
    if stack.failure is not None or (after is not None and after.result == _INCOMPLETE):
        # An unfinished call must be taken up again first (pam_dispatch.c:_pam_dispatch).
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
    """Run one pass; note what handlers returned where the pass freezes the chain."""
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
