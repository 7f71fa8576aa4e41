"""The terms of PAM: management groups, return values, actions, calls and dialects.

Sources: pam.conf(5) and pam(3); libpam/pam_tokens.h, libpam/pam_private.h and
libpam/include/security/_pam_types.h of Linux-PAM; Debian's patches 031_pam_include and
045_pam_dispatch_jump_is_ignore.
"""

from __future__ import annotations

import enum
from typing import NamedTuple, Union

from creds_session.pam.syntax.kinds import Dialect, ManagementGroup

__all__ = [
    "Action",
    "ActionTable",
    "Call",
    "Dialect",
    "Jump",
    "ManagementGroup",
    "Pass",
    "ReturnValue",
]


class ReturnValue(enum.IntEnum):
    """What modules and libpam may return; ``word`` is the name in a control.

    Source: _pam_types.h (numbers) and pam_tokens.h:_pam_token_returns (words).
    """

    SUCCESS = 0
    OPEN_ERR = 1
    SYMBOL_ERR = 2
    SERVICE_ERR = 3
    SYSTEM_ERR = 4
    BUF_ERR = 5
    PERM_DENIED = 6
    AUTH_ERR = 7
    CRED_INSUFFICIENT = 8
    AUTHINFO_UNAVAIL = 9
    USER_UNKNOWN = 10
    MAXTRIES = 11
    NEW_AUTHTOK_REQD = 12
    ACCT_EXPIRED = 13
    SESSION_ERR = 14
    CRED_UNAVAIL = 15
    CRED_EXPIRED = 16
    CRED_ERR = 17
    NO_MODULE_DATA = 18
    CONV_ERR = 19
    AUTHTOK_ERR = 20
    AUTHTOK_RECOVER_ERR = 21
    AUTHTOK_LOCK_BUSY = 22
    AUTHTOK_DISABLE_AGING = 23
    TRY_AGAIN = 24
    IGNORE = 25
    ABORT = 26
    AUTHTOK_EXPIRED = 27
    MODULE_UNKNOWN = 28
    BAD_ITEM = 29
    CONV_AGAIN = 30
    INCOMPLETE = 31

    @property
    def word(self) -> str:
        """The lower-case word that a control uses for this value, such as ``auth_err``."""
        return self.name.lower()


def return_word(value: int) -> str:
    """Return the word for a number that a module returned, or the number if it is not in 0..31."""
    if 0 <= value < len(ReturnValue):
        return ReturnValue(value).word
    return str(value)


class Action(enum.Enum):
    """What libpam does with a module's return value (pam.conf(5), _pam_token_actions)."""

    IGNORE = "ignore"
    OK = "ok"
    DONE = "done"
    BAD = "bad"
    DIE = "die"
    RESET = "reset"

    __hash__ = object.__hash__  # in C; the proof hashes actions tens of thousands of times


class Jump(NamedTuple):
    """The action "skip the next ``over`` rules of this type".

    A number that is not positive skips nothing and is a bad jump. libpam before 1.6 makes one of a
    number that is too large for an int (pam_misc.c:_pam_parse_control).
    """

    over: int

    @property
    def value(self) -> str:
        """The word that a control uses for this action: the number."""
        return str(self.over)


AnyAction = Union[Action, Jump]
ActionTable = tuple[AnyAction, ...]
"""One action for each return value, indexed by its number."""


class Call(enum.Enum):
    """The six calls of an application (pam(3)); ``group`` is the group whose rules they run."""

    AUTHENTICATE = "authenticate"
    SETCRED = "setcred"
    ACCT_MGMT = "acct_mgmt"
    OPEN_SESSION = "open_session"
    CLOSE_SESSION = "close_session"
    CHAUTHTOK = "chauthtok"

    @property
    def group(self) -> ManagementGroup:
        """The management group whose rules this call runs."""
        return _GROUPS[self]

    @property
    def passes(self) -> tuple[Pass, ...]:
        """The passes in which libpam walks the stack (pam_password.c:pam_chauthtok)."""
        if self is Call.CHAUTHTOK:
            return (Pass.PRELIM, Pass.UPDATE)
        return (Pass(self.value),)

    @property
    def earlier(self) -> Call | None:
        """The call whose return values freeze the chain of this one, or None.

        Source: pam_dispatch.c:_pam_dispatch.
        """
        earlier = self.passes[0].earlier
        return None if earlier is None else earlier.call


class Pass(enum.Enum):
    """One walk along a stack: a call, or one of the two halves of chauthtok.

    A module gets PAM_PRELIM_CHECK in the first half and PAM_UPDATE_AUTHTOK in the second
    (pam_sm_chauthtok(3)).
    """

    AUTHENTICATE = "authenticate"
    SETCRED = "setcred"
    ACCT_MGMT = "acct_mgmt"
    OPEN_SESSION = "open_session"
    CLOSE_SESSION = "close_session"
    PRELIM = "prelim"
    UPDATE = "update"

    @property
    def is_frozen(self) -> bool:
        """Whether the pass uses the values of an earlier call (pam_dispatch.c:_pam_dispatch)."""
        return self is Pass.SETCRED or self is Pass.CLOSE_SESSION

    @property
    def earlier(self) -> Pass | None:
        """The pass whose return values freeze the chain of this one, or None.

        Source: pam_dispatch.c:_pam_dispatch.
        """
        return _EARLIER.get(self)

    @property
    def call(self) -> Call:
        """The call that this pass belongs to."""
        return _CALLS[self]

    @property
    def group(self) -> ManagementGroup:
        """The management group whose rules this pass runs."""
        return self.call.group


_GROUPS = {
    Call.AUTHENTICATE: ManagementGroup.AUTH,
    Call.SETCRED: ManagementGroup.AUTH,
    Call.ACCT_MGMT: ManagementGroup.ACCOUNT,
    Call.OPEN_SESSION: ManagementGroup.SESSION,
    Call.CLOSE_SESSION: ManagementGroup.SESSION,
    Call.CHAUTHTOK: ManagementGroup.PASSWORD,
}
_CALLS = {pass_: call for call in Call for pass_ in call.passes}
_EARLIER = {Pass.SETCRED: Pass.AUTHENTICATE, Pass.CLOSE_SESSION: Pass.OPEN_SESSION}
