"""Judge what another tool made of the sshd files of a tree: by the real libpam, and by our judge.

libpam runs every story of a login with two states of the keyring, on the files before and after the
change. Only the modules are stand-ins.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from creds_session.pam.changes.judge import judge_change
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.nodes import Rule
from creds_session.pam.syntax.parser import parse
from creds_session.pam.syntax.terms import Dialect, ManagementGroup
from tests.oracle.oracle_libpam import Answer, Case, ask
from tests.trees.judge import (
    SEQUENCES,
    must_reach,
    reached,
    same_for_others,
    stand_ins,
)
from tests.trees.stories import STORIES

SERVICE = "sshd"
STATES = ("succeeds", "fails")
"""States of the keyring. A module that is missing is for these rules one that fails."""
SUCCESS = 0
RULE = b"pam_gnome_keyring.so"
AT_ONCE = 20  # changes whose cases are made before libpam is asked
GROUPS = (ManagementGroup.AUTH, ManagementGroup.PASSWORD, ManagementGroup.SESSION)
Files = Mapping[str, bytes]


class Change(NamedTuple):
    """The files of a host before and after a change, and how its libpam reads them."""

    before: Files
    after: Files
    dialect: Dialect


class Outcome(NamedTuple):
    """What libpam and the judge say about one change.

    ``missing`` are the groups that have no rule of the keyring, although a login needs the rule.
    ``dead`` are the groups whose rule runs at no login that needs it, and ``skipped`` those whose
    rule runs at some of these logins only. ``doubled`` is whether one rule was inserted twice.
    ``locked_out``, ``let_in`` and ``differs`` name the first story in which libpam refuses somebody
    newly, lets somebody in newly, or runs other modules than before. ``judged`` are the kinds of
    finding of ``creds-setup-pam judge``.
    """

    missing: frozenset[ManagementGroup]
    dead: frozenset[ManagementGroup]
    skipped: frozenset[ManagementGroup]
    doubled: bool
    locked_out: str
    let_in: str
    differs: str
    judged: frozenset[str]

    @property
    def is_healthy(self) -> bool:
        """Return whether every rule works, and nobody is affected otherwise."""
        groups = self.missing | self.dead | self.skipped
        return not (groups or self.locked_out or self.let_in or self.differs)


def outcomes(root: str, changes: Sequence[Change]) -> list[Outcome]:
    """Return what becomes of each change with the libpam of a root."""
    found = []
    for start in range(0, len(changes), AT_ONCE):
        found += _outcomes(root, changes[start : start + AT_ONCE])
    return found


def _outcomes(root: str, changes: Sequence[Change]) -> list[Outcome]:
    told = list(itertools.product(STORIES, STATES))
    versions = {id(files): files for change in changes for files in change[:2]}
    made = {
        (key, story, state): tuple(sorted(stand_ins(files, SERVICE, STORIES[story], state).items()))
        for key, files in versions.items()
        for story, state in told
    }
    cases = {frozen: Case(dict(frozen), SERVICE, SEQUENCES) for frozen in made.values()}
    answers = dict(zip(cases, ask(root, list(cases.values()))))
    return [
        _outcome(
            change,
            {
                (story, state): (
                    answers[made[id(change.before), story, state]],
                    answers[made[id(change.after), story, state]],
                )
                for story, state in told
            },
        )
        for change in changes
    ]


Both = tuple[list[Answer], list[Answer]]


def _outcome(change: Change, answers: Mapping[tuple[str, str], Both]) -> Outcome:
    needed, ran = _runs(change, answers)
    before, after = (
        resolve_all(SERVICE, files.get, dialect=change.dialect)
        for files in (change.before, change.after)
    )
    has_rule = {
        group
        for group in GROUPS
        if any(handler.module == RULE.decode() for handler in after.of(group).handlers)
    }
    groups = {group for group in GROUPS if needed[group]}
    judged = judge_change(before, after).findings
    return Outcome(
        missing=frozenset(groups - has_rule),
        dead=frozenset(g for g in groups & has_rule if not ran[g]),
        skipped=frozenset(g for g in groups & has_rule if 0 < ran[g] < needed[g]),
        doubled=any(
            _rules(change.after, group) > _rules(change.before, group) + 1 for group in GROUPS
        ),
        locked_out=_first(answers, lambda was, now: was == SUCCESS != now),
        let_in=_first(answers, lambda was, now: was != SUCCESS == now),
        differs=next((f"{s}, {k}" for (s, k), two in answers.items() if _differs(two)), ""),
        judged=frozenset(one.kind.name.lower() for one in judged),
    )


def _runs(
    change: Change, answers: Mapping[tuple[str, str], Both]
) -> tuple[dict[ManagementGroup, int], dict[ManagementGroup, int]]:
    """Return for each group how many stories need its rule, and in how many of them it ran."""
    needed, ran = dict.fromkeys(GROUPS, 0), dict.fromkeys(GROUPS, 0)
    for story in STORIES:
        after = answers[story, "fails"][1]
        for group in must_reach(change.after, SERVICE, STORIES[story], change.dialect):
            needed[group] += 1
            ran[group] += reached(after, group)
    return needed, ran


def _differs(both: Both) -> bool:
    return not same_for_others(*both)


def _rules(files: Files, group: ManagementGroup) -> int:
    """Return how many rules of the keyring the files have for a group."""
    return sum(
        isinstance(node, Rule) and node.type is group and node.module_path.endswith(RULE)
        for data in files.values()
        for node in parse(data, Dialect.DEBIAN_1_7).lines
    )


def _first(answers: Mapping[tuple[str, str], Both], is_it: Callable[[int, int], bool]) -> str:
    """Return the first story in which a call has another verdict of the wanted kind."""
    for (story, state), (before, after) in answers.items():
        for sequence, was, now in zip(SEQUENCES, before, after):
            if is_it(was.start, now.start):
                return f"{story}, the keyring {state}, pam_start"
            for call, (code, _), (new, _) in zip(sequence, was.answers, now.answers):
                if is_it(code, new):
                    return f"{story}, the keyring {state}, {call}"
    return ""
