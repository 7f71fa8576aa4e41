"""Return what a module is known to return in authenticate if the password is wrong.

``returns`` treats every value as possible that is not known to be impossible, because the proof of
a change needs that. An alarm needs the opposite: it counts only values that the tables say.

If the tables say *anything* about a module that checks the person, the module is assumed to return
an error; it returns ignore only with an argument for which the tables say so. Nothing is known
about a module that is in no table; ``possible`` is then None.
"""

from __future__ import annotations

from typing import Final

from creds_session.pam.keyring_rules.policy import is_anchor
from creds_session.pam.modules.builtin import builtin_return
from creds_session.pam.modules.conditions import vouches
from creds_session.pam.modules.facts import ANYTHING, Handling, ModuleFacts
from creds_session.pam.modules.returns import (
    MISSING,
    cell,
    facts_of,
    is_in_libpams_directory,
    is_known,
    module_name,
    option_of,
    values_of,
)
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.terms import ManagementGroup, Pass, ReturnValue

SUCCESS: Final = int(ReturnValue.SUCCESS)
IGNORE: Final = int(ReturnValue.IGNORE)
PROVED: Final = frozenset({SUCCESS, int(ReturnValue.NEW_AUTHTOK_REQD)})
"""Values of a module that has confirmed who the person is."""

ERRORS: Final = frozenset(
    int(value)
    for value in (
        *(ReturnValue.AUTH_ERR, ReturnValue.USER_UNKNOWN, ReturnValue.AUTHINFO_UNAVAIL),
        *(ReturnValue.CRED_INSUFFICIENT, ReturnValue.MAXTRIES, ReturnValue.ACCT_EXPIRED),
        *(ReturnValue.PERM_DENIED, ReturnValue.SERVICE_ERR, ReturnValue.SYSTEM_ERR),
        *(ReturnValue.BUF_ERR, ReturnValue.CONV_ERR, ReturnValue.ABORT),
        *(ReturnValue.AUTHTOK_ERR, ReturnValue.AUTHTOK_RECOVER_ERR),
    )
)
"""The errors of pam_sm_authenticate(3), of pam_authenticate(3), and of the functions by which
modules get the user name and the password (pam_get_user(3), pam_get_authtok(3))."""

SETTLED: Final = frozenset(
    {
        *("pam_access.so", "pam_listfile.so", "pam_localuser.so", "pam_nologin.so"),
        *("pam_rootok.so", "pam_securetty.so", "pam_shells.so", "pam_succeed_if.so"),
        *("pam_usertype.so", "pam_wheel.so"),
    }
)
"""Modules that ask nothing and change nothing: they answer the same arguments the same twice."""


def is_judged(handler: Handler) -> bool:
    """Return whether a handler is known to check the password of the account."""
    return is_anchor(handler, ManagementGroup.AUTH) and is_in_libpams_directory(handler)


def possible(handler: Handler, service: str) -> frozenset[int] | None:
    """Return what a module may return to a wrong password; None if the module is unknown.

    A success that confirms who the person is is left out: nobody then gets in by mistake.
    """
    if handler.must_fail:
        return frozenset({int(ReturnValue.PERM_DENIED)})
    if not (is_in_libpams_directory(handler) and is_known(handler)):
        return None
    known = builtin_return(handler, Pass.AUTHENTICATE)
    if known is not None:
        return frozenset({int(known)})
    facts = facts_of(handler)
    values = _values(handler, facts) if facts else frozenset({MISSING})
    return values - PROVED if vouches(handler, service) else values


def _values(handler: Handler, facts: ModuleFacts) -> frozenset[int]:
    words = cell(facts, handler.arguments, Pass.AUTHENTICATE)
    values = values_of(words) if words else frozenset({MISSING})
    errors = values & ERRORS
    if facts.handling in {Handling.JUDGES, Handling.MAY_ASK}:
        ignores = frozenset({IGNORE}) if ignoring_argument(handler) else frozenset()
        return errors | (values & PROVED) | ignores
    if words == ANYTHING:
        return errors | {SUCCESS, IGNORE}
    if _only_counts(handler):
        return errors | {IGNORE}
    return errors | (values - _OTHER_ERRORS)


def ignoring_argument(handler: Handler) -> str:
    """Return the argument with which a module that checks the person may return ignore, or ""."""
    facts = facts_of(handler)
    if facts is None or facts.handling not in {Handling.JUDGES, Handling.MAY_ASK}:
        return ""
    argument, words = option_of(facts, handler.arguments, Pass.AUTHENTICATE)
    return argument if words is not None and IGNORE in values_of(words) else ""


def _only_counts(handler: Handler) -> bool:
    """Return whether a handler is the pam_faillock rule that records a failure.

    It never returns success (pam_faillock.c:pam_sm_authenticate), except with ``local_only``.
    """
    words = set(handler.arguments)
    is_counter = module_name(handler) == "pam_faillock.so" and "authfail" in words
    return is_counter and "local_only" not in words


_OTHER_ERRORS: Final = values_of("errors") - ERRORS
