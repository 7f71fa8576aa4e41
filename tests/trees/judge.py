"""The judge: every story of a service, before and after a change, run by the real libpam.

Each module but pam_permit and pam_deny becomes a pam_debug that returns what the story says, and
reports it. pam_gnome_keyring's stand-in is silent if it succeeds, and reports a value that no other
module reports if it fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from creds_session.pam.modules.builtin import DEBUG_EVENTS, builtin_return
from creds_session.pam.stack.dispatch import dispatch
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.nodes import AtInclude, Rule
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Call, Dialect, ManagementGroup, Pass, ReturnValue
from tests.oracle.oracle_edits import GUARD, KEYRINGS, NOT_ROOT, others_said, without_keyring
from tests.oracle.oracle_libpam import Answer
from tests.trees.stories import PASSWORDS, Story, returns

KEYRING = "pam_gnome_keyring.so"
KEPT = {"pam_permit.so", "pam_deny.so", "pam_debug.so"}
STATES = ("succeeds", "fails", "is missing")
SEQUENCES = (
    ("authenticate", "setcred", "acct_mgmt", "open_session", "close_session"),
    ("setcred", "acct_mgmt", "open_session", "close_session"),
    ("chauthtok",),
)
"""A login by password, a login by key (which calls no authenticate), a change of the password."""

REACHED = {
    ManagementGroup.AUTH: (0, 0, Call.AUTHENTICATE, Pass.AUTHENTICATE, "auth=service_err"),
    ManagementGroup.SESSION: (
        0,
        3,
        Call.OPEN_SESSION,
        Pass.OPEN_SESSION,
        "open_session=service_err",
    ),
    ManagementGroup.PASSWORD: (2, 0, Call.CHAUTHTOK, Pass.UPDATE, "chauthtok=buf_err"),
}
"""Which sequence, which call of it, and which word show that a group's rule was reached."""

Files = Mapping[str, bytes]


def stand_ins(files: Files, service: str, story: Story, state: str) -> dict[str, bytes]:
    """Return the files that the service reads, with a stand-in for each module.

    A rule of pam_gnome_keyring that ``only_if`` keeps out of the service returns success and does
    nothing, as the module does (gkr-pam-module.c, parse_args).
    """
    keyring, made = KEYRINGS[state].keyring, {}
    for path in _closure(files, service):
        lines = []
        for node in parse(files[path], Dialect.DEBIAN_1_7).lines:
            if isinstance(node, Rule) and not node.control.is_include:
                words = node.source[: node.spans.module_path[0]]
                lines.append(words + _stand_in(node, service, story, keyring, state) + b"\n")
            elif isinstance(node, (Rule, AtInclude)):
                lines.append(node.source.rstrip(b"\n") + b"\n")
        made[path] = b"".join(lines)
    return made


def _closure(files: Files, service: str) -> Iterator[str]:
    """Yield the paths that libpam reads for a service: its own, what that includes, ``other``."""
    todo, seen = [service, "other"], set()
    while todo:
        name = todo.pop()
        path = next((p for p in (f"/etc/pam.d/{name}", f"/usr/lib/pam.d/{name}") if p in files), "")
        if not path or path in seen:
            continue
        seen.add(path)
        yield path
        todo += [
            node.module_path.decode()
            for node in parse(files[path], Dialect.DEBIAN_1_7).lines
            if isinstance(node, AtInclude) or (isinstance(node, Rule) and node.control.is_include)
        ]


def _stand_in(rule: Rule, service: str, story: Story, keyring: bytes, state: str) -> bytes:
    module, arguments = _module(rule), [one.decode() for one in rule.module_arguments]
    if module == KEYRING:
        kept_out = any(
            one.startswith("only_if=") and service not in one[8:].split(",") for one in arguments
        )
        return b"pam_debug.so" if kept_out and state != "is missing" else keyring
    if rule.module_arguments == GUARD:
        # setcred of pam_succeed_if is ``return PAM_IGNORE``; no other stand-in returns these.
        return b"pam_debug.so cred=ignore" if story.user == "root" else NOT_ROOT
    if module in KEPT:
        return b" ".join((module.encode(), *rule.module_arguments))
    told = (
        f"{event}={ReturnValue(returns(story, service, module, arguments, pass_)).word}"
        for pass_, event in DEBUG_EVENTS.items()
    )
    return b"pam_debug.so " + " ".join(told).encode()


def _module(rule: Rule) -> str:
    return rule.module_path.rpartition(b"/")[2].decode()


def without_rules(files: Files) -> dict[str, bytes]:
    """Return the files without any rule of pam_gnome_keyring, whoever wrote it."""
    return without_keyring(dict(files))


def same_for_others(before: list[Answer], after: list[Answer]) -> bool:
    """Return whether every verdict, and every other module in its order, is the same."""
    return [_others(one) for one in before] == [_others(one) for one in after]


def _others(answer: Answer) -> tuple[int, tuple[tuple[int, tuple[str, ...]], ...]]:
    return answer.start, tuple((code, others_said(texts)) for code, texts in answer.answers)


def must_reach(files: Files, service: str, story: Story, dialect: Dialect) -> set[ManagementGroup]:
    """Return the groups whose keyring rule must run: the call succeeded, by a right password.

    For a session it is enough that the call succeeded, where some login brings a password.
    """
    stacks = resolve_all(service, files.get, dialect=dialect)

    def answer(handler: Handler, pass_: Pass) -> int:
        known = builtin_return(handler, pass_)
        if known is not None:
            return int(known)
        return returns(story, service, handler.module, handler.arguments, pass_)

    found = set()
    for group, (_, _, call, pass_, _) in REACHED.items():
        if stacks.of(group).is_other or not stacks.of(group).handlers:
            continue
        verdict = dispatch(stacks, call, answer)
        if verdict.result != ReturnValue.SUCCESS:
            continue
        if group is ManagementGroup.SESSION or any(
            entry.handler.module in PASSWORDS
            and entry.pass_ is pass_
            and entry.returned == ReturnValue.SUCCESS
            for entry in verdict.trace
        ):
            found.add(group)
    return found


def reached(answers: list[Answer], group: ManagementGroup) -> bool:
    """Return whether a failing keyring reported itself in the call of a group."""
    sequence, place, _, _, word = REACHED[group]
    given = answers[sequence].answers
    return len(given) > place and word in given[place][1]
