"""What we say libpam answers, in the form in which the child reports it."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from creds_session.pam.modules.builtin import DEBUG_EVENTS, builtin_return
from creds_session.pam.stack.dispatch import Verdict, dispatch
from creds_session.pam.syntax.nodes import Consequence
from creds_session.pam.syntax.terms import Call, Pass, ReturnValue, return_word
from tests.oracle.oracle_libpam import CRASHED, HUNG, Answer

if TYPE_CHECKING:
    from creds_session.pam.stack.handlers import Handler, Stacks
    from creds_session.pam.stack.resolve import Read

KNOWN = {"pam_permit.so", "pam_deny.so", "pam_debug.so"}
ECHO_SPEAKS = {Pass.AUTHENTICATE, Pass.ACCT_MGMT, Pass.OPEN_SESSION, Pass.PRELIM}
ECHO_LIMIT = 511  # PAM_MAX_MSG_SIZE less the NUL

FAILED = {
    Consequence.ABORT: Answer(int(ReturnValue.ABORT), ()),
    Consequence.CRASH: CRASHED,
    Consequence.HANG: HUNG,
}


def returns(handler: Handler, pass_: Pass) -> int:
    """Answer for the modules that are used here; any other is not on the disk."""
    known = builtin_return(handler, pass_) if handler.module_path in KNOWN else None
    if known is not None:
        return known
    if handler.module_path == "pam_echo.so":
        return ReturnValue.SUCCESS if pass_ in ECHO_SPEAKS else ReturnValue.IGNORE
    return ReturnValue.MODULE_UNKNOWN


def messages(verdict: Verdict) -> tuple[str, ...]:
    """Return what the modules of a trace say to the conversation."""
    said = []
    for entry in verdict.trace:
        handler = entry.handler
        arguments = [a.encode("utf-8", "surrogateescape") for a in handler.arguments]
        if handler.must_fail:
            continue
        if handler.module_path == "pam_echo.so" and entry.pass_ in ECHO_SPEAKS:
            said.append(b" ".join(arguments)[:ECHO_LIMIT])
        if handler.module_path == "pam_debug.so":
            event = DEBUG_EVENTS[entry.pass_].encode() + b"="
            first = next((a for a in arguments if a.startswith(event)), b"")
            if first == event + return_word(entry.returned).encode():
                said.append(first)
    return tuple(text.decode("latin-1") for text in said)


def predict(stacks: Stacks, sequence: tuple[str, ...]) -> Answer:
    """Return the answer to one row of calls on one handle."""
    if stacks.failure is not None:
        return FAILED[stacks.failure.consequence]
    answers: list[tuple[int, tuple[str, ...]]] = []
    before: Verdict | None = None
    for name in sequence:
        call = Call(name)
        if before is not None and before.result == ReturnValue.INCOMPLETE:
            if before.call is call:
                break  # libpam takes an unfinished call up where it stopped; we do not
            answers.append((dispatch(stacks, call, returns, after=before).result, ()))
            continue
        before = dispatch(stacks, call, returns, after=before)
        answers.append((before.result, messages(before)))
    return Answer(0, tuple(answers))


def reader(files: dict[str, bytes]) -> Read:
    """Read from a dictionary; a directory opens and is empty, as with fopen."""
    directories = {posixpath.dirname(path) for path in files} - {"/etc"}

    def read(path: str) -> bytes | None:
        path = posixpath.normpath(path)
        return b"" if path in directories else files.get(path)

    return read
