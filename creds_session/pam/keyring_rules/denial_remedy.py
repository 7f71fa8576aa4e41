"""Find what a person can change so that a stack refuses a wrong password."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from creds_session.pam.keyring_rules.counterexample import Counterexample
from creds_session.pam.keyring_rules.denial import way_in
from creds_session.pam.keyring_rules.owners import owner_of
from creds_session.pam.keyring_rules.wrong_password import (
    ERRORS,
    IGNORE,
    SUCCESS,
    ignoring_argument,
    is_judged,
)
from creds_session.pam.modules.builtin import builtin_return
from creds_session.pam.modules.conditions import vouches
from creds_session.pam.modules.returns import usual_return
from creds_session.pam.stack.dispatch import action_for, position, start, step, verdict
from creds_session.pam.stack.handlers import Handler, Origin, Stack, frame_ends
from creds_session.pam.stack.resolve import Read
from creds_session.pam.syntax.terms import Action, Pass, ReturnValue, return_word

MOST_TRIED = 16
"""The most changes that are tried, and the most modules; real stacks have fewer."""


def remedy(stack: Stack, found: Counterexample, read: Read | None = None) -> str:
    """Return what a person can change so that the wrong password is refused.

    Each change is tried on the stack first: it must refuse the wrong password, and still let in
    everybody who had a right one. Nothing is tried if no module checks a password. ``read`` returns
    the content of a file, to name the tool that writes it.
    """
    last = found.last_success
    if last is not None and not any(map(is_judged, stack.handlers)):
        origin = last.handler.origin
        service = f"{stack.service} " if origin.file == "/etc/pam.conf" else ""
        return (
            f"remove {origin.place} ({last.handler.module}){_by_whom(origin, read)}; if people"
            " shall log in here with a password, first write the rule of the module that checks it,"
            f" such as `{service}auth required pam_unix.so`, before the other auth rules of the"
            " service"
        )
    right = _right(stack)
    for origin, words, changed in islice(_candidates(stack, found), MOST_TRIED):
        if way_in(changed) is None and right <= _right(changed):
            return f"{words}{_by_whom(origin, read)}"
    if last is None:
        return "change the rule that lets people in"
    origin = last.handler.origin
    words = f"change {origin.place} ({last.handler.module}), or the rules before it"
    return f"{words}{_by_whom(origin, read)}"


def _candidates(stack: Stack, found: Counterexample) -> Iterator[tuple[Origin, str, Stack]]:
    """Yield changes that may help: the place, the text, and the changed stack."""
    last = found.last_success
    if last is not None and action_for(last.handler, SUCCESS) is Action.DONE:
        origin = last.handler.origin
        rest = tuple(handler for handler in stack.handlers if handler.origin != origin)
        yield origin, f"remove {origin.place} ({last.handler.module})", _with(stack, rest)
    judging = [handler for handler in stack.handlers if is_judged(handler)]
    last_ones = dict.fromkeys(handler.origin for handler in reversed(judging))
    for origin in islice(last_ones, MOST_TRIED // 2):
        # In pam.conf, a rule begins with the name of its service (pam.conf(5)).
        service = f"{stack.service} " if origin.file == "/etc/pam.conf" else ""
        words = f"put the line `{service}auth requisite pam_deny.so` right after {origin.place}"
        yield origin, words, _with(stack, tuple(_denying(stack, origin)))
    for passed in found.steps:
        argument = ignoring_argument(passed.handler)
        if argument and passed.returned == IGNORE:
            origin = passed.handler.origin
            words = f"remove the argument {argument} from {origin.place}"
            yield origin, words, _with(stack, tuple(_not_ignoring(stack, origin, argument)))

    for passed in found.steps:
        excused = _excused(passed.handler)
        if excused and is_judged(passed.handler) and passed.returned != IGNORE:
            origin = passed.handler.origin
            change = ", ".join(f"{word}=ignore to {word}=bad" for word in excused)
            changed = _with(stack, tuple(_not_excusing(stack, origin)))
            yield origin, f"change {change} in {origin.place}", changed


def _excused(handler: Handler) -> list[str]:
    """Return the errors that a control ignores by name, or nothing if it ignores most errors."""
    actions = {value: action_for(handler, value) for value in ERRORS}
    excused = sorted(value for value, action in actions.items() if action is Action.IGNORE)
    return [return_word(value) for value in excused] if 2 * len(excused) < len(actions) else []


def _not_excusing(stack: Stack, origin: Origin) -> Iterator[Handler]:
    for handler in stack.handlers:
        if handler.origin != origin:
            yield handler
            continue
        actions = tuple(
            Action.BAD if value in ERRORS and action is Action.IGNORE else action
            for value, action in enumerate(handler.actions)
        )
        yield handler._replace(actions=actions)


def _denying(stack: Stack, origin: Origin) -> Iterator[Handler]:
    for handler in stack.handlers:
        yield handler
        if handler.origin == origin:
            actions = tuple(
                Action.IGNORE if value == IGNORE else Action.DIE
                for value in range(len(handler.actions))
            )
            yield handler._replace(
                origin=Origin("", 0, 0), module_path="pam_deny.so", arguments=(), actions=actions
            )


def _not_ignoring(stack: Stack, origin: Origin, argument: str) -> Iterator[Handler]:
    for handler in stack.handlers:
        if handler.origin == origin:
            yield handler._replace(
                arguments=tuple(word for word in handler.arguments if word != argument)
            )
        else:
            yield handler


def _with(stack: Stack, handlers: tuple[Handler, ...]) -> Stack:
    return stack._replace(handlers=handlers, frame_ends=frame_ends(handlers))


def _right(stack: Stack) -> set[Origin | None]:
    """Return the rules whose success alone lets a person in; None stands for all together."""
    judging = dict.fromkeys(
        handler.origin for handler in stack.handlers if vouches(handler, stack.service)
    )
    some = islice(judging, MOST_TRIED)
    found: set[Origin | None] = {origin for origin in some if _lets_in(stack, {origin})}
    return found | {None} if _lets_in(stack, set(judging)) else found


def _lets_in(stack: Stack, satisfied: set[Origin]) -> bool:
    """Return whether a person gets in if exactly these rules accept the person."""
    state = start(stack)
    handler = position(stack, state)
    while handler is not None:
        value = builtin_return(handler, Pass.AUTHENTICATE)
        if value is None and handler.origin in satisfied:
            value = ReturnValue.SUCCESS
        elif value is None and vouches(handler, stack.service):
            value = ReturnValue.AUTH_ERR
        elif value is None:
            value = usual_return(handler, Pass.AUTHENTICATE)
        state = step(stack, state, value)
        handler = position(stack, state)
    return verdict(state) == SUCCESS


def _by_whom(origin: Origin, read: Read | None) -> str:
    owner = owner_of(read(origin.file) or b"") if read else None
    return f" ({owner.tool} writes that file, and may write it again)" if owner else ""
