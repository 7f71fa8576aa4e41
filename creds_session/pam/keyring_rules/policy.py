"""What we want of a service: where pam_gnome_keyring must stand, and what it may return.

Source of the arguments and returns: gnome-keyring, pam/gkr-pam-module.c (parse_args,
pam_sm_authenticate, pam_sm_open_session, pam_sm_chauthtok and what they call);
of the guard: modules/pam_succeed_if of Linux-PAM.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from creds_session.pam.modules.facts import Handling
from creds_session.pam.modules.linux_pam import ALIASES
from creds_session.pam.modules.returns import FACTS, is_known
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.controls import parse_control
from creds_session.pam.syntax.terms import ManagementGroup, Pass, ReturnValue

MODULE = "pam_gnome_keyring.so"
OPTIONAL = "optional"
NEVER_COUNTS = "[default=ignore]"
CONTROLS = (OPTIONAL, NEVER_COUNTS)
"""The controls we write, in the order of preference: the field's own word where it is proved."""

GUARD_CONTROL = "[success=1 default=ignore]"
GUARD_MODULE = "pam_succeed_if.so"
GUARD_ARGUMENTS = ("quiet", "uid", "=", "0")
"""The rule before ours that lets root's login pass it by."""

GUARD_ACTIONS = parse_control(GUARD_CONTROL.strip("[]").encode()).actions
GUARDED = (ManagementGroup.AUTH, ManagementGroup.SESSION)
"""The groups that a login goes through; a guard in the others would guard nothing."""

PASSWORD_MODULES = frozenset(
    name
    for name in (*FACTS, *ALIASES)
    if FACTS[ALIASES.get(name, name)].handling is Handling.JUDGES
)
"""Modules that ask for the password of the account, or are handed it, and judge it."""

SESSION_ANCHORS = frozenset({"pam_systemd.so", "pam_elogind.so"})
"""Modules that set XDG_RUNTIME_DIR, without which the daemon's socket is not found."""

SESSION_BEFORE = SESSION_ANCHORS | {"pam_selinux.so", "pam_namespace.so"}
"""What a process that runs as the user must come after, where it is there."""

SESSION_MADE = SESSION_BEFORE | {
    *("pam_mkhomedir.so", "pam_oddjob_mkhomedir.so", "pam_systemd_home.so", "pam_homed.so"),
    *("pam_mount.so", "pam_ecryptfs.so", "pam_fscrypt.so", "pam_zfs_key.so", "pam_afs_session.so"),
    *("pam_limits.so", "pam_env.so"),
}
"""What makes the home, the limits or the environment that such a process should have as well.

A daemon that starts before the home is mounted keeps its files in the directory below the mount.
"""

PASSWORD_ONLY = frozenset({"passwd", "chpasswd", "chpass", "kpasswd"})
"""Services that log nobody in: only their password group concerns a keyring."""


OF_ANOTHER_PERSON = frozenset(
    {
        *("sudo", "sudo-i", "su", "su-l", "runuser", "runuser-l", "doas", "pkexec", "polkit-1"),
        *("cron", "crond", "atd", "at", "crontab", "fcron", "systemd-run0", "run0", "sux"),
        *("ksu", "newrole", "run_init", "userhelper", "config-util"),
        *("systemd-user", "start-stop-daemon", "supervise-daemon"),
    }
)
"""Services whose session is not the login of the person whose password is typed.

They open it as root, or for another user, with the caller's environment. A daemon that is started
there belongs to the wrong user, and the person's keyring stays as it was. systemd-user and the
daemons' starters are told no password by anybody.
"""

FAMILIES = frozenset(
    ("sudo", "su", "runuser", "doas", "pkexec", "polkit", "cron", "crond", "cronie", "run0")
)
"""Such services by the first word of their name.

sudoers(5) lets each command have a service of its own (pam_service), and ports of a program have
names such as sudo-rs.
"""
_BETWEEN_WORDS = re.compile("[-_.]")


def is_of_another_person(service: str) -> bool:
    """Return whether the session of a service is not the login of whoever types the password."""
    return service in OF_ANOTHER_PERSON or _BETWEEN_WORDS.split(service)[0] in FAMILIES


class Wanted(NamedTuple):
    """One of the three rules: its group, its argument, and what it is for."""

    group: ManagementGroup
    argument: str
    purpose: str


WANTED = (
    Wanted(ManagementGroup.AUTH, "", "takes the password as it is typed"),
    Wanted(ManagementGroup.PASSWORD, "use_authtok", "gives the keyring the new password too"),
    Wanted(ManagementGroup.SESSION, "auto_start", "starts the daemon and unlocks it"),
)


EARLY = Wanted(ManagementGroup.AUTH, "auto_start", "starts the daemon while the password is there")
"""The auth rule where auth runs in a process of its own, of which only the environment is kept."""


def wanted_rules(service: str, *, early_start: bool = False) -> tuple[Wanted, ...]:
    """Return the rules that a service should have; ``early_start`` is for such an auth."""
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
    """Say what pam_gnome_keyring may return in a pass, MODULE_UNKNOWN (not on the disk) included.

    setcred and close_session are ``return PAM_SUCCESS``; the first half of chauthtok is
    PAM_IGNORE. Elsewhere every code that the module or a libpam function it calls can give is
    taken, whether or not a run of it was ever seen. ``strict`` takes every value there is.
    """
    if strict:
        return tuple(value for value in ReturnValue if value is not ReturnValue.INCOMPLETE)
    if pass_.is_frozen:
        return (ReturnValue.SUCCESS, ReturnValue.MODULE_UNKNOWN)
    return (ReturnValue.SUCCESS, ReturnValue.IGNORE, ReturnValue.MODULE_UNKNOWN, *_FAILURES)


def is_keyring(handler: Handler) -> bool:
    """Tell whether a handler calls pam_gnome_keyring."""
    return handler.module == MODULE and not handler.is_substack and not handler.must_fail


def is_guard(handler: Handler) -> bool:
    """Tell whether a handler could be the rule that keeps root's login out of ours."""
    return (
        handler.module == GUARD_MODULE
        and handler.arguments == GUARD_ARGUMENTS
        and handler.actions == GUARD_ACTIONS
    )


def own_rule_indexes(handlers: Sequence[Handler]) -> frozenset[int]:
    """Return the places of what this project writes: its rules, and a guard right before one.

    A rule of the admin's may look like the guard; what it guards, in one file, tells them apart.
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
    """Say what keeps a rule of pam_gnome_keyring from acting for a service at all, or nothing."""
    for argument in handler.arguments:
        name, _, value = argument.partition("=")
        if name == "only_if" and service not in value.split(","):
            return f"only_if={value} keeps it out of {service}"
    return ""


def why_ineffective(handler: Handler, service: str) -> str:
    """Say why a rule of pam_gnome_keyring does not do its work for a service, or nothing.

    A session rule without auto_start does harm besides: it spends the password that auth kept.
    """
    reason = excluded_by_only_if(handler, service)
    if reason:
        return reason
    if handler.group is ManagementGroup.SESSION and "auto_start" not in handler.arguments:
        return "without auto_start it starts no daemon"
    return ""


def starts_daemon(handler: Handler, service: str) -> bool:
    """Tell whether a rule of pam_gnome_keyring starts a daemon where none is found."""
    is_told = "auto_start" in handler.arguments
    return is_keyring(handler) and is_told and not excluded_by_only_if(handler, service)


def is_anchor(handler: Handler, group: ManagementGroup) -> bool:
    """Tell whether our rule of this group must run after this handler."""
    modules = SESSION_ANCHORS if group is ManagementGroup.SESSION else PASSWORD_MODULES
    return handler.module in modules and not handler.is_substack and not handler.must_fail


def anchors(handlers: Sequence[Handler], group: ManagementGroup) -> frozenset[int]:
    """Return the places of what our rule of this group must run after.

    Where no module is known to judge the password, those that may do so are taken to.
    """
    known = {place for place, handler in enumerate(handlers) if is_anchor(handler, group)}
    if known or group is ManagementGroup.SESSION:
        return frozenset(known)
    return may_judge(handlers)


def may_judge(handlers: Sequence[Handler]) -> frozenset[int]:
    """Return the places of modules that may judge the password, for all that is known.

    These are the modules that are in no table, and pam_exec where it asks for the password and
    hands it to a program (pam_exec(8), expose_authtok).
    """
    return frozenset(
        place
        for place, handler in enumerate(handlers)
        if not is_known(handler) or is_handing_over(handler)
    )


def is_handing_over(handler: Handler) -> bool:
    """Return whether this is pam_exec, told to hand the password to a program."""
    return handler.module == "pam_exec.so" and "expose_authtok" in handler.arguments
