"""What the judge of a change assumes of a module: what identifies it, and what it may return.

``possible`` counts every value that is not known to be impossible. ``attacker_returns`` has what a
module may return to somebody who cannot prove who they are. ``benign_returns`` has what it returns
to somebody who is let through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, Optional

from creds_session.pam.keyring_rules.wrong_password import PROVED
from creds_session.pam.keyring_rules.wrong_password import possible as wrong_password_returns
from creds_session.pam.modules.conditions import judge_conditions, vouches
from creds_session.pam.modules.facts import Admission, Handling
from creds_session.pam.modules.returns import (
    BUILTIN,
    ERRORS,
    MISSING,
    answers_unknown,
    facts_of,
    is_known,
    module_name,
    possible_returns,
    usual_return,
)
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.terms import Pass, ReturnValue

Exists = Callable[[str], Optional[bool]]
"""Returns whether the file of a module exists, or None if that is not known."""

IGNORE: Final = int(ReturnValue.IGNORE)
RENEW: Final = int(ReturnValue.NEW_AUTHTOK_REQD)
_KNOWN_OR_NOT: Final = frozenset({int(ReturnValue.SUCCESS), RENEW, int(ReturnValue.USER_UNKNOWN)})
"""What a module returns in acct_mgmt that judges passwords, and does not refuse the person."""

_ROLES: Final = {
    "pam_faillock.so": ("preauth", "authfail", "authsucc"),
    "pam_selinux.so": ("open", "close"),
}
"""Arguments that make another module of one: each has a task of its own."""

_IGNORED: Final = {
    "ignore_unknown_user": int(ReturnValue.USER_UNKNOWN),
    "unknown_ok": int(ReturnValue.USER_UNKNOWN),
    "ignore_authinfo_unavail": int(ReturnValue.AUTHINFO_UNAVAIL),
}
"""Arguments with which a module returns ignore in place of a value (pam_sss(8), pam_winbind(8))."""

_BY_ARGUMENTS: Final = BUILTIN | {"pam_exec.so", "pam_echo.so", "pam_stack.so"}
"""Modules that are another module with any other argument."""

_CHECKS: Final = frozenset(
    {
        *("pam_access.so", "pam_faillock.so", "pam_tally.so", "pam_tally2.so", "pam_nologin.so"),
        *("pam_securetty.so", "pam_shells.so", "pam_time.so", "pam_listfile.so"),
        *("pam_succeed_if.so", "pam_usertype.so", "pam_localuser.so", "pam_wheel.so"),
    }
)
"""Modules whose purpose is to refuse somebody; so is that of a module that judges a password."""


_LOCAL: Final = frozenset(
    {
        *("pam_unix.so", "pam_unix2.so", "pam_tcb.so", "pam_pwdb.so", "pam_userdb.so"),
        *("pam_exec.so", "pam_filter.so", "pam_stress.so", "pam_timestamp.so", "pam_rootok.so"),
    }
)
"""Modules that know every local user, or whose answer is anybody's guess."""

ABOUT_USERS: Final = frozenset({"pam_localuser.so", "pam_succeed_if.so", "pam_usertype.so"})
"""Conditions about the user, which can be evaluated for an ordinary one."""

_REFUSING: Final = frozenset(
    {
        *("pam_sss.so", "pam_winbind.so", "pam_ldap.so", "pam_ldapd.so", "pam_radius_auth.so"),
        *("pam_tacplus.so", "pam_duo.so", "pam_u2f.so", "pam_google_authenticator.so"),
        *("pam_oath.so", "pam_yubico.so", "pam_fprintd.so", "pam_pkcs11.so"),
    }
)
"""Modules that return ignore to a person that they do not know only if an argument says so."""

_ASKING: Final = frozenset({"pam_krb5.so"})
"""Modules that ask for the new password even if they do not know the user, for the modules behind.

Source: pam-krb5 (rra), its documentation of ``ignore_root`` and ``minimum_uid``.
"""

_OPENING: Final = frozenset({("pam_u2f.so", "nouserok")})
"""Arguments with which a module returns success to a person that it does not know.

Source: pam-u2f before 1.3.1, pam-u2f.c:pam_sm_authenticate.
"""


class Machine(NamedTuple):
    """What is known of the system on one side: the service, and which module files exist."""

    service: str
    exists: Exists = lambda _path: None


def is_same_kind(one: Handler, other: Handler) -> bool:
    """Return whether two rules run the same module for the same task, whatever else they say."""
    return _task(one) == _task(other)


def _task(handler: Handler) -> tuple[object, ...]:
    name = module_name(handler)
    if handler.must_fail:
        return (handler.must_fail, handler.origin)
    if not is_known(handler) or name in _BY_ARGUMENTS:
        return (name, handler.arguments)
    roles = _ROLES.get(name, ())
    return (name, tuple(word for word in handler.arguments if word in roles))


def possible(handler: Handler, pass_: Pass, machine: Machine) -> frozenset[int]:
    """Return what libpam may count for a handler, if it is known whether its file exists."""
    values = possible_returns(handler, pass_)
    if pass_ in {Pass.AUTHENTICATE, Pass.SETCRED}:
        # Not a value of pam_sm_authenticate(3) or pam_sm_setcred(3); acct_mgmt asks for the change.
        values = values - {RENEW} or values
    values = values - {_IGNORED[word] for word in handler.arguments if word in _IGNORED} or values
    if handler.must_fail or handler.is_substack:
        return values
    exists = machine.exists(handler.module_path)
    if exists is False:
        return frozenset({MISSING})
    if exists and len(values) > 1 and not answers_unknown(handler, pass_):
        return values - {MISSING}
    return values


def _unproved(handler: Handler, pass_: Pass, machine: Machine) -> frozenset[int]:
    """Return what a module may return except a success that proves who somebody is.

    authenticate and a change of the password ask for a proof. In acct_mgmt, a directory of users
    lets in only the people that it knows. In other passes this is ``possible``.
    """
    values = possible(handler, pass_, machine)
    facts = facts_of(handler)
    if pass_ in {Pass.PRELIM, Pass.UPDATE, Pass.ACCT_MGMT} and len(values) > 1:
        knows = facts is None or (
            facts.handling is Handling.JUDGES and not _is_local(handler, pass_)
        )
        return values - PROVED or values if knows else values
    is_asked = pass_ is Pass.AUTHENTICATE and len(values) > 1 and not _is_open(handler)
    if is_asked and vouches(handler, machine.service):
        return values - PROVED
    return values


def needed_returns(handler: Handler, pass_: Pass, machine: Machine) -> frozenset[int]:
    """Return what a module may return at a login that shall succeed.

    A module that is there to refuse somebody lets this person through, and a module with another
    task does it. One of several proofs may fail, a condition may be true or false, and a module
    that is in no table may return anything.
    """
    values = possible(handler, pass_, machine)
    facts = facts_of(handler)
    if len(values) == 1:
        return values
    values -= {MISSING} if machine.exists(handler.module_path) is not False else frozenset()
    if facts is None or module_name(handler) in ABOUT_USERS:
        return values
    judges = facts.handling is Handling.JUDGES
    if judges and pass_ is Pass.ACCT_MGMT:
        return (values & _KNOWN_OR_NOT) or values
    if judges and pass_ in {Pass.AUTHENTICATE, Pass.PRELIM, Pass.UPDATE}:
        return values
    if pass_ is Pass.AUTHENTICATE and facts.admission is not Admission.NOBODY:
        return values
    return benign_returns(handler, pass_, machine)


def local_user_returns(handler: Handler, pass_: Pass, machine: Machine) -> frozenset[int]:
    """Return what a module may return to an ordinary user of this machine, who has no token.

    A directory service does not know this person. What a module does that is in no table is not
    known, so that it may let the person through.
    """
    values = needed_returns(handler, pass_, machine)
    facts = facts_of(handler)
    if facts is None or len(values) == 1 or module_name(handler) in _LOCAL:
        return values
    if module_name(handler) in ABOUT_USERS:
        return benign_returns(handler, pass_, machine)
    is_directory = facts.handling is Handling.JUDGES
    is_token = pass_ is Pass.AUTHENTICATE and facts.admission is Admission.OTHERWISE
    if not (is_directory or is_token) or _is_open(handler):
        return values
    unknown = values - PROVED or values
    return unknown if module_name(handler) in _REFUSING else unknown | {IGNORE}


def _is_local(handler: Handler, pass_: Pass) -> bool:
    """Return whether a module judges local accounts in acct_mgmt: whether one has expired."""
    return pass_ is Pass.ACCT_MGMT and module_name(handler) in _LOCAL


def _is_open(handler: Handler) -> bool:
    """Return whether a module may let somebody through who cannot prove who they are."""
    return not _OPENING.isdisjoint(
        (module_name(handler), argument) for argument in handler.arguments
    )


def attacker_returns(handler: Handler, pass_: Pass, machine: Machine) -> frozenset[int]:
    """Return what a module may return to a person who cannot prove who they are.

    A module that checks a proof returns ignore only if an argument or the tables say so.
    """
    values = _unproved(handler, pass_, machine)
    if pass_ is not Pass.AUTHENTICATE or _is_open(handler):
        return values
    known = wrong_password_returns(handler, machine.service)
    if known is None:
        return (values & (ERRORS | {IGNORE})) or values
    return (values & known) or values


def benign_returns(handler: Handler, pass_: Pass, machine: Machine) -> frozenset[int]:
    """Return the value with which a module lets an ordinary person through, as a set of one.

    A condition about the user is evaluated for an ordinary user of this machine.
    """
    values = possible(handler, pass_, machine)
    usual = int(usual_return(handler, pass_))
    if module_name(handler) == "pam_usertype.so" and "issystem" in handler.arguments:
        usual = int(ReturnValue.AUTH_ERR)
    if module_name(handler) == "pam_succeed_if.so" and usual == ReturnValue.SUCCESS:
        usual = int(judge_conditions(handler, machine.service))
    return frozenset({usual if usual in values else min(values)})


def is_check(handler: Handler) -> bool:
    """Return whether a module is there to refuse somebody, or may be."""
    if handler.must_fail or module_name(handler) in BUILTIN:
        return False
    facts = facts_of(handler)
    if facts is None or module_name(handler) in _CHECKS:
        return True
    judges = facts.handling in {Handling.JUDGES, Handling.CHANGES}
    return judges or facts.admission is not Admission.NOBODY


def takes_password(handler: Handler, pass_: Pass) -> bool:
    """Return whether a module uses a password that an earlier module has asked for."""
    facts = facts_of(handler)
    if facts is None or handler.must_fail:
        return False
    return facts.handling is Handling.READS or is_dependent(handler, pass_)


def is_dependent(handler: Handler, pass_: Pass) -> bool:
    """Return whether a module fails if no earlier module has asked for the password.

    Sources: pam_unix(8), pam_sss(8), pam_pwhistory(8): ``use_first_pass`` and ``use_authtok`` never
    ask.
    """
    facts = facts_of(handler)
    if facts is None or facts.handling not in {Handling.JUDGES, Handling.CHANGES}:
        return False
    if pass_ is Pass.AUTHENTICATE:
        return "use_first_pass" in handler.arguments
    return pass_ is Pass.UPDATE and "use_authtok" in handler.arguments


def has_asked(handler: Handler, returned: int, pass_: Pass) -> bool:
    """Return whether later modules may have the password after a module has returned a value.

    In a change of the password, only a module that succeeds has set the new one.
    """
    if handler.must_fail or is_dependent(handler, pass_) or module_name(handler) in BUILTIN:
        return False
    facts = facts_of(handler)
    if facts is None:
        return True
    if facts.handling is Handling.NOTHING or module_name(handler) in _TAKING:
        return False
    is_asking = pass_ is not Pass.UPDATE or module_name(handler) in _ASKING
    return is_asking or returned == ReturnValue.SUCCESS


_TAKING: Final = frozenset({"pam_gnome_keyring.so", "pam_kwallet.so", "pam_kwallet5.so"})
"""Modules that take the password if there is one, and do not ask for it."""
