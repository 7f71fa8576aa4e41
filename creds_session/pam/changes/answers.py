"""What both rules of a pair may return at once: nearly always the same.

The answers differ only if the file of the module exists on one side alone, or if the arguments have
changed and it is known what that means: pam_unix with ``nullok``, a condition of pam_succeed_if, or
an argument with which a module returns ignore.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from creds_session.pam.changes.modules import IGNORE, Machine, possible
from creds_session.pam.modules.conditions import PERSON, SOMEBODY_ELSE, judge_conditions
from creds_session.pam.modules.returns import module_name
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.terms import Pass, ReturnValue

SUCCESS, AUTH_ERR = int(ReturnValue.SUCCESS), int(ReturnValue.AUTH_ERR)
_ROOT: Final = {
    **PERSON,
    **dict.fromkeys(("user", "login", "name"), "root"),
    **dict.fromkeys(("uid", "gid"), "0"),
    **dict.fromkeys(("home", "dir", "homedir"), "/root"),
}
_UNKNOWN: Final = frozenset({int(ReturnValue.USER_UNKNOWN), int(ReturnValue.AUTHINFO_UNAVAIL)})
"""Values that an argument can turn into ignore."""

_NULLOK: Final = frozenset({"nullok", "nullok_secure"})
"""Debian's ``nullok_secure`` meant nullok on a terminal of /etc/securetty."""

EMPTY_PASSWORD: Final = "an account with an empty password"  # noqa: S105 - who it is about


class Answer(NamedTuple):
    """What a pair returns before and after; ``who`` names the person, if the values differ."""

    before: int
    after: int
    who: str = ""


def answers(
    before: Handler, after: Handler, pass_: Pass, machines: tuple[Machine, Machine]
) -> tuple[Answer, ...]:
    """Return everything that a pair may return."""
    was = possible(before, pass_, machines[0])
    now = possible(after, pass_, machines[1])
    found = [Answer(value, value) for value in sorted(was & now)]
    if not found:
        return tuple(Answer(one, other) for one in sorted(was) for other in sorted(now))
    error = AUTH_ERR if AUTH_ERR in was & now else max(was & now)
    ignored = IGNORE if IGNORE in now else error
    lost = [Answer(value, ignored if value in _UNKNOWN else error) for value in sorted(was - now)]
    found += lost + [Answer(error, value) for value in sorted(now - was)]
    if before.arguments != after.arguments:
        found += _by_arguments(before, after, pass_, machines[1].service)
    return tuple(found)


def _by_arguments(before: Handler, after: Handler, pass_: Pass, service: str) -> Iterator[Answer]:
    name = module_name(before)
    if name == "pam_unix.so" and pass_ is Pass.AUTHENTICATE:
        was, now = (not _NULLOK.isdisjoint(rule.arguments) for rule in (before, after))
        if now and not was:
            yield Answer(AUTH_ERR, SUCCESS, EMPTY_PASSWORD)
    if name == "pam_succeed_if.so" and not pass_.is_frozen:
        for person in (PERSON, SOMEBODY_ELSE, _ROOT):
            one, other = (int(judge_conditions(h, service, person)) for h in (before, after))
            if (one == SUCCESS) is not (other == SUCCESS):
                who = "root" if person is _ROOT else "an ordinary user"
                yield Answer(one, other, who)


def argument_meaning(before: Handler, after: Handler) -> str:
    """Return what the change of a pair's arguments means for people, or ""."""
    was, now = (not _NULLOK.isdisjoint(rule.arguments) for rule in (before, after))
    if module_name(before) == "pam_unix.so" and was and not now:
        return f"{EMPTY_PASSWORD} is refused now"
    return ""
