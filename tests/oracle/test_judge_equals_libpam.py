"""What the judge of a change says is what libpam does.

If it finds something, libpam gives the two results of the counterexample. If it finds nothing, then
for random values of the rules that both sides have, and of the free side's own rules, libpam gives
the same verdict for both with some values of the bound side's own rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from creds_session.pam.changes.findings import Kind
from creds_session.pam.changes.judge import LETS_IN, LOCKED_OUT, QUESTIONS
from creds_session.pam.changes.modules import Machine
from creds_session.pam.changes.pairing import pair_rules
from creds_session.pam.changes.replay import replay
from creds_session.pam.changes.search import search
from creds_session.pam.changes.walk import Question, Sides, is_let_in
from creds_session.pam.stack.dispatch import dispatch
from creds_session.pam.stack.handlers import Stack, Stacks
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.terms import Dialect, Pass, ReturnValue
from tests.depth import JUDGED_CHANGES, ORACLE_SEED
from tests.oracle.oracle_changes import (
    SERVICE,
    Change,
    Changes,
    names_in,
    other_values,
    with_values,
)
from tests.oracle.oracle_libpam import Case, ask
from tests.oracle.oracle_predict import reader, returns
from tests.oracle.test_dispatch_equals_libpam import usable

PROVED = {int(ReturnValue.SUCCESS), int(ReturnValue.NEW_AUTHTOK_REQD)}
PROVING = {Pass.AUTHENTICATE, Pass.ACCT_MGMT, Pass.PRELIM, Pass.UPDATE}
"""Passes in which a success of a module that the judge does not know is taken for a proof."""

SAMPLES = 3
BATCH = 500


class Claim(NamedTuple):
    """What libpam must say of one service with stand-ins: whether it lets somebody in."""

    files: dict[str, bytes]
    pass_: Pass
    is_in: bool
    why: str
    result: int | None = None


def sides_of(change: Change, dialect: Dialect) -> tuple[Sides, tuple[Stacks, Stacks]]:
    stacks = tuple(
        resolve_all(SERVICE, reader(files), dialect=dialect)
        for files in (change.before, change.after)
    )
    was, now = stacks
    group = change.pass_.group
    machine = Machine(SERVICE)
    pair = (was.of(group), now.of(group))
    return Sides(pair, pair_rules(*pair), (machine, machine)), (was, now)


def claims(source: Changes, change: Change, dialect: Dialect) -> Iterator[Claim]:
    sides, _ = sides_of(change, dialect)
    questions = [LOCKED_OUT] if change.pass_ is Pass.SETCRED else [LOCKED_OUT, LETS_IN]
    for question in questions:
        found = search(sides, change.pass_, question)
        if found is None:
            yield from claims_of_nothing(source, change, sides, question)
            continue
        shown = replay(sides, change.pass_, question, found, Kind.LOCK_OUT)
        assert shown.results is not None
        before = {s.module_path: s.returned_before for s in shown.steps if s.returned_before}
        after = {s.module_path: s.returned_after for s in shown.steps if s.returned_after}
        for files, values, result in (
            (change.before, before, shown.results[0]),
            (change.after, after, shown.results[1]),
        ):
            text = text_for(source, files, values, change.pass_, dialect)
            is_in = is_let_in(result, change.pass_)
            yield Claim(text, change.pass_, is_in, str(shown), result)
        both = [is_let_in(result, change.pass_) for result in shown.results]
        assert both == ([True, False] if question is LOCKED_OUT else [False, True]), str(shown)


def claims_of_nothing(
    source: Changes, change: Change, sides: Sides, question: Question
) -> Iterator[Claim]:
    """Yield what libpam must say if the judge has found nothing, for random values."""
    files = (change.before, change.after)
    free, bound = files[question.free], files[1 - question.free]
    free_runs = modules_of(sides.stacks[question.free]) & names_in(free)
    bound_runs = modules_of(sides.stacks[1 - question.free]) & names_in(bound)
    dialect = sides.stacks[0].dialect
    is_asked = question is LETS_IN and change.pass_ in PROVING
    for _ in range(SAMPLES):
        values = source.values(names_in(free) | names_in(bound))
        if change.pass_ in {Pass.AUTHENTICATE, Pass.SETCRED}:  # no value of these calls
            values = {n: 0 if v == ReturnValue.NEW_AUTHTOK_REQD else v for n, v in values.items()}
        if is_asked:  # nobody proves who they are to a module that one side alone has
            news = free_runs - bound_runs
            values |= {name: ReturnValue.AUTH_ERR for name in news if values[name] in PROVED}
        text = text_for(source, free, values, change.pass_, dialect)
        is_in = predicted(text, change.pass_, dialect)
        yield Claim(text, change.pass_, is_in, "random values, on the free side")
        if not is_in:
            continue
        own = bound_runs - free_runs
        answers = other_values(values, own, lambda value: not (is_asked and value in PROVED))
        texts = (text_for(source, bound, one, change.pass_, dialect) for one in answers)
        same = next((one for one in texts if predicted(one, change.pass_, dialect)), None)
        assert same is not None, f"not found: {text} and {bound} with {values}"
        yield Claim(same, change.pass_, is_in=True, why="random values, on the bound side")


def text_for(
    source: Changes,
    files: dict[str, bytes],
    values: dict[str, int],
    pass_: Pass,
    dialect: Dialect,
) -> dict[str, bytes]:
    """Return the files with modules that return these values in a pass.

    libpam runs both passes of a change of the password in one call. The modules return the same in
    both, so that the result of the call is that of either pass. For the second pass, other values
    in the first one are tried, because libpam must not use them again.
    """
    if pass_ is Pass.UPDATE:
        for _ in range(SAMPLES):
            prelim = source.values(names_in(files))
            if predicted(with_values(files, prelim, pass_), pass_, dialect):
                return with_values(files, values, pass_, prelim)
    return with_values(files, values, pass_)


def modules_of(stack: Stack) -> set[str]:
    """Return the modules that libpam loads: not every file is included on both sides."""
    return {rule.module for rule in stack.handlers if not rule.is_substack}


def predicted(files: dict[str, bytes], pass_: Pass, dialect: Dialect) -> bool:
    stacks = resolve_all(SERVICE, reader(files), dialect=dialect)
    return is_let_in(dispatch(stacks, pass_.call, returns).result, pass_)


@pytest.mark.timeout(7200)
def test_the_judge_of_a_change_says_what_libpam_does(
    root: str, capsys: pytest.CaptureFixture[str]
) -> None:
    dialect = usable(root)
    source = Changes(ORACLE_SEED)
    compared = found = 0
    differences: list[str] = []
    for start in range(0, JUDGED_CHANGES, BATCH):
        made = [source.change() for _ in range(start, min(start + BATCH, JUDGED_CHANGES))]
        said = [claim for change in made for claim in claims(source, change, dialect)]
        cases = [Case(one.files, SERVICE, ((one.pass_.call.value,),)) for one in said]
        for claim, answers in zip(said, ask(root, cases)):
            (answer,) = answers
            result = answer.answers[0][0] if answer.start == 0 else answer.start
            is_other = claim.result is not None and claim.result != result
            if is_other or is_let_in(result, claim.pass_) is not claim.is_in:
                differences.append(f"{claim}\n  libpam: {answer}")
        compared += len(said)
        found += sum(not claim.why.startswith("random") for claim in said)
    with capsys.disabled():
        print(
            f"\nCREDS_ORACLE_SEED={ORACLE_SEED} CREDS_JUDGED_CHANGES={JUDGED_CHANGES}"
            f" {dialect.name} in {root}: {compared} verdicts, {found} of counterexamples,"
            f" {len(differences)} differ",
            flush=True,
        )
    assert not differences, f"seed {ORACLE_SEED}\n" + "\n".join(differences[:5])
    assert JUDGED_CHANGES / 5 < found < compared


def test_the_random_changes_are_about_each_pass_that_is_judged() -> None:
    source = Changes(ORACLE_SEED)
    assert {source.change().pass_ for _ in range(300)} == set(QUESTIONS)


def test_random_changes_add_remove_and_move_rules() -> None:
    source = Changes(ORACLE_SEED)
    counts = {"added": 0, "gone": 0, "moved": 0, "same": 0}
    for _ in range(300):
        pairing = sides_of(source.change(), Dialect.DEBIAN_1_7)[0].pairing
        counts["added"] += bool(pairing.added)
        counts["gone"] += bool(pairing.gone)
        counts["moved"] += any(slot.variable is not None for slot in pairing.slots)
        counts["same"] += not (pairing.added or pairing.gone)
    assert min(counts.values()) > 20, counts
