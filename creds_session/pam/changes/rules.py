"""Find the rules that no longer run or no longer get the password, and those that never run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from creds_session.pam.changes.findings import Finding, Kind, Step
from creds_session.pam.changes.modules import (
    ABOUT_USERS,
    benign_returns,
    possible,
    takes_password,
)
from creds_session.pam.changes.reach import Chosen, Reach, reach
from creds_session.pam.changes.walk import Sides
from creds_session.pam.modules.facts import Admission, Handling
from creds_session.pam.modules.returns import BUILTIN, facts_of, module_name
from creds_session.pam.stack.handlers import Handler, Stacks
from creds_session.pam.syntax.terms import ManagementGroup, Pass

RUNNING: Final = {
    ManagementGroup.AUTH: Pass.AUTHENTICATE,
    ManagementGroup.ACCOUNT: Pass.ACCT_MGMT,
    ManagementGroup.PASSWORD: Pass.UPDATE,
    ManagementGroup.SESSION: Pass.OPEN_SESSION,
}
"""The pass that says of each group which rules run."""

IDLE: Final = BUILTIN | {"pam_warn.so", "pam_echo.so"}
"""Modules that nobody misses if they do not run."""


class _Reached(NamedTuple):
    """What can run if the modules return anything, and what runs at an ordinary login."""

    any: Reach
    usual: Reach


def changed_rules(sides: Sides, group: ManagementGroup, *, is_refusing: bool) -> Iterator[Finding]:
    """Yield each rule that no longer runs or no longer gets the password, or that is dead.

    ``is_refusing``: it is known already that a right answer of some module is refused, so that only
    the rules count that never run at all.
    """
    pass_ = RUNNING[group]
    was, now = (_reached(sides, side, pass_) for side in (0, 1))
    if not now.any.at_success:
        return  # nobody gets in at all, which is another finding
    yield from _dead(sides, pass_)
    for before, after in sides.pairing.pairs:
        rule = sides.stacks[1].handlers[after]
        if rule.must_fail or module_name(rule) in IDLE:
            continue
        subject = _subject(sides, before, after)
        is_lost = before in was.any.runs and after not in now.any.runs
        if is_lost or (not is_refusing and _is_lost_at_success(sides, was, now, before, after)):
            yield Finding(Kind.NO_LONGER_RUNS, pass_, subject=subject)
        elif _lacks_password(sides, pass_, (was, now), (before, after)):
            yield Finding(Kind.NO_PASSWORD, pass_, subject=subject)


def _dead(sides: Sides, pass_: Pass) -> Iterator[Finding]:
    """Yield each added rule whose module never runs when it could do its task."""
    every = Chosen(possible, possible)
    now = reach(sides.stacks[1], pass_, sides.machines[1], every, starves=False)
    for index in sides.pairing.added:
        rule = sides.stacks[1].handlers[index]
        runs = index in (now.runs if _at_failure(rule) else now.at_success)
        if not (runs or rule.must_fail or module_name(rule) in IDLE | ABOUT_USERS):
            yield Finding(Kind.DEAD_RULE, pass_, subject=Step(None, rule, None, 0))


def _at_failure(rule: Handler) -> bool:
    """Return whether the module of a rule has its task at a login that fails."""
    return "authfail" in rule.arguments or module_name(rule) in {"pam_faildelay.so", "pam_exec.so"}


def counting_without_end(before: Stacks, after: Stacks) -> Iterator[Finding]:
    """Yield a module that counts failed logins, if a change made it count for ever.

    Sources: pam_faillock(8) and pam_tally2(8): the counter is reset by a rule in account, or by
    pam_faillock with authsucc.
    """
    had = set(map(module_name, _counting(before)))
    for rule in _counting(after):
        if module_name(rule) not in had:
            step = Step(None, rule, None, 0)
            yield Finding(Kind.COUNTS_ALL, Pass.AUTHENTICATE, subject=step)
            return


def _counting(stacks: Stacks) -> Iterator[Handler]:
    """Yield the rules that count failed logins without a rule that resets the counter."""
    resetting = {module_name(rule) for rule in stacks.account.handlers}
    resetting.update(module_name(r) for r in stacks.auth.handlers if "authsucc" in r.arguments)
    for rule in stacks.auth.handlers:
        name = module_name(rule)
        is_counter = name in {"pam_tally.so", "pam_tally2.so"} or (
            name == "pam_faillock.so" and "authfail" in rule.arguments
        )
        if is_counter and name not in resetting:
            yield rule


def _is_lost_at_success(
    sides: Sides, was: _Reached, now: _Reached, before: int, after: int
) -> bool:
    """Return whether a rule ran at some login that succeeded, or at an ordinary one, and does not.

    Of several proofs, an ordinary login takes the first one, so that their order does not count.
    """
    if before in was.any.at_success and after not in now.any.at_success:
        return True
    is_usual = before in was.usual.at_success and after not in now.usual.at_success
    return is_usual and not is_proof(sides.stacks[0].handlers[before])


def is_proof(rule: Handler) -> bool:
    """Return whether a module checks a proof, or may do so."""
    facts = facts_of(rule)
    return (
        facts is None
        or facts.handling is Handling.JUDGES
        or (facts.admission is Admission.OTHERWISE)
    )


def _lacks_password(
    sides: Sides, pass_: Pass, reached: tuple[_Reached, _Reached], rules: tuple[int, int]
) -> bool:
    before, after = rules
    one, other = sides.stacks[0].handlers[before], sides.stacks[1].handlers[after]
    if not (takes_password(one, pass_) and takes_password(other, pass_)):
        return False
    had = before in reached[0].any.with_password
    return had and after not in reached[1].any.with_password


def _reached(sides: Sides, side: int, pass_: Pass) -> _Reached:
    mine = frozenset((sides.pairing.gone, sides.pairing.added)[side])
    stack, machine = sides.stacks[side], sides.machines[side]
    return _Reached(
        reach(stack, pass_, machine, Chosen(possible, possible, mine)),
        reach(stack, pass_, machine, Chosen(benign_returns, possible, mine)),
    )


def _subject(sides: Sides, before: int, after: int) -> Step:
    # Both values are set, so that the place says nothing about this one run.
    return Step(sides.stacks[0].handlers[before], sides.stacks[1].handlers[after], 0, 0)
