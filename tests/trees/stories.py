"""What real modules return in the situations of people who log in: one function for all stories.

The values are those that the modules' sources give (Linux-PAM 1.3.1 to 1.7.2, sssd, samba,
pam-u2f, fprintd). They are written down here a second time on purpose: a judge must not take its
facts from what it judges.
"""

from __future__ import annotations

import fnmatch
import random
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from creds_session.pam.syntax.terms import Pass, ReturnValue

OK = ReturnValue.SUCCESS
PASSWORDS = frozenset(
    {
        "pam_unix.so",
        "pam_sss.so",
        "pam_ldap.so",
        "pam_krb5.so",
        "pam_winbind.so",
        "pam_himmelblau.so",
        "pam_systemd_home.so",
        "pam_tcb.so",
    }
)
"""Modules that get the password and judge it."""


class Story(NamedTuple):
    """One person in one situation.

    ``user`` is where the account is known: local, system (below 1000), root, remote (sssd, winbind,
    LDAP, Kerberos), nis or homed. ``events`` are what else is so on that day. ``mishaps`` is the
    seed of failures that strike modules at random, or None.
    """

    user: str = "local"
    right: bool = True
    events: frozenset[str] = frozenset()
    mishaps: int | None = None


def _story(user: str, *events: str, right: bool = True) -> Story:
    return Story(user, right, frozenset(events))


STORIES: dict[str, Story] = {
    "local user": _story("local"),
    "local user, wrong password": _story("local", right=False),
    "remote user": _story("remote"),
    "remote user, wrong password": _story("remote", right=False),
    "user of NIS": _story("nis"),
    "user of homed": _story("homed"),
    "user of homed, wrong password": _story("homed", right=False),
    "system user": _story("system"),
    "root": _story("root"),
    "root, wrong password": _story("root", right=False),
    "remote user, server down": _story("remote", "down"),
    "local user, server down": _story("local", "down"),
    "local user, locked by faillock": _story("local", "locked"),
    "remote user, locked by faillock": _story("remote", "locked"),
    "nologin": _story("local", "nologin"),
    "expired password": _story("local", "expired"),
    "expired password, known remotely": _story("remote", "expired"),
    "expired account": _story("remote", "gone"),
    "access denied": _story("local", "denied"),
    "security key touched": _story("local", "key", right=False),
    "security key touched, right password": _story("local", "key"),
    "one-time code wrong": _story("local", "code wrong"),
    "fingerprint": _story("local", "finger", right=False),
    "smart card": _story("remote", "card", right=False),
    "ticket": _story("remote", "ticket", right=False),
    "new password refused": _story("local", "weak"),
    "no logind": _story("local", "no logind"),
    "home cannot be made": _story("remote", "no home"),
    **{
        f"mishaps {seed}": Story(user, right, mishaps=seed)
        for seed, (user, right) in enumerate(
            (user, right) for user in ("local", "remote", "homed") for right in (True, False)
        )
    },
}

Conditions = Callable[[Story, str], bool]
_KNOWS = {
    "pam_unix.so": {"local", "system", "root", "nis"},
    "pam_tcb.so": {"local", "system", "root", "nis"},
    "pam_systemd_home.so": {"homed"},
}
_REMOTE = {"remote"}
_IGNORED_IN_SETCRED = {
    *(
        "pam_succeed_if.so",
        "pam_usertype.so",
        "pam_faildelay.so",
        "pam_access.so",
        "pam_sepermit.so",
    ),
}
_ALWAYS = {
    ("pam_env.so", Pass.AUTHENTICATE): ReturnValue.IGNORE,
    ("pam_faildelay.so", Pass.AUTHENTICATE): ReturnValue.IGNORE,
    ("pam_rootok.so", Pass.AUTHENTICATE): ReturnValue.AUTH_ERR,
    ("pam_selinux_permit.so", Pass.AUTHENTICATE): ReturnValue.IGNORE,
    ("pam_sepermit.so", Pass.ACCT_MGMT): ReturnValue.IGNORE,
    ("pam_motd.so", Pass.OPEN_SESSION): ReturnValue.IGNORE,
    ("pam_motd.so", Pass.CLOSE_SESSION): ReturnValue.IGNORE,
}

MISHAPS: dict[str, dict[Pass, tuple[str, ...]]] = {
    "pam_unix.so": {
        Pass.AUTHENTICATE: ("auth_err", "user_unknown", "authinfo_unavail", "maxtries"),
        Pass.ACCT_MGMT: ("acct_expired", "authinfo_unavail", "user_unknown"),
        Pass.OPEN_SESSION: ("session_err",),
        Pass.CLOSE_SESSION: ("session_err",),
        Pass.PRELIM: ("auth_err", "user_unknown", "authtok_err"),
        Pass.UPDATE: ("authtok_err", "authtok_lock_busy", "perm_denied"),
    },
    "pam_sss.so": {
        Pass.AUTHENTICATE: ("auth_err", "perm_denied", "authinfo_unavail", "system_err"),
        Pass.SETCRED: ("authinfo_unavail", "user_unknown"),
        Pass.ACCT_MGMT: ("perm_denied", "new_authtok_reqd", "authinfo_unavail"),
        Pass.OPEN_SESSION: ("user_unknown", "authinfo_unavail", "session_err"),
        Pass.CLOSE_SESSION: ("user_unknown", "authinfo_unavail"),
        Pass.PRELIM: ("authinfo_unavail", "auth_err"),
        Pass.UPDATE: ("authtok_err", "authinfo_unavail"),
    },
    "pam_winbind.so": {
        Pass.AUTHENTICATE: ("auth_err", "authinfo_unavail", "acct_expired"),
        Pass.ACCT_MGMT: ("perm_denied", "new_authtok_reqd"),
        Pass.OPEN_SESSION: ("system_err",),
        Pass.UPDATE: ("authtok_err",),
    },
    "pam_systemd_home.so": {
        Pass.AUTHENTICATE: ("maxtries", "service_err", "auth_err"),
        Pass.OPEN_SESSION: ("session_err",),
    },
    "pam_limits.so": {Pass.OPEN_SESSION: ("abort", "perm_denied", "session_err")},
    "pam_namespace.so": {Pass.OPEN_SESSION: ("session_err",)},
    "pam_loginuid.so": {Pass.OPEN_SESSION: ("session_err",)},
    "pam_systemd.so": {Pass.OPEN_SESSION: ("session_err", "system_err", "user_unknown")},
    "pam_oddjob_mkhomedir.so": {Pass.OPEN_SESSION: ("session_err", "user_unknown")},
    "pam_mkhomedir.so": {Pass.OPEN_SESSION: ("perm_denied", "user_unknown")},
    "pam_keyinit.so": {Pass.OPEN_SESSION: ("session_err", "user_unknown")},
    "pam_umask.so": {Pass.OPEN_SESSION: ("system_err", "user_unknown")},
    "pam_ecryptfs.so": {
        Pass.AUTHENTICATE: ("user_unknown", "authtok_recover_err"),
        Pass.OPEN_SESSION: ("session_err",),
        Pass.UPDATE: ("user_unknown", "authtok_err"),
    },
    "pam_env.so": {Pass.OPEN_SESSION: ("abort",), Pass.SETCRED: ("abort",)},
    "pam_u2f.so": {Pass.AUTHENTICATE: ("auth_err", "cred_unavail", "ignore", "success")},
    "pam_fprintd.so": {Pass.AUTHENTICATE: ("auth_err", "maxtries", "success")},
    "pam_pwquality.so": {Pass.UPDATE: ("authtok_err", "maxtries")},
    "pam_pwhistory.so": {Pass.UPDATE: ("maxtries", "authtok_err", "ignore")},
    "pam_access.so": {Pass.ACCT_MGMT: ("perm_denied", "user_unknown", "abort")},
}
"""How modules can fail, by what their sources return; other modules do not fail in a mishap."""
STRIKES = 0.15
"""How often a module that can fail does, where mishaps strike."""


def returns(story: Story, service: str, module: str, arguments: Sequence[str], pass_: Pass) -> int:
    """Return what a rule's module answers in a pass of a service.

    The same rule gets the same answer in every version of the service's files.
    """
    if story.mishaps is not None:
        words = MISHAPS.get(module, {}).get(pass_, ())
        key = zlib.crc32(f"{module} {' '.join(arguments)} {pass_}".encode(), story.mishaps)
        chance = random.Random(key)  # noqa: S311 - test data
        if words and chance.random() < STRIKES:
            return int(ReturnValue[chance.choice(words).upper()])
    return int(_usual(story, service, module, arguments, pass_))


def _usual(
    story: Story, service: str, module: str, arguments: Sequence[str], pass_: Pass
) -> ReturnValue:
    if (module, pass_) in _ALWAYS:
        return _ALWAYS[module, pass_]
    if module in PASSWORDS:
        return _judge_of_passwords(story, module, arguments, pass_)
    if module in _CONDITIONS and pass_ is not Pass.SETCRED:
        holds, otherwise = _CONDITIONS[module]
        return OK if holds(story, " ".join([service, *arguments])) else otherwise
    if pass_ is Pass.AUTHENTICATE and module in _AUTHENTICATE:
        return _AUTHENTICATE[module](story, arguments)
    event, failing, value = _EVENTS.get(module, ("", pass_, OK))
    return value if event in story.events and failing is pass_ else OK


def _judge_of_passwords(
    story: Story, module: str, arguments: Sequence[str], pass_: Pass
) -> ReturnValue:
    if {"require_cert_auth", "try_cert_auth"} & set(arguments):
        return _card(story, arguments) if pass_ is Pass.AUTHENTICATE else OK
    if module not in _KNOWS and "down" in story.events:
        return ReturnValue.AUTHINFO_UNAVAIL
    if story.user not in _KNOWS.get(module, _REMOTE):
        return _stranger(module, pass_)
    if pass_ in {Pass.AUTHENTICATE, Pass.PRELIM} and not story.right:
        return ReturnValue.AUTH_ERR
    if pass_ is Pass.ACCT_MGMT:
        return next((value for event, value in _AGES.items() if event in story.events), OK)
    return OK


_AGES = {"expired": ReturnValue.NEW_AUTHTOK_REQD, "gone": ReturnValue.ACCT_EXPIRED}


def _stranger(module: str, pass_: Pass) -> ReturnValue:
    """Return what a module says of an account that it does not know."""
    if module in {"pam_unix.so", "pam_tcb.so"}:
        # The account is known to the name service, and has no password in the shadow file.
        if pass_ is Pass.AUTHENTICATE:
            return ReturnValue.AUTH_ERR
        return ReturnValue.USER_UNKNOWN if pass_ in {Pass.PRELIM, Pass.UPDATE} else OK
    if pass_ in {Pass.SETCRED, Pass.OPEN_SESSION, Pass.CLOSE_SESSION}:
        return OK
    return ReturnValue.USER_UNKNOWN


def _card(story: Story, arguments: Sequence[str]) -> ReturnValue:
    if "card" in story.events:
        return OK
    is_ignored = "ignore_authinfo_unavail" in arguments
    return ReturnValue.IGNORE if is_ignored else ReturnValue.AUTHINFO_UNAVAIL


def _hardware(event: str, story: Story, arguments: Sequence[str]) -> ReturnValue:
    if event in story.events:
        return OK
    return OK if "nouserok" in arguments else ReturnValue.AUTHINFO_UNAVAIL


def _code(story: Story, _arguments: Sequence[str]) -> ReturnValue:
    return ReturnValue.AUTH_ERR if "code wrong" in story.events else OK


def _faillock(story: Story, arguments: Sequence[str]) -> ReturnValue:
    is_locked = "locked" in story.events and "preauth" in arguments
    return ReturnValue.AUTH_ERR if is_locked or "authfail" in arguments else OK


def _refuses(_story: Story, _arguments: Sequence[str]) -> ReturnValue:
    return ReturnValue.AUTH_ERR


_HARDWARE = {
    "pam_fprintd.so": "finger",
    "pam_biometric.so": "finger",
    "pam_u2f.so": "key",
    "pam_sss_gss.so": "ticket",
    "pam_pkcs11.so": "card",
}
_CODES = ("pam_google_authenticator.so", "pam_oath.so", "pam_duo.so", "pam_yubico.so")
_STRANGERS = ("pam_ccreds.so", "pam_encfs.so", "pam_radius_auth.so", "pam_script.so", "pam_ssh.so")
_AUTHENTICATE: dict[str, Callable[[Story, Sequence[str]], ReturnValue]] = {
    **{module: partial(_hardware, event) for module, event in _HARDWARE.items()},
    **dict.fromkeys(_CODES, _code),
    **dict.fromkeys(_STRANGERS, _refuses),
    "pam_faillock.so": _faillock,
}
"""How modules without a judgement of the password answer authenticate; others say success."""

_EVENTS = {
    "pam_nologin.so": ("nologin", Pass.ACCT_MGMT, ReturnValue.AUTH_ERR),
    "pam_access.so": ("denied", Pass.ACCT_MGMT, ReturnValue.PERM_DENIED),
    "pam_pwquality.so": ("weak", Pass.UPDATE, ReturnValue.AUTHTOK_ERR),
    "pam_systemd.so": ("no logind", Pass.OPEN_SESSION, ReturnValue.SESSION_ERR),
    "pam_oddjob_mkhomedir.so": ("no home", Pass.OPEN_SESSION, ReturnValue.SESSION_ERR),
    "pam_mkhomedir.so": ("no home", Pass.OPEN_SESSION, ReturnValue.PERM_DENIED),
}


def _is_local(story: Story, _words: str) -> bool:
    return story.user in {"local", "system", "root"}


def _is_of_type(story: Story, words: str) -> bool:
    return (story.user in {"system", "root"}) is words.endswith("issystem")


def _succeeds_if(story: Story, words: str) -> bool:
    """Decide the conditions of pam_succeed_if that the trees have. Raises KeyError for others."""
    service, *rest = (
        word for word in words.split() if word not in {"quiet", "use_uid", "quiet_success"}
    )
    answers = {
        "uid >= 1000": story.user not in {"system", "root"},
        "uid < 1000": story.user in {"system", "root"},
        "uid > 999": story.user not in {"system", "root"},
        "uid = 0": False,  # with use_uid, of who calls
        "service in crond": service == "crond",
        "service !~ gdm* service !~ su*": not any(
            fnmatch.fnmatch(service, pattern) for pattern in ("gdm*", "su*")
        ),
    }
    condition = " ".join(rest)
    if condition.startswith("service notin "):
        return service not in condition.partition("notin ")[2].split(":")
    return answers[condition]


_CONDITIONS: dict[str, tuple[Conditions, ReturnValue]] = {
    "pam_localuser.so": (_is_local, ReturnValue.PERM_DENIED),
    "pam_usertype.so": (_is_of_type, ReturnValue.AUTH_ERR),
    "pam_succeed_if.so": (_succeeds_if, ReturnValue.AUTH_ERR),
}
