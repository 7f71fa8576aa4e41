"""One call by hand: what each module is said to return, and what became of each rule.

Source: libpam/pam_dispatch.c:_pam_dispatch (setcred goes by what authenticate left, close_session
by what open_session left); docs/reference/commands.md has the form of ``--returns``.
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
    """What somebody says that a module returns; ``passes`` is empty where no CALL was named."""

    text: str
    passes: tuple[Pass, ...]
    module: str
    value: ReturnValue
    file: str = ""
    line: int = 0

    def passes_in(self, call: Call) -> tuple[Pass, ...]:
        """Return the passes that it speaks of when ``call`` is simulated."""
        return self.passes or call.passes

    def names(self, handler: Handler) -> bool:
        """Tell whether the handler has this module: by its path, its name, or without .so."""
        known = {handler.module_path, handler.module, handler.module.removesuffix(".so")}
        return self.module in known and not handler.is_substack

    def concerns(self, handler: Handler) -> bool:
        """Tell whether it speaks of this handler, by module and by place where one is named."""
        if not self.names(handler):
            return False
        origin = handler.origin
        files = {origin.file, origin.file.rpartition("/")[2]}
        return not self.line or (self.file in files and self.line == origin.line)


def parse_override(text: str) -> Override:
    """Read one ``[CALL:]MODULE[@FILE:LINE]=CODE``. Raises UsageError."""
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
    """Raise UsageError for a module that is not in the stack it is said to be in."""
    for override in overrides:
        groups = {pass_.group for pass_ in override.passes_in(call)}
        for group in groups:
            handlers = stacks.of(group).handlers
            if not any(override.concerns(handler) for handler in handlers):
                raise _unknown_module(override, stacks.of(group), group)


def _unknown_module(override: Override, stack: Stack, group: ManagementGroup) -> UsageError:
    """Say which modules there are, or at which places the module is."""
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
    """Return what is said of calls that take no part in the simulated one."""
    before = call.earlier
    heard = {*call.passes, *(before.passes if before else ())}
    return tuple(
        override for override in overrides if not heard.intersection(override.passes_in(call))
    )


def simulate(stacks: Stacks, call: Call, overrides: Sequence[Override]) -> Verdict:
    """Run one call; a module of which nothing is said answers as ``usual_return``.

    Before setcred and close_session the call runs whose values they go by.
    """
    before = call.earlier
    returns = _returns(call, overrides)
    after = dispatch(stacks, before, returns) if before else None
    return dispatch(stacks, call, returns, after=after)


def _returns(call: Call, overrides: Sequence[Override]) -> Returns:
    """Answer by what was said: a place before a module, a CALL before none, the last before all."""

    def returns(handler: Handler, pass_: Pass) -> int:
        matching = [
            ((bool(override.line), bool(override.passes), number), override.value)
            for number, override in enumerate(overrides)
            if pass_ in override.passes_in(call) and override.concerns(handler)
        ]
        return max(matching)[1] if matching else usual_return(handler, pass_)

    return returns
