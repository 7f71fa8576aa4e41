"""The tables of modules say no less than the real modules do, in each of the six calls."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from creds_session.pam.keyring_rules.names import MODULE
from creds_session.pam.keyring_rules.policy import keyring_returns
from creds_session.pam.modules.linux_pam import LINUX_PAM
from creds_session.pam.modules.returns import possible_returns
from creds_session.pam.syntax.terms import ManagementGroup, Pass, ReturnValue
from tests.oracle.oracle_libpam import CannotAsk, Case, ask, check
from tests.oracle.oracle_modules import GROUPS, cases, returned
from tests.oracle.oracle_services import stacks

D = "/etc/"
EMPTY: dict[str, bytes] = {}
USUAL = {
    D + "passwd": b"root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/var/tmp:/bin/sh\n"
    b"expired:x:1000:1000::/var/tmp:/bin/sh\n",
    D + "group": b"root:x:0:\nwheel:x:10:nobody\nnogroup:x:65534:\n",
    D + "shadow": b"root:*:19000:0:99999:7:::\nnobody::19000:0:99999:7:::\nexpired::1:0:1:7:::\n",
    D + "shells": b"/bin/sh\n",
    D + "login.defs": b"UID_MIN 1000\n",
    D + "securetty": b"tty1\n",
    D + "environment": b"A=b\n",
    D + "hosts.equiv": b"+ +\n",
    D + "issue": b"hello\n",
    D + "motd": b"hello\n",
    D + "security/limits.conf": b"* soft core 0\n",
    D + "security/access.conf": b"+ : ALL : ALL\n",
    D + "security/time.conf": b"*;*;*;Al0000-2400\n",
    D + "security/group.conf": b"*;*;*;Al0000-2400;wheel\n",
    D + "security/pam_env.conf": b"C DEFAULT=d\n",
    D + "security/namespace.conf": b"",
    D + "security/sepermit.conf": b"nobody\n",
    D + "list": b"nobody\n",
}
CLOSED = {
    **USUAL,
    D + "nologin": b"closed\n",
    D + "security/limits.conf": b"* hard maxlogins 0\nnonsense\n",
    D + "security/access.conf": b"- : ALL : ALL\n",
    D + "security/time.conf": b"*;*;*;!Al0000-2400\n",
    D + "security/pam_env.conf": b"nonsense\n",
    D + "environment": b"nonsense\n",
}
MACHINES = (
    ("nothing in /etc", EMPTY, ("nobody",)),
    ("a usual /etc", USUAL, ("nobody", "root", "expired", "stranger")),
    ("a closed machine", CLOSED, ("nobody", "root")),
)
"""What is in /etc, and who logs in."""
ARGUMENTS = {
    "pam_access.so": ("", "nodefgroup", "accessfile=/etc/none"),
    "pam_echo.so": ("", "hello", "file=/etc/issue"),
    "pam_env.so": ("", "user_readenv=1", "conffile=/etc/none readenv=0", "envfile=/etc/none"),
    "pam_exec.so": ("", "/bin/true", "/bin/false", "expose_authtok /bin/true"),
    "pam_faildelay.so": ("", "delay=1"),
    "pam_faillock.so": tuple(
        f"nodelay {words}" for words in ("", "preauth", "authfail deny=1", "authsucc", "silent")
    ),
    "pam_ftp.so": ("", "ignore"),
    "pam_issue.so": ("", "noesc"),
    "pam_keyinit.so": ("", "force revoke"),
    "pam_lastlog.so": ("", "silent", "inactive=1", "showfailed"),
    "pam_limits.so": ("", "conf=/etc/none"),
    "pam_listfile.so": (
        "",
        "item=user sense=allow file=/etc/list onerr=fail",
        "item=user sense=deny file=/etc/list onerr=succeed",
        "item=user sense=allow file=/etc/none onerr=succeed",
        "item=group sense=allow file=/etc/list onerr=fail apply=root",
    ),
    "pam_loginuid.so": ("", "require_auditd"),
    "pam_mail.so": ("", "nopen", "close", "standard", "dir=/var/none"),
    "pam_mkhomedir.so": ("", "silent"),
    "pam_motd.so": ("", "motd=/etc/none", "noupdate"),
    "pam_nologin.so": ("", "successok", "file=/etc/none", "file=/etc/none successok"),
    "pam_pwhistory.so": ("", "use_authtok", "enforce_for_root"),
    "pam_securetty.so": ("", "noconsole"),
    "pam_selinux.so": ("", "close", "open", "restore", "open env_params", "close verbose"),
    "pam_succeed_if.so": (
        "",
        "uid = 0",
        "uid >= 0",
        "uid >= 1000 quiet",
        "user ingroup wheel",
        "service = svc",
        "nonsense",
        "service in crond quiet use_uid",
    ),
    "pam_timestamp.so": ("", "timestamp_timeout=1"),
    "pam_tty_audit.so": ("", "disable=*", "enable=root"),
    "pam_umask.so": ("", "umask=022", "usergroups"),
    "pam_unix.so": (
        "nodelay",
        "nodelay nullok",
        "nodelay nullok use_first_pass",
        "nodelay try_first_pass",
        "nodelay nullok use_authtok",
        "nodelay likeauth nullok",
        "nodelay broken_shadow",
    ),
    "pam_userdb.so": ("db=/etc/none", "db=/etc/list"),
    "pam_usertype.so": ("", "isregular", "issystem"),
    "pam_wheel.so": ("", "trust", "deny", "group=none", "trust use_uid", "root_only"),
    "pam_xauth.so": ("", "systemuser=0"),
}
LEFT_OUT = {"pam_filter.so", "pam_stress.so"}
"""The first runs other programs, the second is there to fail; the table narrows neither."""


def modules_of(root: str) -> set[str]:
    """Name the modules of a root that the tables, or the policy, say something of."""
    found = {path.name for path in Path(root).glob("usr/lib/*/security/*.so")}
    found |= {path.name for path in Path(root).glob("lib/*/security/*.so")}
    return found & ({*LINUX_PAM, MODULE, "pam_permit.so", "pam_deny.so"}) - LEFT_OUT


def questions(root: str) -> Iterator[tuple[str, str, Pass, Case]]:
    for module in sorted(modules_of(root)):
        for arguments in ARGUMENTS.get(module, ("",)):
            rule = f"{module} {arguments}".strip()
            for machine, files, users in MACHINES:
                for user in users:
                    for pass_, case in cases(rule, user, files):
                        yield rule, f"{user}, {machine}", pass_, case


@pytest.fixture(scope="module")
def seen(root: str) -> dict[tuple[str, Pass], dict[ReturnValue, str]]:
    """Run every module in every way; keep one place for each value that was returned."""
    try:
        check(root)
    except CannotAsk as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))
    asked = list(questions(root))
    answers = ask(root, [case for _, _, _, case in asked])
    found: dict[tuple[str, Pass], dict[ReturnValue, str]] = defaultdict(dict)
    for (rule, where, pass_, _), given in zip(asked, answers):
        assert given[0].start == 0, f"{rule} ({where}) in {pass_.value}: {given}"
        value = returned(pass_, given)
        if value is not None:
            found[rule, pass_].setdefault(value, where)
    return found


def test_a_real_module_returns_only_what_the_table_says(
    seen: dict[tuple[str, Pass], dict[ReturnValue, str]],
) -> None:
    wrong = []
    for (rule, pass_), values in seen.items():
        text = f"{GROUPS[pass_]} required {rule}\n"
        handler = stacks(text).of(ManagementGroup(GROUPS[pass_])).handlers[0]
        possible = possible_returns(handler, pass_)
        if rule == MODULE:
            possible = frozenset(map(int, keyring_returns(pass_)))
        wrong += [
            f"{rule} returned {value.word} in {pass_.value} ({where})"
            for value, where in values.items()
            if int(value) not in possible
        ]
    assert not wrong


def test_every_module_was_run(
    root: str, seen: dict[tuple[str, Pass], dict[ReturnValue, str]]
) -> None:
    """A module that could not be loaded would say module_unknown to everything."""
    ran = {
        rule.partition(" ")[0]
        for (rule, _), values in seen.items()
        if set(values) - {ReturnValue.MODULE_UNKNOWN}
    }
    assert ran == modules_of(root)
    assert len(ran) > len(LINUX_PAM) // 2


def test_the_modules_were_seen_to_succeed_and_to_fail(
    seen: dict[tuple[str, Pass], dict[ReturnValue, str]],
) -> None:
    """What was run is the modules at work, not one refusal after another."""
    values = {value for (rule, _), found in seen.items() for value in found if "unix" in rule}
    assert {ReturnValue.SUCCESS, ReturnValue.AUTH_ERR, ReturnValue.USER_UNKNOWN} <= values
    for rule in ("pam_succeed_if.so uid = 0", "pam_usertype.so isregular"):
        assert {ReturnValue.SUCCESS, ReturnValue.AUTH_ERR} <= set(seen[rule, Pass.AUTHENTICATE])


def test_a_wrong_row_would_be_found(
    seen: dict[tuple[str, Pass], dict[ReturnValue, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = LINUX_PAM["pam_warn.so"]
    from creds_session.pam.modules import returns  # the table that is read

    monkeypatch.setitem(returns.FACTS, "pam_warn.so", row._replace(open_session="success"))
    returns._returns_of.cache_clear()
    with pytest.raises(AssertionError, match=r"pam_warn\.so returned ignore in open_session"):
        test_a_real_module_returns_only_what_the_table_says(seen)
    monkeypatch.undo()
    returns._returns_of.cache_clear()
