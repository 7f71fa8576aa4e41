"""Services that show what a real module returns: one call, one value.

libpam itself says only what became of a value. So the rule of the module jumps, by a number of its
own for each value, to a pam_debug that ends the stack and says that value to the conversation.
"""

from __future__ import annotations

from collections.abc import Iterator

from creds_session.pam.modules.builtin import DEBUG_EVENTS
from creds_session.pam.syntax.terms import Pass, ReturnValue
from tests.oracle.oracle_libpam import Answer, Case

SERVICE = "svc"
PATH = f"/etc/pam.d/{SERVICE}"
GROUPS = {
    Pass.AUTHENTICATE: "auth",
    Pass.SETCRED: "auth",
    Pass.ACCT_MGMT: "account",
    Pass.OPEN_SESSION: "session",
    Pass.CLOSE_SESSION: "session",
    Pass.PRELIM: "password",
    Pass.UPDATE: "password",
}
CALLS = {
    **{pass_: pass_.value for pass_ in Pass},
    **dict.fromkeys((Pass.PRELIM, Pass.UPDATE), "chauthtok"),
}
JUMPS = " ".join(f"{value.word}={value + 1}" for value in ReturnValue)
_WORDS = {value.word: value for value in ReturnValue}


def telling(rule: str, pass_: Pass) -> str:
    """Write a service whose call in this pass says what the module of ``rule`` returned."""
    group, event = GROUPS[pass_], DEBUG_EVENTS[pass_]
    let_through = " prechauthtok=success" if pass_ is Pass.UPDATE else ""
    control = "[success=done default=die]" if pass_ is Pass.UPDATE else "[default=die]"
    ends = [
        f"{group} {control} pam_debug.so {event}={value.word}{let_through}\n"
        for value in ReturnValue
    ]
    return f"{group} [{JUMPS}] {rule}\n{group} required pam_deny.so\n{''.join(ends)}"


def cases(rule: str, user: str, files: dict[str, bytes]) -> Iterator[tuple[Pass, Case]]:
    """Return a case for each pass, on a handle of its own."""
    for pass_ in Pass:
        text = telling(rule, pass_)
        case = Case({**files, PATH: text.encode()}, SERVICE, ((CALLS[pass_],),), user)
        yield pass_, case


def returned(pass_: Pass, answers: list[Answer]) -> ReturnValue | None:
    """Return what the module said in this pass; None if the pass did not come about."""
    (answer,) = answers
    code, heard = answer.answers[0]
    if code == ReturnValue.INCOMPLETE:
        return ReturnValue.INCOMPLETE
    event = DEBUG_EVENTS[pass_]
    said = [text.partition("=")[2] for text in heard if text.startswith(f"{event}=")]
    return _WORDS[said[-1]] if said else None
