from __future__ import annotations

import os
import random
import secrets

import pytest
from oracle_libpam import Answer, CannotAsk, Case, ask, check, dialect_of, roots
from oracle_stacks import SEQUENCES, Stacks

from creds_session.pam.dispatch import Verdict, dispatch
from creds_session.pam.handlers import Handler
from creds_session.pam.handlers import Stacks as Resolved
from creds_session.pam.modules import DEBUG_EVENTS, builtin_return
from creds_session.pam.nodes import Consequence
from creds_session.pam.stack import resolve_all
from creds_session.pam.terms import Call, Dialect, Pass, ReturnValue, return_word

COUNT = int(os.environ.get("CREDS_ORACLE_STACKS", "2000"))
SEED = int(os.environ.get("CREDS_ORACLE_SEED", "0")) or secrets.randbelow(2**32)
KNOWN = {"pam_permit.so", "pam_deny.so", "pam_debug.so"}
ECHO_SPEAKS = {Pass.AUTHENTICATE, Pass.ACCT_MGMT, Pass.OPEN_SESSION, Pass.PRELIM}
ECHO_LIMIT = 511  # PAM_MAX_MSG_SIZE less the NUL


def returns(handler: Handler, pass_: Pass) -> int:
    if handler.module_path in KNOWN:
        known = builtin_return(handler, pass_)
        assert known is not None
        return known
    if handler.module_path == "pam_echo.so":
        return ReturnValue.SUCCESS if pass_ in ECHO_SPEAKS else ReturnValue.IGNORE
    return ReturnValue.MODULE_UNKNOWN


def messages(verdict: Verdict) -> tuple[str, ...]:
    said = []
    for entry in verdict.trace:
        handler = entry.handler
        if handler.must_fail:
            continue
        arguments = [a.encode("utf-8", "surrogateescape") for a in handler.arguments]
        if handler.module_path == "pam_echo.so" and entry.pass_ in ECHO_SPEAKS:
            said.append(b" ".join(arguments)[:ECHO_LIMIT])
        if handler.module_path == "pam_debug.so":
            event = DEBUG_EVENTS[entry.pass_].encode() + b"="
            first = next((a for a in arguments if a.startswith(event)), b"")
            if first == event + return_word(entry.returned).encode():
                said.append(first)
    return tuple(text.decode("latin-1") for text in said)


def predict(stacks: Resolved, sequence: tuple[str, ...]) -> Answer:
    if stacks.failure is not None:
        return Answer(int(ReturnValue.ABORT), ())
    answers = []
    before: Verdict | None = None
    for name in sequence:
        verdict = dispatch(stacks, Call(name), returns, after=before)
        answers.append((verdict.result, messages(verdict)))
        if before is None or before.result != ReturnValue.INCOMPLETE:
            before = verdict
    return Answer(0, tuple(answers))


def is_asked(stacks: Resolved) -> bool:
    return stacks.failure is None or stacks.failure.consequence is Consequence.ABORT


def usable(root: str) -> Dialect:
    try:
        check(root)
        return dialect_of(root)
    except CannotAsk as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))


def compare(root: str, dialect: Dialect, batch: list[dict[str, bytes]]) -> tuple[int, list[str]]:
    cases, expected = [], []
    for files in batch:
        stacks = resolve_all("svc", files.get, dialect=dialect)
        if is_asked(stacks):
            cases.append(Case(files, "svc", SEQUENCES))
            expected.append([predict(stacks, sequence) for sequence in SEQUENCES])
    differences = []
    for case, wanted, got in zip(cases, expected, ask(root, cases)):
        if wanted != got:
            pairs = [
                f"  {sequence}\n    ours   {w}\n    libpam {g}"
                for sequence, w, g in zip(SEQUENCES, wanted, [*got, *got[-1:] * 6])
                if w != g
            ]
            differences.append("\n".join([f"{case.files}", *pairs]))
    return len(cases), differences


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("root", roots())
def test_dispatch_equals_libpam_for_random_stacks(root: str) -> None:
    dialect = usable(root)
    print(f"CREDS_ORACLE_SEED={SEED} CREDS_ORACLE_STACKS={COUNT} {root} {dialect.name}")  # noqa: T201
    compared, differences = 0, []
    source = Stacks(random.Random(SEED))  # noqa: S311 - test data
    for start in range(0, COUNT, 1000):
        batch = [source.files() for _ in range(start, min(start + 1000, COUNT))]
        count, found = compare(root, dialect, batch)
        compared += count
        differences += found
    print(f"{compared} compared, {len(differences)} differ")  # noqa: T201
    assert not differences, f"seed {SEED}\n" + "\n".join(differences[:5])
    assert compared > COUNT * 0.8
