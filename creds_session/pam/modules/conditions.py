"""Evaluate conditions of PAM for an ordinary person: pam_succeed_if, and similar modules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Final

from creds_session.pam.modules.facts import Admission
from creds_session.pam.modules.returns import admission
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.terms import ReturnValue

PERSON: Final = {
    **dict.fromkeys(("user", "login", "name"), "alice"),
    **dict.fromkeys(("uid", "gid"), "1000"),
    **dict.fromkeys(("home", "dir", "homedir"), "/home/alice"),
    "shell": "/bin/bash",
    "ruser": "",
    "rhost": "client.example",
    "tty": "ssh",
}
"""The person that conditions are evaluated for: a local user, in the group alice only."""
SOMEBODY_ELSE: Final = {
    **PERSON,
    **dict.fromkeys(("user", "login", "name"), "bob"),
    **dict.fromkeys(("uid", "gid"), "1001"),
    **dict.fromkeys(("home", "dir", "homedir"), "/home/bob"),
    "rhost": "other.example",
}
"""Another ordinary user; a condition that is true only for PERSON is not true for everybody."""

_NUMBER = re.compile("[0-9]{1,18}")
_FLAGS = {"debug", "use_uid", "quiet", "quiet_fail", "quiet_success", "audit"}
_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    **dict.fromkeys(("<", "lt"), lambda left, right: left < right),
    **dict.fromkeys(("<=", "le"), lambda left, right: left <= right),
    **dict.fromkeys((">", "gt"), lambda left, right: left > right),
    **dict.fromkeys((">=", "ge"), lambda left, right: left >= right),
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
}
_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    **dict.fromkeys(("=~", "glob"), fnmatchcase),
    **dict.fromkeys(("!~", "noglob"), lambda left, right: not fnmatchcase(left, right)),
    "in": lambda left, right: left in right.split(":"),
    "notin": lambda left, right: left not in right.split(":"),
    "ingroup": lambda left, right: left in right.split(":"),
    "notingroup": lambda left, right: left not in right.split(":"),
    "innetgr": lambda _, __: False,
    "notinnetgr": lambda _, __: True,
}


def judge_conditions(
    handler: Handler, service: str, person: Mapping[str, str] = PERSON
) -> ReturnValue:
    """Return what pam_succeed_if returns for a person; all conditions must be true.

    Source: pam_succeed_if.c:evaluate.
    """
    words = [word for word in handler.arguments if word not in _FLAGS]
    while words:
        left, test, right, *words = [*words, "", ""] if len(words) < 3 else words  # noqa: PLR2004
        holds = _holds({**person, "service": service}.get(left.lower()), test.lower(), right)
        if holds is not True:
            return ReturnValue.SERVICE_ERR if holds is None else ReturnValue.AUTH_ERR
    return ReturnValue.SUCCESS


def _holds(left: str | None, test: str, right: str) -> bool | None:
    """Return whether one condition is true, or None if the module cannot evaluate it."""
    if left is None or not right:
        return None
    if test in _TEXTS:
        return _TEXTS[test](left, right)
    if test not in _NUMBERS or not (_NUMBER.fullmatch(left) and _NUMBER.fullmatch(right)):
        return None
    return _NUMBERS[test](int(left), int(right))


def vouches(handler: Handler, service: str) -> bool:
    """Return whether a success of the module in authenticate confirms who the person is.

    A condition that is true for every ordinary person confirms nothing: it lets people in with any
    password. The success of a module that is in no table is assumed to confirm the person.
    """
    says = admission(handler)
    if handler.module == "pam_succeed_if.so":
        return any(
            judge_conditions(handler, service, person) is not ReturnValue.SUCCESS
            for person in (PERSON, SOMEBODY_ELSE)
        )
    if handler.module == "pam_usertype.so":
        return "issystem" in handler.arguments
    if handler.module == "pam_listfile.so":
        return "sense=allow" in handler.arguments
    return says is not Admission.NOBODY
