"""Simulate one call with return values that a person chooses.

Source: libpam/pam_dispatch.c:_pam_dispatch (setcred uses the values of authenticate, close_session
those of open_session). docs/reference/creds-setup-pam.md has the form of ``--returns``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from creds_session.errors import UsageError
from creds_session.pam.modules.returns import usual_return
from creds_session.pam.stack.dispatch import Returns, Verdict, dispatch
from creds_session.pam.stack.handlers import Handler, Stack, Stacks
from creds_session.pam.syntax.terms import Call, ManagementGroup, Pass, ReturnValue

FORM = "[CALL:]MODULE[@FILE:LINE]=CODE"

_PLACE = re.compile(r"(?P<file>.+):(?P<line>[0-9]{1,9})")
_VALUES = {value.word: value for value in ReturnValue}
_PASSES = {
    **{pass_.value: (pass_,) for pass_ in Pass},
    Call.CHAUTHTOK.value: Call.CHAUTHTOK.passes,
}


class Override(NamedTuple):
    """What a person says that a module returns; ``passes`` is empty if no CALL is named."""

    text: str
    passes: tuple[Pass, ...]
    module: str
    value: ReturnValue
    file: str = ""
    line: int = 0

    def passes_in(self, call: Call) -> tuple[Pass, ...]:
        """Return the passes that this is about if ``call`` is simulated."""
        return self.passes or call.passes

    def names(self, handler: Handler) -> bool:
        """Return whether the handler has this module: by path, by name, or by name without .so."""
        known = {handler.module_path, handler.module, handler.module.removesuffix(".so")}
        return self.module in known and not handler.is_substack

    def concerns(self, handler: Handler) -> bool:
        """Return whether this is about a handler: by module, and by place if one is named."""
        if not self.names(handler):
            return False
        origin = handler.origin
        files = {origin.file, origin.file.rpartition("/")[2]}
        return not self.line or (self.file in files and self.line == origin.line)


def parse_override(text: str) -> Override:
    """Parse one ``[CALL:]MODULE[@FILE:LINE]=CODE``. Raises UsageError."""
    left, equals, word = text.rpartition("=")
    named, at, where = left.partition("@")
    call, colon, module = named.rpartition(":")
    place = _PLACE.fullmatch(where)
    if not equals or not module or bool(at) != bool(place):
        raise _refusal(text, f"not of the form {FORM}")
    if word not in _VALUES:
        raise _refusal(text, f"no return value {word!r}", f"they are: {', '.join(_VALUES)}")
    if colon and call not in _PASSES:
        raise _refusal(text, f"no call {call!r}", f"they are: {', '.join(_PASSES)}")
    override = Override(text, _PASSES.get(call, ()), module, _VALUES[word])
    if place is None:
        return override
    line = int(place["line"])
    if not line:
        raise _refusal(text, "lines are counted from 1")
    return Override(text, override.passes, module, override.value, place["file"], line)


def _refusal(text: str, problem: str, hint: str = "") -> UsageError:
    return UsageError(f"--returns {text}: {problem}", hint=hint)


def require_known_modules(stacks: Stacks, call: Call, overrides: Sequence[Override]) -> None:
    """Raise UsageError for a module that the stack does not have."""
    for override in overrides:
        groups = {pass_.group for pass_ in override.passes_in(call)}
        for group in groups:
            handlers = stacks.of(group).handlers
            if not any(override.concerns(handler) for handler in handlers):
                raise _unknown_module(override, stacks.of(group), group)


def _unknown_module(override: Override, stack: Stack, group: ManagementGroup) -> UsageError:
    """Return an error that lists the modules of the stack, or the places of this module."""
    where = f"the {group.value} stack of {stack.service}"
    places = [
        f"{handler.origin.file}:{handler.origin.line}"
        for handler in stack.handlers
        if override.names(handler)
    ]
    if places:
        problem = f"{override.module} of {where} is not at {override.file}:{override.line}"
        return _refusal(override.text, problem, f"it is at {', '.join(dict.fromkeys(places))}")
    modules = [h.module_path for h in stack.handlers if h.module_path and not h.is_substack]
    known = f"it has: {', '.join(dict.fromkeys(modules))}" if modules else "it has no module"
    return _refusal(override.text, f"{override.module} is not in {where}", known)


def unused_overrides(call: Call, overrides: Sequence[Override]) -> tuple[Override, ...]:
    """Return the overrides of calls that the simulation does not make."""
    before = call.earlier
    heard = {*call.passes, *(before.passes if before else ())}
    return tuple(
        override for override in overrides if not heard.intersection(override.passes_in(call))
    )


def simulate(stacks: Stacks, call: Call, overrides: Sequence[Override]) -> Verdict:
    """Run one call; a module without an override returns its ``usual_return``.

    Before setcred and close_session, the earlier call runs, because they use its values.
    """
    before = call.earlier
    returns = _returns(call, overrides)
    after = dispatch(stacks, before, returns) if before else None
    return dispatch(stacks, call, returns, after=after)


def _returns(call: Call, overrides: Sequence[Override]) -> Returns:
    """Return a function that returns the value of the most specific override.

    One with FILE:LINE wins, then one with CALL, then the last one given.
    """

    def returns(handler: Handler, pass_: Pass) -> int:
        matching = [
            ((bool(override.line), bool(override.passes), number), override.value)
            for number, override in enumerate(overrides)
            if pass_ in override.passes_in(call) and override.concerns(handler)
        ]
        return max(matching)[1] if matching else usual_return(handler, pass_)

    return returns
