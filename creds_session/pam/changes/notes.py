"""List what a change has done to the rules, apart from the findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from creds_session.pam.changes.answers import argument_meaning
from creds_session.pam.changes.conditional import is_conditional
from creds_session.pam.changes.findings import Kind, Note, Topic
from creds_session.pam.changes.modules import is_check, possible
from creds_session.pam.changes.newly_run import newly_run
from creds_session.pam.changes.pairing import Pair
from creds_session.pam.changes.reach import Chosen, reach
from creds_session.pam.changes.replay import replay
from creds_session.pam.changes.rules import IDLE, RUNNING, is_proof
from creds_session.pam.changes.walk import Sides
from creds_session.pam.modules.returns import ERRORS, facts_of, module_name
from creds_session.pam.stack.dispatch import action_for
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.syntax.terms import Action, Jump, ManagementGroup, Pass, ReturnValue


def notes_on_rules(sides: Sides, group: ManagementGroup) -> Iterator[Note]:
    """Yield what else has changed in one group."""
    was, now = sides.stacks
    for index in sides.pairing.added:
        rule = now.handlers[index]
        yield Note(Topic.ADDED, _text(rule) + "".join(_effects(rule, group)))
        if sides.machines[1].exists(rule.module_path) is False:
            yield Note(Topic.FILE_MISSING, _text(rule))
    for index in sides.pairing.gone:
        yield Note(Topic.REMOVED, _text(was.handlers[index]))
    for before, after in sides.pairing.pairs:
        one, other = was.handlers[before], now.handlers[after]
        if one.arguments != other.arguments:
            meaning = argument_meaning(one, other)
            yield Note(Topic.ARGUMENTS, _arguments(one, other) + (meaning and f"; {meaning}"))
    yield from _newly_running(sides, group)


def _newly_running(sides: Sides, group: ManagementGroup) -> Iterator[Note]:
    """Yield the rules that could run at no login that succeeded, and those that run at more."""
    pass_, every = RUNNING[group], Chosen(possible, possible)
    was, now = (
        reach(stack, pass_, machine, every).at_success
        for stack, machine in zip(sides.stacks, sides.machines)
    )
    for before, after in sides.pairing.pairs:
        rule = sides.stacks[1].handlers[after]
        if was and before not in was and after in now and module_name(rule) not in IDLE:
            yield Note(Topic.RUNS_NEWLY, _text(rule))
    noted = [
        pair
        for pair in sides.pairing.pairs
        if pair.before in was and _is_noted(sides.stacks[1].handlers[pair.after], pass_)
    ]
    for question, found, pairs in newly_run(sides, pass_, noted):
        steps = replay(sides, pass_, question, found, Kind.NO_LONGER_RUNS).steps
        rules = [sides.stacks[1].handlers[after] for _, after in sorted(pairs, key=_after)]
        yield Note(Topic.RUNS_FOR_MORE, _names(rules, group), steps)


def _after(pair: Pair) -> int:
    return pair.after


def _is_noted(rule: Handler, pass_: Pass) -> bool:
    """Return whether it matters that a module runs at more logins than before.

    Of several proofs, a login takes the first one. If a proof became necessary for somebody, then
    somebody who does not have it is locked out, which is a finding. A proof whose answer does not
    decide is noted as any other module, and so is a program or a condition that is no proof.
    """
    if rule.must_fail or module_name(rule) in IDLE:
        return False
    if pass_ not in {Pass.AUTHENTICATE, Pass.UPDATE} or facts_of(rule) is None:
        return True
    is_one_of_several = not is_conditional(rule) and _is_enough(rule)
    return not (is_proof(rule) and (_is_necessary(rule) or is_one_of_several))


def _is_necessary(rule: Handler) -> bool:
    """Return whether whoever the module refuses is refused, by the rule's control."""
    return any(action_for(rule, value) in {Action.BAD, Action.DIE} for value in ERRORS)


def _is_enough(rule: Handler) -> bool:
    """Return whether whoever the module accepts skips other rules, by the rule's control."""
    action = action_for(rule, ReturnValue.SUCCESS)
    return action is Action.DONE or isinstance(action, Jump)


def _names(rules: Sequence[Handler], group: ManagementGroup) -> str:
    modules = ", ".join(dict.fromkeys(rule.module_path for rule in rules))
    refusing = [rule.module_path for rule in rules if _refuses(rule, group)]
    end = "".join(f"; whoever {name} refuses is locked out" for name in dict.fromkeys(refusing))
    return f"{group.value} {modules}{end}"


def _refuses(rule: Handler, group: ManagementGroup) -> bool:
    """Return whether a rule locks out whoever its module refuses, by its control."""
    is_asked = group in {ManagementGroup.AUTH, ManagementGroup.ACCOUNT}
    return is_asked and is_check(rule) and _is_necessary(rule)


def _effects(rule: Handler, group: ManagementGroup) -> Iterator[str]:
    """Yield what a new rule does to the people that it refuses and accepts, by its control."""
    if group not in {ManagementGroup.AUTH, ManagementGroup.ACCOUNT}:
        return
    if _refuses(rule, group):
        yield "; whoever it refuses is locked out"
    if action_for(rule, ReturnValue.SUCCESS) is Action.DONE:
        yield "; whoever it accepts skips the rules below"


def _text(rule: Handler) -> str:
    words = " ".join((rule.module_path or "a line that is not a rule", *rule.arguments))
    return f"{rule.group.value} {words}  ({rule.place})"


def _arguments(before: Handler, after: Handler) -> str:
    was, now = set(before.arguments), set(after.arguments)
    lost = [f"without {word}" for word in before.arguments if word not in now]
    new = [f"with {word}" for word in after.arguments if word not in was]
    changed = ", ".join(dict.fromkeys([*new, *lost])) or "in another order"
    return f"{after.group.value} {after.module_path} {changed}  ({after.place})"
