"""What we want of a service: where pam_gnome_keyring must stand, and what it may return.

Source of the returns: gnome-keyring, pam/gkr-pam-module.c (pam_sm_authenticate,
pam_sm_open_session, pam_sm_chauthtok and the functions they call).
"""

from __future__ import annotations

from dataclasses import dataclass

from creds_session.pam.handlers import Handler
from creds_session.pam.terms import ManagementGroup, Pass, ReturnValue

MODULE = "pam_gnome_keyring.so"
OPTIONAL = "optional"
NEVER_COUNTS = "[default=ignore]"
CONTROLS = (OPTIONAL, NEVER_COUNTS)
"""The controls we write, in the order of preference: the field's own word where it is proved."""

PASSWORD_MODULES = frozenset(
    {
        "pam_unix.so",
        "pam_unix2.so",
        "pam_pwdb.so",
        "pam_sss.so",
        "pam_ldap.so",
        "pam_ldapd.so",
        "pam_krb5.so",
        "pam_winbind.so",
        "pam_systemd_home.so",
        "pam_himmelblau.so",
        "pam_aad.so",
        "pam_tcb.so",
        "pam_userdb.so",
    }
)
"""Modules that ask for the password of the account, or are handed it, and judge it."""

SESSION_ANCHORS = frozenset({"pam_systemd.so", "pam_elogind.so"})
"""Modules that set XDG_RUNTIME_DIR, without which the daemon's socket is not found."""

SESSION_BEFORE = SESSION_ANCHORS | {"pam_selinux.so", "pam_namespace.so"}
"""What a process that runs as the user must come after, where it is there."""


@dataclass(frozen=True)
class Wanted:
    """One of the three rules: its group, its arguments, and what it must come after."""

    group: ManagementGroup
    argument: str
    purpose: str


WANTED = (
    Wanted(ManagementGroup.AUTH, "", "takes the password as it is typed"),
    Wanted(ManagementGroup.PASSWORD, "use_authtok", "gives the keyring the new password too"),
    Wanted(ManagementGroup.SESSION, "auto_start", "starts the daemon and unlocks it"),
)

_FAILURES = (
    ReturnValue.SERVICE_ERR,
    ReturnValue.SYSTEM_ERR,
    ReturnValue.BUF_ERR,
    ReturnValue.USER_UNKNOWN,
    ReturnValue.CONV_ERR,
    ReturnValue.AUTHTOK_ERR,
    ReturnValue.AUTHTOK_RECOVER_ERR,
    ReturnValue.TRY_AGAIN,
    ReturnValue.ABORT,
)


def keyring_returns(pass_: Pass) -> tuple[ReturnValue, ...]:
    """Say what pam_gnome_keyring may return in a pass, MODULE_UNKNOWN (not on the disk) included.

    setcred and close_session are ``return PAM_SUCCESS``; the first half of chauthtok is
    PAM_IGNORE. Elsewhere every code that the module or a libpam function it calls can give is
    taken, whether or not a run of it was ever seen.
    """
    if pass_.is_frozen:
        return (ReturnValue.SUCCESS, ReturnValue.MODULE_UNKNOWN)
    return (ReturnValue.SUCCESS, ReturnValue.IGNORE, ReturnValue.MODULE_UNKNOWN, *_FAILURES)


def is_keyring(handler: Handler) -> bool:
    """Tell whether a handler calls pam_gnome_keyring."""
    return handler.module == MODULE and not handler.is_substack and not handler.must_fail


def is_anchor(handler: Handler, group: ManagementGroup) -> bool:
    """Tell whether our rule of this group must run after this handler."""
    modules = SESSION_ANCHORS if group is ManagementGroup.SESSION else PASSWORD_MODULES
    return handler.module in modules and not handler.is_substack and not handler.must_fail
