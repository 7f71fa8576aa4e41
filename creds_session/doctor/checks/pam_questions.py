"""Find out what the checks need to know about PAM files, with the proof. Each answer is JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from creds_session.errors import CredsSessionError
from creds_session.facts.snapshot import PamFacts
from creds_session.pam.keyring_rules.names import MODULE
from creds_session.pam.keyring_rules.pam_files import PamFiles
from creds_session.pam.keyring_rules.policy import excluded_by_only_if, is_anchor, is_keyring
from creds_session.pam.keyring_rules.verdict import (
    alarm,
    duplicate_password_rules,
    verdicts_of_service,
)
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.kinds import ManagementGroup

Question = Callable[[PamFacts, str], Any]
WORDS: Final = re.compile(rb"[\s#\[\]]+")


def _files(pam: PamFacts) -> PamFiles:
    return PamFiles(pam.files.get, pam.dialect, directories=pam.directories)


def _verdicts(pam: PamFacts, service: str, *, early_start: bool = False) -> Any:  # noqa: ANN401 - JSON
    """Return the verdict on each group of a service, or why libpam refuses the service."""
    try:
        found = verdicts_of_service(service, _files(pam), early_start=early_start)
    except CredsSessionError as error:
        return error.problem
    return [[verdict.group.value, *verdict[1:]] for verdict in found]


def _early_verdicts(pam: PamFacts, service: str) -> Any:  # noqa: ANN401 - JSON
    """Return the same if the auth rule must start the daemon, and never at a wrong password."""
    return _verdicts(pam, service, early_start=True)


def _rules(pam: PamFacts, service: str) -> list[list[Any]]:
    """Return what libpam would run; nothing if libpam refuses the service."""
    stacks = _files(pam).stacks(service)
    if stacks.failure is not None:
        return []
    return [
        _rule(handler, group, service)
        for group in ManagementGroup
        for handler in stacks.of(group).handlers
    ]


def _rule(handler: Handler, group: ManagementGroup, service: str) -> list[Any]:
    """Return a rule; the arguments of another module may be a password, and are left out."""
    is_ours = is_keyring(handler)
    return [
        group.value,
        handler.origin.file,
        handler.place,
        handler.module,
        list(handler.arguments) if is_ours else [],
        is_ours,
        is_anchor(handler, group),
        excluded_by_only_if(handler, service) if is_ours else "",
    ]


def _wrong_password(pam: PamFacts, service: str) -> list[str] | None:
    """Return an example of a wrong password that is let in, and what to change; or None."""
    files = _files(pam)
    stacks = files.stacks(service)
    if stacks.failure is not None:
        return None
    has_ours = any(map(is_keyring, stacks.auth.handlers))
    without = files.without_our_rules().stacks(service) if has_ours else None
    let_in, change = alarm(stacks, without, pam.files.get)
    return [let_in, change] if let_in else None


def _repeated(pam: PamFacts, service: str) -> str:
    """Return which rules change the password of the keyring again, or an empty string."""
    return duplicate_password_rules(service, _files(pam))


def _may_have_rules(pam: PamFacts, service: str) -> bool:
    """Return by the words alone whether it is worth resolving all that a service includes.

    Each word may be the name of an included file, and each line outside the group password that
    names the module may be a rule of it.
    """
    texts: dict[bytes, bytes] = {}
    for path, text in pam.files.items():  # a vendor's file and an administrator's have one name
        name = path.rpartition("/")[2].encode()
        texts[name] = texts.get(name, b"") + b"\n" + text
    todo, done = {service.encode(), b"other"} & texts.keys(), set[bytes]()
    while todo:
        name = todo.pop()
        done.add(name)
        text = texts[name]
        lines = (line for line in text.splitlines() if MODULE.encode() in line)
        if not all(line.startswith((b"password", b"-password", b"#")) for line in lines):
            return True
        todo |= {word.rpartition(b"/")[2] for word in WORDS.split(text)} & texts.keys() - done
    return False


QUESTIONS: Final[Mapping[str, Question]] = {
    "verdicts": _verdicts,
    "early_verdicts": _early_verdicts,
    "rules": _rules,
    "wrong_password": _wrong_password,
    "repeated": _repeated,
    "may_have_rules": _may_have_rules,
}
