"""What this project wants of a service: the place of pam_gnome_keyring, and what it may return.

Source of the arguments and returns: gnome-keyring, pam/gkr-pam-module.c (parse_args,
pam_sm_authenticate, pam_sm_open_session, pam_sm_chauthtok and what they call);
of the guard: modules/pam_succeed_if of Linux-PAM.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from creds_session.pam.keyring_rules.names import MODULE, PASSWORD_ONLY, is_of_another_person
from creds_session.pam.modules.facts import Handling
from creds_session.pam.modules.linux_pam import ALIASES
from creds_session.pam.modules.returns import FACTS, is_known
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.controls import parse_control
from creds_session.pam.syntax.terms import ManagementGroup, Pass, ReturnValue

OPTIONAL = "optional"
NEVER_COUNTS = "[default=ignore]"
CONTROLS = (OPTIONAL, NEVER_COUNTS)
"""The controls that are written: ``optional`` if it is proved safe, else the other one."""

GUARD_CONTROL = "[success=1 default=ignore]"
GUARD_MODULE = "pam_succeed_if.so"
GUARD_ARGUMENTS = ("quiet", "uid", "=", "0")
"""The rule before ours that makes root's login skip ours."""

GUARD_ACTIONS = parse_control(GUARD_CONTROL.strip("[]").encode()).actions
GUARDED = (ManagementGroup.AUTH, ManagementGroup.SESSION)
"""The groups of a login; a guard in the other groups would be of no use."""

PASSWORD_MODULES = frozenset(
    name
    for name in (*FACTS, *ALIASES)
    if FACTS[ALIASES.get(name, name)].handling is Handling.JUDGES
)
"""Modules that ask for the account's password, or receive it, and check it."""

SESSION_ANCHORS = frozenset({"pam_systemd.so", "pam_elogind.so"})
"""Modules that set XDG_RUNTIME_DIR; without it, the daemon's socket is not found."""

SESSION_BEFORE = SESSION_ANCHORS | {"pam_selinux.so", "pam_namespace.so"}
"""Modules after which a process of the user must start, if the stack has them."""

SESSION_MADE = SESSION_BEFORE | {
    *("pam_mkhomedir.so", "pam_oddjob_mkhomedir.so", "pam_systemd_home.so", "pam_homed.so"),
    *("pam_mount.so", "pam_ecryptfs.so", "pam_fscrypt.so", "pam_zfs_key.so", "pam_afs_session.so"),
    *("pam_limits.so", "pam_env.so"),
}
"""Modules that make the home, the limits or the environment, which such a process needs as well.

A daemon that starts before the home is mounted stores its files in the directory below the mount.
"""


class Wanted(NamedTuple):
    """One of the three rules: its group, its argument, and its purpose."""

    group: ManagementGroup
    argument: str
    purpose: str


WANTED = (
    Wanted(ManagementGroup.AUTH, "", "gets the password when it is typed"),
    Wanted(ManagementGroup.PASSWORD, "use_authtok", "changes the keyring's password too"),
    Wanted(ManagementGroup.SESSION, "auto_start", "starts the daemon and unlocks it"),
)


EARLY = Wanted(ManagementGroup.AUTH, "auto_start", "starts the daemon while PAM has the password")
"""The auth rule for a program that runs auth in another process and keeps its environment only."""


def wanted_rules(service: str, *, early_start: bool = False) -> tuple[Wanted, ...]:
    """Return the rules that a service should have; ``early_start`` selects the rule ``EARLY``."""
    if service in PASSWORD_ONLY:
        return tuple(rule for rule in WANTED if rule.group is ManagementGroup.PASSWORD)
    if is_of_another_person(service):
        return tuple(rule for rule in WANTED if rule.group is not ManagementGroup.SESSION)
    if early_start:
        return (EARLY, *(rule for rule in WANTED if rule.group is not ManagementGroup.AUTH))
    return WANTED


_FAILURES = (
    ReturnValue.SERVICE_ERR,
    ReturnValue.SYSTEM_ERR,
    ReturnValue.BUF_ERR,
    ReturnValue.AUTH_ERR,
    ReturnValue.USER_UNKNOWN,
    ReturnValue.CONV_ERR,
    ReturnValue.AUTHTOK_ERR,
    ReturnValue.AUTHTOK_RECOVER_ERR,
    ReturnValue.TRY_AGAIN,
    ReturnValue.ABORT,
)


def keyring_returns(pass_: Pass, *, strict: bool = False) -> tuple[ReturnValue, ...]:
    """Return what pam_gnome_keyring may return in a pass.

    MODULE_UNKNOWN is always included: the file of the module may be missing. setcred and
    close_session are ``return PAM_SUCCESS``; the first half of chauthtok returns PAM_IGNORE. In
    other passes, every code is included that the module or a libpam function can return, even if it
    was never observed. ``strict`` includes every value.
    """
    if strict:
        return tuple(value for value in ReturnValue if value is not ReturnValue.INCOMPLETE)
    if pass_.is_frozen:
        return (ReturnValue.SUCCESS, ReturnValue.MODULE_UNKNOWN)
    return (ReturnValue.SUCCESS, ReturnValue.IGNORE, ReturnValue.MODULE_UNKNOWN, *_FAILURES)


def is_keyring(handler: Handler) -> bool:
    """Return whether a handler calls pam_gnome_keyring."""
    return handler.module == MODULE and not handler.is_substack and not handler.must_fail


def is_guard(handler: Handler) -> bool:
    """Return whether a handler looks like the rule that makes root's login skip ours."""
    return (
        handler.module == GUARD_MODULE
        and handler.arguments == GUARD_ARGUMENTS
        and handler.actions == GUARD_ACTIONS
    )


def own_rule_indexes(handlers: Sequence[Handler]) -> frozenset[int]:
    """Return the indexes of the rules that this project writes, including their guards.

    An administrator's rule may look like a guard. A guard of ours is right before a rule of ours,
    in the same file.
    """
    rules = {place for place, handler in enumerate(handlers) if is_keyring(handler)}
    return frozenset(
        rules
        | {
            place - 1
            for place in rules
            if is_guard(handlers[place - 1])
            and handlers[place - 1].origin.file == handlers[place].origin.file
        }
    )


def excluded_by_only_if(handler: Handler, service: str) -> str:
    """Return why only_if excludes a service from a rule of pam_gnome_keyring, or ""."""
    for argument in handler.arguments:
        name, _, value = argument.partition("=")
        if name == "only_if" and service not in value.split(","):
            return f"only_if={value} excludes {service}"
    return ""


def why_ineffective(handler: Handler, service: str) -> str:
    """Return why a rule of pam_gnome_keyring has no effect for a service, or "".

    A session rule without auto_start even does harm: it uses up the password that auth stored.
    """
    reason = excluded_by_only_if(handler, service)
    if reason:
        return reason
    if handler.group is ManagementGroup.SESSION and "auto_start" not in handler.arguments:
        return "without auto_start, the rule starts no daemon"
    return ""


def starts_daemon(handler: Handler, service: str) -> bool:
    """Return whether a rule of pam_gnome_keyring starts a daemon if none is running."""
    has_auto_start = "auto_start" in handler.arguments
    return is_keyring(handler) and has_auto_start and not excluded_by_only_if(handler, service)


def is_anchor(handler: Handler, group: ManagementGroup) -> bool:
    """Return whether our rule of this group must run after this handler."""
    modules = SESSION_ANCHORS if group is ManagementGroup.SESSION else PASSWORD_MODULES
    return handler.module in modules and not handler.is_substack and not handler.must_fail


def anchors(handlers: Sequence[Handler], group: ManagementGroup) -> frozenset[int]:
    """Return the indexes of the handlers after which our rule of this group must run.

    If no module is known to check the password, these are the modules that may check it.
    """
    known = {place for place, handler in enumerate(handlers) if is_anchor(handler, group)}
    if known or group is ManagementGroup.SESSION:
        return frozenset(known)
    return may_judge(handlers)


def may_judge(handlers: Sequence[Handler]) -> frozenset[int]:
    """Return the indexes of modules that may check the password, though that is not known.

    These are the modules that are in no table, and pam_exec if it asks for the password and passes
    it to a program (pam_exec(8), expose_authtok).
    """
    return frozenset(
        place
        for place, handler in enumerate(handlers)
        if not is_known(handler) or is_handing_over(handler)
    )


def is_handing_over(handler: Handler) -> bool:
    """Return whether a handler is pam_exec with the argument that passes on the password."""
    return handler.module == "pam_exec.so" and "expose_authtok" in handler.arguments
