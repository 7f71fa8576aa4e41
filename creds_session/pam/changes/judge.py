"""Judge a change of one service: compare what libpam runs for it before and after.

docs/explanation/judge.md says what each question asks, and why it is asked in this way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from creds_session.pam.changes.conditional import (
    SUCCESS,
    condition,
    conditional_returns,
    is_conditional,
)
from creds_session.pam.changes.findings import Finding, Judgement, Kind, Note, Topic
from creds_session.pam.changes.modules import (
    Machine,
    attacker_returns,
    benign_returns,
    is_check,
    local_user_returns,
    needed_returns,
    possible,
)
from creds_session.pam.changes.notes import notes_on_rules
from creds_session.pam.changes.pairing import pair_rules
from creds_session.pam.changes.reach import Chosen, reach
from creds_session.pam.changes.replay import replay
from creds_session.pam.changes.rules import changed_rules, counting_without_end
from creds_session.pam.changes.search import search
from creds_session.pam.changes.walk import Question, Sides
from creds_session.pam.stack.handlers import Handler, Stack, Stacks
from creds_session.pam.syntax.terms import ManagementGroup, Pass


def _check_returns(handler: Handler, pass_: Pass, machine: Machine) -> frozenset[int]:
    """Return what a rule may return if only those rules fail that are there to refuse somebody."""
    return (possible if is_check(handler) else benign_returns)(handler, pass_, machine)


LOCKED_OUT: Final = Question(
    free=0, is_in=True, values=(needed_returns, possible), starves=True, common=needed_returns
)
LOCKS_LOCAL_USER: Final = Question(
    free=0,
    is_in=True,
    values=(local_user_returns, local_user_returns),
    starves=True,
    common=local_user_returns,
)
LETS_IN: Final = Question(
    free=1, is_in=True, values=(attacker_returns, attacker_returns), starves=False
)
LETS_IN_IF: Final = LETS_IN._replace(values=(conditional_returns, conditional_returns))
UNCHECKED: Final = Question(
    free=0, is_in=False, values=(_check_returns, _check_returns), starves=False
)


class _Asked(NamedTuple):
    """A question about a pass, and the kind of its finding."""

    question: Question
    kind: Kind


_ADMISSION: Final = (
    _Asked(LOCKED_OUT, Kind.LOCK_OUT),
    _Asked(LOCKS_LOCAL_USER, Kind.LOCK_OUT),
    _Asked(LETS_IN, Kind.LET_IN),
    _Asked(UNCHECKED, Kind.CHECK_GONE),
)
_CHANGE: Final = (
    _Asked(LOCKED_OUT, Kind.CHANGE_FAILS),
    _Asked(LOCKS_LOCAL_USER, Kind.CHANGE_FAILS),
    _Asked(LETS_IN, Kind.CHANGE_SUCCEEDS),
    _Asked(UNCHECKED, Kind.CHANGE_SUCCEEDS),
)
QUESTIONS: Final = {
    Pass.AUTHENTICATE: (*_ADMISSION, _Asked(LETS_IN_IF, Kind.LET_IN_IF)),
    Pass.SETCRED: (_Asked(LOCKED_OUT, Kind.LOCK_OUT),),
    Pass.ACCT_MGMT: _ADMISSION,
    Pass.OPEN_SESSION: (_Asked(LOCKED_OUT, Kind.LOCK_OUT),),
    Pass.PRELIM: _CHANGE,
    Pass.UPDATE: _CHANGE,
}
"""What is asked about each pass. The end of a session refuses nobody, and lets nobody in."""


def judge_change(
    before: Stacks,
    after: Stacks,
    machines: tuple[Machine, Machine] | None = None,
    *,
    with_notes: bool = True,
) -> Judgement:
    """Return what a change means for the people who use a service; never raises.

    ``before`` and ``after`` are what libpam runs for it. ``machines`` say which module files exist
    on each side; without them that is unknown. The notes on rules need more time than the findings;
    ``with_notes`` says whether somebody reads them.
    """
    service = after.auth.service
    known = machines or (Machine(service), Machine(service))
    if after.failure is not None:
        if before.failure is not None:
            return Judgement(service, (), ())
        place = f"{after.failure.origin.place}: " if after.failure.origin else ""
        found = Finding(Kind.UNLOADABLE, None, detail=f"{place}{after.failure.reason}")
        return Judgement(service, (found,), ())
    if before.failure is not None:
        return Judgement(service, (), (Note(Topic.LOADS, "before, it refused everybody"),))
    findings: list[Finding] = []
    notes: list[Note] = []
    for group in ManagementGroup:
        stacks = (before.of(group), after.of(group))
        if not is_same(*stacks) or known[0].exists is not known[1].exists:
            sides = Sides(stacks, pair_rules(*stacks), known)
            findings += _findings(sides, group)
            notes += notes_on_rules(sides, group) if with_notes else ()
    findings += counting_without_end(before, after)
    return Judgement(service, tuple(findings), tuple(dict.fromkeys(notes)))


def is_same(before: Stack, after: Stack) -> bool:
    """Return whether libpam runs the same in both stacks, wherever the rules stand."""
    return _bare(before) == _bare(after)


def _bare(stack: Stack) -> tuple[object, ...]:
    return (stack.dialect, *(handler[2:8] for handler in stack.handlers))


def _findings(sides: Sides, group: ManagementGroup) -> Iterator[Finding]:
    kinds: set[Kind] = set()
    for pass_ in (pass_ for pass_ in QUESTIONS if pass_.group is group):
        for question, kind in QUESTIONS[pass_]:
            # A second example of a kind says nothing new, and neither does a check that is gone
            # or a condition if somebody is let in anyway.
            is_less = kind in {Kind.CHECK_GONE, Kind.LET_IN_IF} and Kind.LET_IN in kinds
            if kind in kinds or is_less:
                continue
            if question is UNCHECKED and not _loses_check(sides):
                continue
            found = search(sides, pass_, _without_dead(sides, pass_, question))
            if found is not None:
                kinds.add(kind)
                shown = replay(sides, pass_, question, found, kind)
                yield _with_condition(shown) if kind is Kind.LET_IN_IF else shown
    is_refusing = not kinds.isdisjoint({Kind.LOCK_OUT, Kind.CHANGE_FAILS})
    yield from changed_rules(sides, group, is_refusing=is_refusing)


def _without_dead(sides: Sides, pass_: Pass, question: Question) -> Question:
    """Return the question about who is let in, with the rules that could not let anybody in before.

    If such a rule accepts a proof now, the change has opened a way in as a new rule would.
    """
    if question not in {LETS_IN, LETS_IN_IF}:
        return question
    stack, machine = sides.stacks[0], sides.machines[0]
    alive = reach(stack, pass_, machine, Chosen(possible, possible)).at_success
    return question._replace(fresh=frozenset(range(len(stack.handlers))) - alive)


def _with_condition(found: Finding) -> Finding:
    """Return the finding with the conditions that let the person in."""
    rules = (s.after for s in found.steps if s.after and s.returned_after == SUCCESS)
    conditions = [condition(rule) for rule in rules if is_conditional(rule)]
    return found._replace(detail="; ".join(conditions))


def _loses_check(sides: Sides) -> bool:
    handlers = sides.stacks[0].handlers
    return any(is_check(handlers[index]) for index in sides.pairing.gone)
