"""What Linux-PAM's own modules return, and what they do with the password.

The sources of the releases 1.3.1 to 1.7.2 were read. A row says only what is true for all of them;
a cell that is not certain says ``ANYTHING``. A function that only some releases have is listed.

The rows assume what pam_conv(3) requires of an application: its conversation returns success,
buf_err, conv_err or conv_again. ``returns`` adds to each cell that the module's file may be
missing. pam_permit, pam_deny and pam_debug are in ``builtin``.
"""

from __future__ import annotations

from typing import Final

from creds_session.pam.modules.facts import (
    ABSENT,
    MIXED,
    NEVER_IGNORE,
    YES_OR_NO,
    Admission,
    Handling,
    ModuleFacts,
    any_of,
)

_UNIX = ModuleFacts(
    "Linux-PAM, modules/pam_unix: no PAM_IGNORE in any of its sources;"
    " pam_unix_sess.c:pam_sm_open_session, pam_sm_close_session",
    authenticate=NEVER_IGNORE,
    setcred=NEVER_IGNORE,
    acct_mgmt=NEVER_IGNORE,
    open_session="success session_err",
    close_session="success session_err",
    chauthtok=NEVER_IGNORE,
    handling=Handling.JUDGES,
    admission=Admission.PASSWORD,
)

LINUX_PAM: Final[dict[str, ModuleFacts]] = {
    "pam_access.so": ModuleFacts(
        "Linux-PAM, pam_access.c:pam_sm_authenticate, pam_sm_setcred",
        *(MIXED, "ignore", MIXED, MIXED, MIXED, MIXED),
    ),
    "pam_canonicalize_user.so": ModuleFacts(
        "Linux-PAM, pam_canonicalize_user.c (since 1.6.0)", "ignore errors", "ignore"
    ),
    "pam_cracklib.so": ModuleFacts(
        "Linux-PAM before 1.5.0, pam_cracklib.c:pam_sm_chauthtok: no PAM_IGNORE",
        chauthtok=YES_OR_NO,
        handling=Handling.CHANGES,
    ),
    "pam_echo.so": ModuleFacts(
        "Linux-PAM, pam_echo.c:pam_echo, pam_sm_setcred, pam_sm_close_session",
        *(MIXED, "ignore", MIXED, MIXED, "ignore", MIXED),
    ),
    "pam_env.so": ModuleFacts(
        "Linux-PAM, pam_env.c:pam_sm_authenticate, handle_env, pam_sm_acct_mgmt,"
        " pam_sm_close_session, pam_sm_chauthtok",
        *("ignore", MIXED, "service_err", MIXED, "success", "service_err"),
    ),
    "pam_exec.so": ModuleFacts(
        "Linux-PAM, pam_exec.c:call_exec, pam_sm_setcred",
        *(MIXED, "ignore", MIXED, MIXED, MIXED, MIXED),
        handling=Handling.MAY_ASK,
        admission=Admission.OTHERWISE,
    ),
    "pam_faildelay.so": ModuleFacts(
        "Linux-PAM, pam_faildelay.c:pam_sm_authenticate, pam_sm_setcred", MIXED, "ignore"
    ),
    "pam_faillock.so": ModuleFacts(
        "Linux-PAM since 1.4.0, pam_faillock.c:pam_sm_authenticate, pam_sm_setcred,"
        " pam_sm_acct_mgmt; Red Hat's own before",
        *(MIXED, "success", MIXED),
    ),
    "pam_filter.so": any_of("Linux-PAM, pam_filter.c", Handling.READS, Admission.OTHERWISE),
    "pam_ftp.so": ModuleFacts(
        "Linux-PAM, pam_ftp.c:pam_sm_authenticate, pam_sm_setcred",
        *(MIXED, "ignore"),
        handling=Handling.MAY_ASK,
        admission=Admission.CONDITION,
    ),
    "pam_group.so": ModuleFacts(
        "Linux-PAM, pam_group.c:pam_sm_authenticate, pam_sm_setcred", "ignore", MIXED
    ),
    "pam_issue.so": ModuleFacts(
        "Linux-PAM, pam_issue.c:pam_sm_authenticate, pam_sm_setcred", MIXED, "ignore"
    ),
    "pam_keyinit.so": ModuleFacts(
        "Linux-PAM, pam_keyinit.c:pam_sm_authenticate, pam_sm_setcred (since 1.4.0),"
        " pam_sm_open_session, pam_sm_close_session",
        *("ignore", MIXED, ABSENT, YES_OR_NO, "success"),
    ),
    "pam_lastlog.so": ModuleFacts(
        "Linux-PAM, pam_lastlog.c:pam_sm_setcred, pam_sm_open_session, pam_sm_close_session",
        *(MIXED, "success", MIXED, MIXED, "success"),
    ),
    "pam_limits.so": ModuleFacts(
        "Linux-PAM, pam_limits.c:pam_sm_open_session turns PAM_IGNORE into PAM_SUCCESS;"
        " pam_sm_close_session",
        open_session=YES_OR_NO,
        close_session="success",
    ),
    "pam_listfile.so": ModuleFacts(
        "Linux-PAM, pam_listfile.c:pam_listfile, pam_sm_setcred",
        *(MIXED, "success", MIXED, MIXED, MIXED, MIXED),
    ),
    "pam_localuser.so": ModuleFacts(
        "Linux-PAM, pam_localuser.c:pam_sm_authenticate, pam_sm_setcred, and those that call the"
        " first",
        *(YES_OR_NO, "success", YES_OR_NO, YES_OR_NO, YES_OR_NO, YES_OR_NO),
    ),
    "pam_loginuid.so": ModuleFacts(
        "Linux-PAM, pam_loginuid.c:_pam_loginuid, pam_sm_close_session",
        acct_mgmt=MIXED,
        open_session=MIXED,
        close_session="success",
    ),
    "pam_mail.so": ModuleFacts(
        "Linux-PAM, pam_mail.c:pam_sm_authenticate, pam_sm_setcred, _do_mail",
        *("ignore", MIXED, ABSENT, MIXED, MIXED),
    ),
    "pam_mkhomedir.so": ModuleFacts(
        "Linux-PAM, pam_mkhomedir.c:pam_sm_open_session, pam_sm_close_session",
        open_session=MIXED,
        close_session="success",
    ),
    "pam_motd.so": ModuleFacts(
        "Linux-PAM, pam_motd.c:pam_sm_open_session, pam_sm_close_session",
        open_session=MIXED,
        close_session="ignore",
    ),
    "pam_namespace.so": ModuleFacts(
        "Linux-PAM, pam_namespace.c:pam_sm_open_session, pam_sm_close_session",
        open_session=MIXED,
        close_session=MIXED,
    ),
    "pam_nologin.so": ModuleFacts(
        "Linux-PAM, pam_nologin.c:parse_args, perform_check, pam_sm_setcred",
        *("ignore errors", "ignore", "ignore errors"),
        options=(
            ("successok", "authenticate", YES_OR_NO),
            ("successok", "setcred", "success"),
            ("successok", "acct_mgmt", YES_OR_NO),
        ),
    ),
    "pam_pwhistory.so": ModuleFacts(
        "Linux-PAM, pam_pwhistory.c:pam_sm_chauthtok", chauthtok=MIXED, handling=Handling.CHANGES
    ),
    "pam_rhosts.so": ModuleFacts(
        "Linux-PAM, pam_rhosts.c:pam_sm_authenticate, pam_sm_setcred",
        *(YES_OR_NO, "success"),
        admission=Admission.OTHERWISE,
    ),
    "pam_rootok.so": ModuleFacts(
        "Linux-PAM, pam_rootok.c:check_for_root, pam_sm_setcred",
        authenticate=YES_OR_NO,
        setcred="success",
        acct_mgmt=YES_OR_NO,
        chauthtok=YES_OR_NO,
        admission=Admission.OTHERWISE,
    ),
    "pam_securetty.so": ModuleFacts(
        "Linux-PAM, pam_securetty.c:securetty_perform_check, pam_sm_setcred",
        *(YES_OR_NO, "success", YES_OR_NO),
    ),
    "pam_selinux.so": ModuleFacts(
        "Linux-PAM, pam_selinux.c:pam_sm_authenticate, pam_sm_setcred, pam_sm_open_session,"
        " pam_sm_close_session: no PAM_IGNORE; `close` and `open` return at once",
        authenticate="auth_err",
        setcred="success",
        open_session=YES_OR_NO,
        close_session=YES_OR_NO,
        options=(("close", "open_session", "success"), ("open", "close_session", "success")),
    ),
    "pam_sepermit.so": ModuleFacts(
        "Linux-PAM, pam_sepermit.c:pam_sepermit, pam_sm_setcred",
        *(MIXED, "ignore", MIXED),
        admission=Admission.CONDITION,
    ),
    "pam_setquota.so": ModuleFacts(
        "Linux-PAM since 1.4.0, pam_setquota.c:pam_sm_open_session, pam_sm_close_session",
        open_session=MIXED,
        close_session="success",
    ),
    "pam_shells.so": ModuleFacts(
        "Linux-PAM, pam_shells.c:perform_check, pam_sm_setcred", YES_OR_NO, "success", YES_OR_NO
    ),
    "pam_stress.so": any_of("Linux-PAM, pam_stress.c", Handling.MAY_ASK, Admission.OTHERWISE),
    "pam_succeed_if.so": ModuleFacts(
        "Linux-PAM, pam_succeed_if.c:pam_sm_authenticate, pam_sm_setcred (PAM_IGNORE), and those"
        " that call the first",
        *(YES_OR_NO, "ignore", YES_OR_NO, YES_OR_NO, YES_OR_NO, YES_OR_NO),
        admission=Admission.CONDITION,
    ),
    "pam_tally.so": any_of("Linux-PAM before 1.5.0, pam_tally.c"),
    "pam_tally2.so": ModuleFacts(
        "Linux-PAM before 1.5.0, pam_tally2.c:pam_sm_authenticate, pam_sm_setcred,"
        " pam_sm_acct_mgmt",
        *(MIXED, MIXED, MIXED),
    ),
    "pam_time.so": ModuleFacts("Linux-PAM, pam_time.c:pam_sm_acct_mgmt", acct_mgmt=MIXED),
    "pam_timestamp.so": ModuleFacts(
        "Linux-PAM, pam_timestamp.c:pam_sm_authenticate, pam_sm_setcred, pam_sm_open_session,"
        " pam_sm_close_session",
        *(YES_OR_NO, "success", ABSENT, YES_OR_NO, "success"),
        admission=Admission.OTHERWISE,
    ),
    "pam_tty_audit.so": ModuleFacts(
        "Linux-PAM, pam_tty_audit.c:pam_sm_open_session, pam_sm_close_session",
        open_session=MIXED,
        close_session=MIXED,
    ),
    "pam_umask.so": ModuleFacts(
        "Linux-PAM, pam_umask.c:pam_sm_open_session, pam_sm_close_session",
        open_session=YES_OR_NO,
        close_session="success",
    ),
    "pam_unix.so": _UNIX,
    "pam_userdb.so": ModuleFacts(
        "Linux-PAM, pam_userdb.c:pam_sm_authenticate, pam_sm_setcred, pam_sm_acct_mgmt",
        *(MIXED, "success", YES_OR_NO),
        handling=Handling.JUDGES,
        admission=Admission.PASSWORD,
    ),
    "pam_usertype.so": ModuleFacts(
        "Linux-PAM since 1.4.0, pam_usertype.c:pam_usertype, pam_sm_setcred",
        *(YES_OR_NO, "ignore", YES_OR_NO, YES_OR_NO, YES_OR_NO, YES_OR_NO),
    ),
    "pam_warn.so": ModuleFacts("Linux-PAM, pam_warn.c: PAM_IGNORE throughout", *("ignore",) * 6),
    "pam_wheel.so": ModuleFacts(
        "Linux-PAM, pam_wheel.c:perform_check, pam_sm_setcred",
        *(MIXED, "success", MIXED),
        admission=Admission.CONDITION,
    ),
    "pam_xauth.so": ModuleFacts(
        "Linux-PAM, pam_xauth.c:pam_sm_open_session, pam_sm_close_session",
        open_session=MIXED,
        close_session=MIXED,
    ),
}

ALIASES: Final = {
    **dict.fromkeys(
        ("pam_unix_auth.so", "pam_unix_acct.so", "pam_unix_passwd.so", "pam_unix_session.so"),
        "pam_unix.so",
    ),
    "pam_rhosts_auth.so": "pam_rhosts.so",
}
"""Other names of a module (modules/pam_unix/Makefile.am links them)."""
