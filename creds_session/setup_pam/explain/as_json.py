"""Return an explanation as values for JSON; docs/reference/json.md describes them."""

from __future__ import annotations

from creds_session.pam.stack.handlers import Branch, Stack
from creds_session.pam.syntax.terms import ManagementGroup, Pass, return_word
from creds_session.setup_pam.explain.explanation import Explanation, node_text, numbers, rule_index
from creds_session.setup_pam.explain.scenarios import Assumption, CallTaken, Scenario
from creds_session.setup_pam.explain.trace import effect, fates


def explanation_values(shown: Explanation) -> dict[str, object]:
    """Return the whole explanation; a rule is identified by its group and number."""
    stacks = shown.stacks
    return {
        "service": shown.service,
        "dialect": stacks.auth.dialect.name.lower(),
        "groups": [_group(stacks.of(group)) for group in ManagementGroup],
        "scenarios": [_scenario(shown, scenario) for scenario in shown.scenarios],
        "assumptions": [_assumption(assumption) for assumption in shown.assumptions()],
    }


def _group(stack: Stack) -> dict[str, object]:
    number_of = numbers(stack)
    return {
        "group": stack.group.value,
        "from_other": stack.is_other,
        "rules": [_rule(stack, index, number) for index, number in number_of.items()],
        "tree": [_branch(stack, branch, number_of) for branch in stack.tree],
    }


def _rule(stack: Stack, index: int, number: int) -> dict[str, object]:
    handler = stack.handlers[index]
    return {
        "number": number,
        "file": handler.origin.file,
        "line": handler.origin.line,
        "module": handler.module_path,
        "arguments": list(handler.arguments),
        "must_fail": handler.must_fail,
    }


def _branch(stack: Stack, branch: Branch, number_of: dict[int, int]) -> dict[str, object]:
    index = rule_index(stack, branch)
    return {
        "file": branch.origin.file,
        "line": branch.origin.line,
        "text": node_text(branch.node),
        "rule": None if index is None else number_of[index],
        "included": branch.included,
        "reason": branch.reason,
        "children": [_branch(stack, child, number_of) for child in branch.children],
    }


def _scenario(shown: Explanation, scenario: Scenario) -> dict[str, object]:
    calls = [_call(shown, taken) for taken in shown.scenarios[scenario]]
    return {"scenario": scenario.value.replace(" ", "_"), "calls": calls}


def _call(shown: Explanation, taken: CallTaken) -> dict[str, object]:
    result = None if taken.verdict is None else taken.verdict.result
    passes = taken.call.passes if taken.verdict is not None else ()
    return {
        "call": taken.call.value,
        "group": taken.call.group.value,
        "called": taken.verdict is not None,
        "reason": taken.reason,
        "result": None if result is None else return_word(result),
        "code": result,
        "passes": [_pass(shown, taken, pass_) for pass_ in passes],
    }


def _pass(shown: Explanation, taken: CallTaken, pass_: Pass) -> dict[str, object]:
    stack = shown.stacks.of(taken.call.group)
    found = fates(stack, taken.verdict, pass_) if taken.verdict is not None else ()
    rules, number_of = [], numbers(stack)
    for index, number in number_of.items():
        fate = found[index]
        by = None if fate.skipped_by is None else number_of[fate.skipped_by]
        entry = fate.entry
        rules.append(
            {
                "rule": number,
                "ran": entry is not None,
                "returned": None if entry is None else return_word(entry.returned),
                "goes_by": None if entry is None else return_word(entry.deciding),
                "action": None if entry is None else effect(entry),
                "skipped_by": by,
            }
        )
    return {"pass": pass_.value, "rules": rules}


def _assumption(assumption: Assumption) -> dict[str, object]:
    return {
        "modules": list(assumption.modules),
        "passes": [pass_.value for pass_ in assumption.passes],
        "returns": assumption.returned.word if assumption.returned is not None else None,
        "reason": assumption.reason,
    }
