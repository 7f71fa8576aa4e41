"""Run a service in each scenario of ``explain``, with assumptions about what modules return.

The calls and their order are those of sshd (auth-pam.c:sshpam_thread; do_pam_setcred and
do_pam_session in the process that starts the session). Other programs differ in the order only.

    authenticate   not at a key login
    acct_mgmt      always
    chauthtok      if acct_mgmt returned new_authtok_reqd
    setcred        always
    open_session   always

A call that fails ends the scenario. Only ASSUMPTIONS says what modules return.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from creds_session.pam.keyring_rules.names import MODULE, PASSWORD_ONLY
from creds_session.pam.keyring_rules.policy import PASSWORD_MODULES
from creds_session.pam.modules.builtin import builtin_return
from creds_session.pam.modules.conditions import judge_conditions
from creds_session.pam.modules.linux_pam import ALIASES
from creds_session.pam.modules.returns import usual_return
from creds_session.pam.stack.dispatch import Returns, Verdict, dispatch
from creds_session.pam.stack.handlers import Handler, Stacks
from creds_session.pam.syntax.terms import Call, ManagementGroup, Pass, ReturnValue, return_word

_V = ReturnValue
LOCAL = "pam_unix.so"


class Scenario(enum.Enum):
    """How somebody uses a service."""

    PASSWORD = "password login"  # noqa: S105 - a title
    WRONG_PASSWORD = "wrong password"  # noqa: S105
    KEY = "key login"
    EXPIRED = "expired password"
    CHANGE = "password change"


def scenarios_of(service: str) -> tuple[Scenario, ...]:
    """Return the scenarios of a service."""
    if service in PASSWORD_ONLY:
        return (Scenario.CHANGE,)
    return (Scenario.PASSWORD, Scenario.WRONG_PASSWORD, Scenario.KEY, Scenario.EXPIRED)


class Assumption(NamedTuple):
    """What some modules are assumed to return in some passes; None is computed in code.

    ``scenarios`` empty: in each. ``argument``: only with this argument, or with ``!`` only without
    it. ``beside``: only if the group has this module too.
    """

    modules: tuple[str, ...]
    passes: tuple[Pass, ...]
    returned: ReturnValue | None
    reason: str
    scenarios: tuple[Scenario, ...] = ()
    argument: str = ""
    beside: str = ""

    @property
    def returns(self) -> str:
        """The value in words."""
        return self.returned.word if self.returned is not None else "computed"

    def fits(self, handler: Handler, pass_: Pass, scenario: Scenario) -> bool:
        """Return whether the assumption is about this handler in this pass of this scenario."""
        return (
            handler.module in self.modules
            and pass_ in self.passes
            and (not self.scenarios or scenario in self.scenarios)
            and self._fits_arguments(handler)
        )

    def _fits_arguments(self, handler: Handler) -> bool:
        wanted = self.argument.lstrip("!")
        return not wanted or (wanted in handler.arguments) != self.argument.startswith("!")


_ASKED = (Pass.AUTHENTICATE,)
_ACCOUNT = (Pass.ACCT_MGMT,)
_LOGIN = (*_ASKED, *_ACCOUNT)
_CHANGE = (Pass.PRELIM, Pass.UPDATE)
_PASSWORDS = tuple(sorted(PASSWORD_MODULES))
_OTHERS = tuple(module for module in _PASSWORDS if ALIASES.get(module, module) != LOCAL)
_ALIKE = ("pam_deny.so", "pam_debug.so", "pam_permit.so")
_WITHOUT = ("pam_rootok.so", "pam_fprintd.so", "pam_rhosts.so", "pam_timestamp.so")
_NO_LOCAL_USER = "together with pam_unix.so: the user is a local user"
_FAILED = "with authfail: it records a failure (else success: nobody is locked)"
_JUDGED = "its conditions are evaluated for alice, uid 1000, in no special group"
_GUEST = "with issystem: the user is an ordinary user"
ASSUMPTIONS = (
    Assumption(_ALIKE, tuple(Pass), None, "they always return the same"),
    Assumption(_OTHERS, (*_LOGIN, *_CHANGE), _V.USER_UNKNOWN, _NO_LOCAL_USER, beside=LOCAL),
    Assumption(
        _PASSWORDS, _ASKED, _V.AUTH_ERR, "the password is wrong", (Scenario.WRONG_PASSWORD,)
    ),
    Assumption(
        _PASSWORDS, _ACCOUNT, _V.NEW_AUTHTOK_REQD, "the password has expired", (Scenario.EXPIRED,)
    ),
    Assumption(("pam_faillock.so",), _ASKED, _V.IGNORE, _FAILED, argument="authfail"),
    Assumption(("pam_nologin.so",), _LOGIN, _V.IGNORE, "no /etc/nologin", argument="!successok"),
    Assumption(("pam_env.so",), _ASKED, _V.IGNORE, "it always does"),
    Assumption(("pam_succeed_if.so",), (*_LOGIN, Pass.OPEN_SESSION), None, _JUDGED),
    Assumption(("pam_succeed_if.so",), (Pass.SETCRED,), _V.IGNORE, "it always does"),
    Assumption(("pam_usertype.so",), _LOGIN, _V.AUTH_ERR, _GUEST, argument="issystem"),
    Assumption(_WITHOUT, _ASKED, _V.AUTH_ERR, "the login uses no method without a password"),
    Assumption((MODULE,), (Pass.PRELIM,), _V.IGNORE, "it waits for the new password"),
)
"""The first assumption that fits decides; every other module returns success if it can.

Sources, in addition to those of ``builtin_return``: pam_faillock.c, pam_nologin.c, pam_env.c,
pam_succeed_if.c, pam_usertype.c and pam_rootok.c of Linux-PAM; pam/gkr-pam-module.c of
gnome-keyring, whose authenticate returns success for a wrong password, too.
"""


def returns_on(scenario: Scenario, stacks: Stacks) -> Returns:
    """Return a function that says what each module is assumed to return in a scenario."""
    modules = modules_of(stacks)

    def returns(handler: Handler, pass_: Pass) -> int:
        found = assumption_of(modules, handler, pass_, scenario)
        if found is None:
            return usual_return(handler, pass_)
        if found.returned is not None:
            return found.returned
        known = builtin_return(handler, pass_)
        return judge_conditions(handler, stacks.auth.service) if known is None else known

    return returns


Modules = dict[ManagementGroup, frozenset[str]]


def modules_of(stacks: Stacks) -> Modules:
    """Return the modules of each group."""
    return {
        group: frozenset(handler.module for handler in stacks.of(group).handlers)
        for group in ManagementGroup
    }


def assumption_of(
    modules: Modules, handler: Handler, pass_: Pass, scenario: Scenario
) -> Assumption | None:
    """Return the assumption that decides, or None if the module returns its usual value."""
    here = modules[handler.group]
    fitting = (
        assumption for assumption in ASSUMPTIONS if assumption.fits(handler, pass_, scenario)
    )
    return next(
        (
            assumption
            for assumption in fitting
            if not assumption.beside or assumption.beside in here
        ),
        None,
    )


class CallTaken(NamedTuple):
    """One call of a scenario: its result, or why it is not made."""

    call: Call
    verdict: Verdict | None = None
    reason: str = ""


_ORDER = (Call.AUTHENTICATE, Call.ACCT_MGMT, Call.CHAUTHTOK, Call.SETCRED, Call.OPEN_SESSION)


def calls_of_scenario(stacks: Stacks, scenario: Scenario) -> tuple[CallTaken, ...]:
    """Run one scenario: each call in order, until a call fails."""
    returns = returns_on(scenario, stacks)
    verdicts: dict[Call, Verdict] = {}
    taken = []
    for call in _ORDER:
        reason = _why_not(scenario, call, verdicts)
        if not reason:
            frozen = verdicts.get(Call.AUTHENTICATE) if call is Call.SETCRED else None
            verdicts[call] = dispatch(stacks, call, returns, after=frozen)
        taken.append(CallTaken(call, verdicts.get(call), reason))
    return tuple(taken)


def _why_not(scenario: Scenario, call: Call, verdicts: dict[Call, Verdict]) -> str:
    """Return why a call is not made after the calls before it, or ""."""
    if scenario is Scenario.CHANGE:
        return "" if call is Call.CHAUTHTOK else "a password change does not call it"
    if scenario is Scenario.KEY and call is Call.AUTHENTICATE:
        return "a key login does not call it"
    account = verdicts.get(Call.ACCT_MGMT)
    is_required = account is not None and account.result == ReturnValue.NEW_AUTHTOK_REQD
    for made, verdict in verdicts.items():
        if verdict.result and not (made is Call.ACCT_MGMT and is_required):
            return f"{made.value} returned {return_word(verdict.result)}"
    if call is Call.CHAUTHTOK and not is_required:
        return "acct_mgmt asks for no new password"
    return ""
