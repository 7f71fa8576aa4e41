"""Return what the modules return that always return the same.

Sources: modules/pam_permit, modules/pam_deny and modules/pam_debug of Linux-PAM.
"""

from __future__ import annotations

from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.terms import Pass, ReturnValue

_DENIED = {
    Pass.AUTHENTICATE: ReturnValue.AUTH_ERR,
    Pass.SETCRED: ReturnValue.CRED_ERR,
    Pass.ACCT_MGMT: ReturnValue.AUTH_ERR,
    Pass.OPEN_SESSION: ReturnValue.SESSION_ERR,
    Pass.CLOSE_SESSION: ReturnValue.SESSION_ERR,
    Pass.PRELIM: ReturnValue.AUTHTOK_ERR,
    Pass.UPDATE: ReturnValue.AUTHTOK_ERR,
}

DEBUG_EVENTS = {
    Pass.AUTHENTICATE: "auth",
    Pass.SETCRED: "cred",
    Pass.ACCT_MGMT: "acct",
    Pass.OPEN_SESSION: "open_session",
    Pass.CLOSE_SESSION: "close_session",
    Pass.PRELIM: "prechauthtok",
    Pass.UPDATE: "chauthtok",
}
"""The argument of pam_debug that decides each pass (pam_debug(8))."""

_VALUES = {value.word: value for value in ReturnValue}


def builtin_return(handler: Handler, pass_: Pass) -> ReturnValue | None:
    """Return what pam_permit, pam_deny or pam_debug returns, or None for any other module.

    pam_permit's authenticate also asks for the user's name if there is none; a failure of that
    question is not considered.
    """
    if handler.module == "pam_permit.so":
        return ReturnValue.SUCCESS
    if handler.module == "pam_deny.so":
        return _DENIED[pass_]
    if handler.module == "pam_debug.so":
        return _debug_return(handler, DEBUG_EVENTS[pass_])
    return None


def _debug_return(handler: Handler, event: str) -> ReturnValue:
    """Follow pam_debug.c:parse_args: the first argument for the event decides."""
    for argument in handler.arguments:
        name, equals, word = argument.partition("=")
        if name == event and equals:
            return _VALUES.get(word, ReturnValue.SUCCESS)
    return ReturnValue.SUCCESS
