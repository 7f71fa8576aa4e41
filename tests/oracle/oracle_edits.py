"""Services with stand-ins for modules, so that the real libpam can run them before and after.

Every module but pam_permit and pam_deny becomes a pam_debug that returns what a story says;
controls, order and includes stay. pam_debug says what it returns to the conversation, but
only where it has an argument for the call: so pam_gnome_keyring's stand-in is silent when it
succeeds, and when it fails it says a word that no other module says.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from creds_session.pam.modules.builtin import DEBUG_EVENTS
from creds_session.pam.modules.linux_pam import ALIASES
from creds_session.pam.modules.returns import ALL, FACTS, MISSING, cell, values_of
from creds_session.pam.syntax.nodes import Blank, Comment, Node, Rule
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Dialect, Pass, ReturnValue

KEYRING = b"pam_gnome_keyring.so"
KEPT = (b"pam_permit.so", b"pam_deny.so")
GUARD = (b"quiet", b"uid", b"=", b"0")
OURS = {
    *("auth=service_err", "open_session=service_err", "chauthtok=buf_err", "prechauthtok=ignore"),
    *("auth=buf_err", "cred=ignore", "open_session=buf_err", "close_session=buf_err"),
    *(f"{event}=new_authtok_reqd" for event in DEBUG_EVENTS.values()),
}
"""What only the stand-ins of pam_gnome_keyring and of its guard say."""

EVENTS = tuple(DEBUG_EVENTS.values())
SILENT = b"pam_debug.so"
NOT_ROOT = b"pam_debug.so auth=buf_err cred=ignore open_session=buf_err close_session=buf_err"


@dataclass(frozen=True)
class Ours:
    """What becomes of pam_gnome_keyring, and of the guard that root passes it by."""

    keyring: bytes
    guard: bytes = NOT_ROOT


FAILS = (
    b"pam_debug.so auth=service_err open_session=service_err prechauthtok=ignore chauthtok=buf_err"
)
KEYRINGS = {
    "succeeds": Ours(b"pam_debug.so prechauthtok=ignore"),
    "fails": Ours(FAILS),
    "is missing": Ours(b"pam_gnome_keyring_is_not_installed.so"),
    "is passed by": Ours(FAILS, guard=SILENT),
}
"""setcred and close_session of pam_gnome_keyring always succeed; with a guard, also for root."""

ODD = Ours(b"pam_debug.so " + b" ".join(f"{e}=new_authtok_reqd".encode() for e in EVENTS))
"""A pam_gnome_keyring that says in every call what ``optional`` would count."""

SEQUENCES = (
    ("authenticate", "setcred"),
    ("setcred", "acct_mgmt", "open_session", "close_session"),
    ("close_session",),
    ("chauthtok",),
)
"""A login by password, one by key (authenticate is never called), a close alone, a change."""

PASSWORDS = {
    b"pam_unix.so",
    b"pam_unix2.so",
    b"pam_pwdb.so",
    b"pam_sss.so",
    b"pam_ldap.so",
    b"pam_krb5.so",
    b"pam_winbind.so",
    b"pam_systemd_home.so",
}
REMOTE = PASSWORDS - {b"pam_unix.so", b"pam_unix2.so", b"pam_pwdb.so"}
LOCAL = PASSWORDS - REMOTE
HARDWARE = {b"pam_fprintd.so", b"pam_u2f.so", b"pam_pkcs11.so", b"pam_sss_gss.so", b"pam_ssh.so"}
SECOND = {
    b"pam_google_authenticator.so",
    b"pam_duo.so",
    b"pam_oath.so",
    b"pam_yubico.so",
    b"pam_exec.so",
    b"pam_python.so",
    b"pam_abl.so",
}
TESTS = {b"pam_succeed_if.so", b"pam_localuser.so", b"pam_rootok.so", b"pam_usertype.so"}

Story = Callable[[bytes, Pass], ReturnValue]
"""Returns what a module returns in a pass."""


def _account(module: bytes, right: set[bytes], wrong: ReturnValue) -> ReturnValue:
    """Return what a module says where these know the user, and these do not."""
    if module in PASSWORDS:
        return ReturnValue.SUCCESS if module in right else wrong
    if module in HARDWARE:
        return ReturnValue.AUTHINFO_UNAVAIL
    return ReturnValue.SUCCESS


def _local(module: bytes, _pass: Pass) -> ReturnValue:
    return _account(module, LOCAL, ReturnValue.USER_UNKNOWN)


def _remote(module: bytes, _pass: Pass) -> ReturnValue:
    return _account(module, REMOTE, ReturnValue.USER_UNKNOWN)


def _tests_fail(module: bytes, _pass: Pass) -> ReturnValue:
    return ReturnValue.AUTH_ERR if module in TESTS else _local(module, _pass)


def _wrong(module: bytes, pass_: Pass) -> ReturnValue:
    if module in PASSWORDS and pass_ in {Pass.AUTHENTICATE, Pass.PRELIM}:
        return ReturnValue.AUTH_ERR
    return _account(module, PASSWORDS, ReturnValue.SUCCESS)


def _second_wrong(module: bytes, pass_: Pass) -> ReturnValue:
    return ReturnValue.CRED_UNAVAIL if module in SECOND else _local(module, pass_)


def _new_refused(module: bytes, pass_: Pass) -> ReturnValue:
    if pass_ is Pass.UPDATE and module in PASSWORDS:
        return ReturnValue.AUTHTOK_ERR
    return _account(module, PASSWORDS, ReturnValue.SUCCESS)


def _all_ignore(module: bytes, _pass: Pass) -> ReturnValue:
    return ReturnValue.SUCCESS if module in LOCAL else ReturnValue.AUTH_ERR


STORIES: dict[str, Story] = {
    "right password": _local,
    "right password, known remotely": _remote,
    "right password, conditions are false": _tests_fail,
    "wrong password": _wrong,
    "second factor wrong": _second_wrong,
    "new password refused": _new_refused,
    "only the password module succeeds": _all_ignore,
}

FEW = ("right password", "wrong password", "second factor wrong")
"""The stories that must do for services that are not sshd."""

SAID = tuple(
    value
    for value in ReturnValue
    if value
    not in {
        ReturnValue.SERVICE_ERR,
        ReturnValue.BUF_ERR,
        ReturnValue.IGNORE,
        ReturnValue.NEW_AUTHTOK_REQD,
        ReturnValue.INCOMPLETE,
    }
)


@dataclass(frozen=True)
class Teller:
    """Gives each rule its stand-in; the same rule gets the same in every version of a file."""

    story: Story | None
    seed: int = 0

    def stand_in(self, rule: Rule, name: str, count: int, ours: Ours) -> bytes:
        """Name the module and the arguments for a rule; ``count`` tells twins apart."""
        module = rule.module_path.rpartition(b"/")[2]
        if module == KEYRING:
            return ours.keyring
        if rule.module_arguments == GUARD:
            return ours.guard
        if module in KEPT:
            return module
        told = self._told(rule, module, f"{name} {count}")
        return b"pam_debug.so " + " ".join(f"{e}={v.word}" for e, v in told).encode()

    def _told(self, rule: Rule, module: bytes, name: str) -> Iterator[tuple[str, ReturnValue]]:
        key = zlib.crc32(name.encode() + rule.source, self.seed)
        chance = random.Random(key)  # noqa: S311 - test data
        for pass_, event in DEBUG_EVENTS.items():
            allowed = allowed_returns(module, rule.module_arguments, pass_)
            if self.story is not None:
                yield event, nearest(self.story(module, pass_), allowed)
            else:
                often = (ReturnValue.SUCCESS,) * 20
                said = [value for value in (*often, *SAID) if value in allowed]
                yield event, chance.choice(said or sorted(allowed))


def allowed_returns(
    module: bytes, arguments: tuple[bytes, ...], pass_: Pass
) -> frozenset[ReturnValue]:
    """Return what a module can say in a pass, by the table; anything, where it is in none."""
    name = module.decode(errors="replace")
    facts = FACTS.get(ALIASES.get(name, name))
    values = ALL
    if facts is not None:
        words = tuple(word.decode(errors="replace") for word in arguments)
        values = values_of(cell(facts, words, pass_)) or frozenset({MISSING})
    return frozenset(map(ReturnValue, values))


def nearest(value: ReturnValue, allowed: frozenset[ReturnValue]) -> ReturnValue:
    """Return what a story says, or what comes nearest of what the module can say."""
    wanted = (value, ReturnValue.SUCCESS, ReturnValue.IGNORE)
    if value not in {ReturnValue.SUCCESS, ReturnValue.IGNORE}:
        wanted = (value, ReturnValue.AUTH_ERR, ReturnValue.IGNORE)
    return next((one for one in wanted if one in allowed), min(allowed))


def with_stand_ins(files: dict[str, bytes], teller: Teller, ours: Ours) -> dict[str, bytes]:
    """Put stand-ins into all files; leave out comments, so that many files become the same."""
    return {path: _replace(path, content, teller, ours) for path, content in files.items()}


def _replace(path: str, content: bytes, teller: Teller, ours: Ours) -> bytes:
    made = []
    name = path.rpartition("/")[2]  # the copy of a vendor's file gets what the vendor's got
    seen: dict[bytes, int] = {}
    for node in parse(content, Dialect.DEBIAN_1_7).lines:
        if isinstance(node, (Comment, Blank)):
            continue
        if not isinstance(node, Rule) or node.control.is_include:
            made.append(node.source)
            continue
        words = node.source[: node.spans.module_path[0]]
        key = node.source.rstrip()
        seen[key] = seen.get(key, 0) + 1
        stand_in = teller.stand_in(_bare(node, key), name, seen[key], ours)
        made.append(words + stand_in + b"\n")
    return b"".join(made)


def _bare(rule: Rule, key: bytes) -> Rule:
    """Forget the newline, which an insertion may add to the last line of a file."""
    return Rule(
        key,
        rule.line,
        rule.type,
        rule.control,
        rule.module_path,
        rule.module_arguments,
        rule.silent,
        rule.spans,
    )


def without_keyring(files: dict[str, bytes]) -> dict[str, bytes]:
    """Take the rules of pam_gnome_keyring out, and the guard of root before them."""
    return {path: b"".join(_others(content)) for path, content in files.items()}


def _others(content: bytes) -> Iterator[bytes]:
    nodes = parse(content, Dialect.DEBIAN_1_7).lines
    for node, following in zip(nodes, [*nodes[1:], None]):
        is_guard = isinstance(node, Rule) and node.module_arguments == GUARD
        if not _is_keyring(node) and not (is_guard and _is_keyring(following)):
            yield node.source


def _is_keyring(node: Node | None) -> bool:
    return isinstance(node, Rule) and node.module_path.rpartition(b"/")[2] == KEYRING


def others_said(messages: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out what pam_gnome_keyring's stand-in said."""
    return tuple(text for text in messages if text not in OURS)
