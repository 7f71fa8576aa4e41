"""Return what a handler's module may return in a pass, and what is known about the module.

The tables are ``linux_pam`` and ``others``; docs/reference/pam-modules.md shows them. A module that
is in no table may return anything, and so may a file with a known name outside libpam's directory.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from creds_session.pam.modules.builtin import builtin_return
from creds_session.pam.modules.facts import ANYTHING, Admission, Handling, ModuleFacts
from creds_session.pam.modules.linux_pam import ALIASES, LINUX_PAM
from creds_session.pam.modules.others import OTHERS
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.terms import Pass, ReturnValue

FACTS: Final[dict[str, ModuleFacts]] = {**LINUX_PAM, **OTHERS}
BUILTIN: Final = frozenset({"pam_permit.so", "pam_deny.so", "pam_debug.so"})

ALL: Final = frozenset(int(value) for value in ReturnValue) - {int(ReturnValue.INCOMPLETE)}
"""Every value except incomplete, which makes libpam stop the call to continue it later."""

_COUNTED = {ReturnValue.SUCCESS, ReturnValue.IGNORE, ReturnValue.NEW_AUTHTOK_REQD}
ERRORS: Final = ALL - {int(value) for value in _COUNTED}
MISSING: Final = int(ReturnValue.MODULE_UNKNOWN)
"""The value that libpam counts for a module or a function that it cannot load."""

_WORDS = {
    **{value.word: frozenset({int(value)}) for value in ReturnValue},
    "anything": ALL,
    "errors": ERRORS - {MISSING},  # a row whose module itself returns module_unknown says so
}


def module_name(handler: Handler) -> str:
    """Return the name of a handler's module in the tables."""
    return ALIASES.get(handler.module, handler.module)


def facts_of(handler: Handler) -> ModuleFacts | None:
    """Return the row of a handler's module, or None if no table has it."""
    return FACTS.get(module_name(handler))


def is_known(handler: Handler) -> bool:
    """Return whether a table has the module, or the handler runs no module."""
    if handler.must_fail or handler.is_substack or handler.module in BUILTIN:
        return True
    return facts_of(handler) is not None


def asks_new_password(handler: Handler) -> bool:
    """Return whether the module asks for a new password, and passes it to later modules."""
    facts = facts_of(handler)
    return facts is not None and facts.handling is Handling.CHANGES


def admission(handler: Handler) -> Admission:
    """Return what a success in authenticate confirms; an unknown module confirms the person."""
    if handler.must_fail or handler.is_substack or handler.module in BUILTIN:
        return Admission.NOBODY
    facts = facts_of(handler)
    return Admission.OTHERWISE if facts is None else facts.admission


def possible_returns(handler: Handler, pass_: Pass) -> frozenset[int]:
    """Return the number of every value that libpam may count for a handler in a pass."""
    if handler.must_fail:
        return frozenset({int(ReturnValue.PERM_DENIED)})
    if not is_in_libpams_directory(handler):
        return ALL
    known = builtin_return(handler, pass_)
    if known is None:
        return _returns_of(handler.module, handler.arguments, pass_)
    # These modules come with libpam itself, and the application names the user (pam_start(3)).
    return frozenset({int(known)})


def is_in_libpams_directory(handler: Handler) -> bool:
    """Return whether libpam loads the module from its own directory, as the tables assume."""
    directory = handler.module_path.rpartition("/")[0].removesuffix("/$ISA")
    return not directory or directory.endswith("/security")


@lru_cache(maxsize=512)
def _returns_of(module: str, arguments: tuple[str, ...], pass_: Pass) -> frozenset[int]:
    facts = FACTS.get(ALIASES.get(module, module))
    if facts is None:
        return ALL
    return values_of(cell(facts, arguments, pass_)) | {MISSING}


def answers_unknown(handler: Handler, pass_: Pass) -> bool:
    """Return whether an installed module may return module_unknown in a pass."""
    facts = facts_of(handler)
    if facts is None:
        return not is_known(handler)
    return MISSING in values_of(cell(facts, handler.arguments, pass_))


def cell(facts: ModuleFacts, arguments: tuple[str, ...], pass_: Pass) -> str:
    """Return the words of one cell of a row, with the arguments considered."""
    if pass_ is Pass.PRELIM and facts.prelim is not None:
        return facts.prelim
    words = option_of(facts, arguments, pass_)[1]
    return str(getattr(facts, _call_of(pass_))) if words is None else words


def _call_of(pass_: Pass) -> str:
    return "chauthtok" if pass_ in {Pass.PRELIM, Pass.UPDATE} else pass_.value


def option_of(
    facts: ModuleFacts, arguments: tuple[str, ...], pass_: Pass
) -> tuple[str, str | None]:
    """Return the argument that replaces a cell of a row, as it is written, and its words.

    The result is "" and None if there is no such argument.
    """
    call = _call_of(pass_)
    for known, which, words in facts.options:
        for argument in arguments:
            # pam_winbind ignores the case of its arguments (strcasecmp). It is safe to assume that
            # more values are possible.
            given = argument.lower() if words == ANYTHING else argument
            if (known, which) == (given, call):
                return argument, words
    return "", None


def values_of(words: str) -> frozenset[int]:
    """Return the numbers that the words of a cell stand for."""
    empty: frozenset[int] = frozenset()
    return empty.union(*(_WORDS[word] for word in words.split()))


def usual_return(handler: Handler, pass_: Pass) -> ReturnValue:
    """Return success if the module can return it, else ignore, else an error that it can return.

    ``explain`` and ``simulate`` assume this value if nobody has said what the module returns.
    """
    known = builtin_return(handler, pass_)
    if known is not None:
        return known
    values = possible_returns(handler, pass_)
    for value in (ReturnValue.SUCCESS, ReturnValue.IGNORE):
        if int(value) in values:
            return value
    likely = sorted(values - {MISSING}) or [MISSING]
    return ReturnValue(likely[0])
