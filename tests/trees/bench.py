"""Ask libpam about trees: what a plan does to every story of a service."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from creds_session.errors import CredsSessionError
from creds_session.facts.distribution import has_libpam_1_5
from creds_session.pam.keyring_rules.plan import Options, Plan, plan
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.terms import Dialect
from tests.depth import TREE_STORIES
from tests.oracle.oracle_edits import GUARD
from tests.oracle.oracle_libpam import Answer, Case, ask
from tests.oracle.oracle_predict import predict, reader
from tests.trees.judge import (
    SEQUENCES,
    STATES,
    Files,
    must_reach,
    reached,
    same_for_others,
    stand_ins,
    without_rules,
)
from tests.trees.stories import STORIES
from tests.trees.tree import DIRECTORY, STATUS, Tree

Frozen = tuple[tuple[str, bytes], ...]
SEED = 12
AT_ONCE = 200
"""So many services of trees are judged before the files of the next ones are made."""


@dataclass
class Judgement:
    """What came of one service of a tree."""

    tree: Tree
    service: str
    plan: Plan | None = None
    refused: str = ""
    wrong: list[str] = field(default_factory=list)

    @property
    def result(self) -> str:
        """The class: wrong, refused, in part (a group cannot be had, and is told), or ok."""
        if self.wrong:
            return "wrong"
        if self.plan is None:
            return "refused"
        return "in part" if any(one.problem for one in self.plan.after) else "ok"


@dataclass(frozen=True)
class Told:
    """One story with one state of the keyring: the files before, after, and without any rule."""

    judgement: int
    story: str
    state: str
    versions: tuple[Frozen, Frozen, Frozen]


def dialect_of(tree: Tree) -> Dialect:
    """Return how the libpam of a tree's distribution reads it."""
    found = re.search(rb"^Version: ([\d.]+)", tree.files.get(STATUS, b""), re.MULTILINE)
    if found:
        return Dialect.of(found[1].decode(), debian=True)
    return Dialect.UPSTREAM_1_5 if has_libpam_1_5(tree.os_release) else Dialect.UPSTREAM_1_7


def planned(
    tree: Tree, service: str, dialect: Dialect, options: Options | None = None
) -> Judgement:
    """Plan a service of a tree; a refusal becomes the reason that the person is told."""
    made = Judgement(tree, service)
    path = DIRECTORY + service
    if path not in tree.files:
        path = path.replace("/etc/", "/usr/lib/")
    try:
        made.plan = plan(service, path, tree.files.get, dialect, options)
    except CredsSessionError as error:
        made.refused = f"{error.problem}\n{error.hint}"
    return made


def judge_all(
    root: str,
    made: Sequence[Judgement],
    dialects: Iterable[Dialect],
    stories: int = TREE_STORIES,
) -> None:
    """Ask the libpam of a root about every plan, and note what is wrong with it.

    ``dialects`` are the libpams whose verdicts our own simulation predicts as well. So
    many ``stories`` are drawn for each service of a tree; 0 for all.
    """
    for start in range(0, len(made), AT_ONCE):
        _judge(root, made[start : start + AT_ONCE], dialects, stories)


def _judge(root: str, made: Sequence[Judgement], dialects: Iterable[Dialect], stories: int) -> None:
    told = [told for index, one in enumerate(made) for told in _tell(index, one, stories)]
    wanted = dict.fromkeys((made[one.judgement].service, v) for one in told for v in one.versions)
    cases = [Case(dict(files), service, SEQUENCES) for service, files in wanted]
    answers = dict(zip(wanted, ask(root, cases)))
    for one in told:
        judged = made[one.judgement]
        _note(judged, one, [answers[judged.service, files] for files in one.versions], "libpam")
        for dialect in dialects:
            predicted = [_predict(judged.service, files, dialect) for files in one.versions]
            _note(judged, one, predicted, f"libpam, by our own reading as {dialect.name},")


def _tell(index: int, judged: Judgement, stories: int) -> Iterator[Told]:
    if judged.plan is None:
        return
    files = judged.tree.files
    after = {**files, judged.plan.target: judged.plan.result}
    without = without_rules(files)
    for name, state in _assignments(f"{judged.tree.name} {judged.service}", stories):
        before, now, bare = (
            _with_stand_ins(version, judged.service, name, state)
            for version in (files, after, without)
        )
        yield Told(index, name, state, (before, now, bare))


def _assignments(key: str, stories: int) -> Iterable[tuple[str, str]]:
    """Return stories, each with a state of the keyring; always the same ones for a service."""
    every = list(itertools.product(STORIES, STATES))
    if not stories:
        return every
    chance = random.Random(f"{SEED} {key}")  # noqa: S311 - test data
    return chance.sample(every, stories)


def _with_stand_ins(files: Files, service: str, story: str, state: str) -> Frozen:
    return tuple(sorted(stand_ins(files, service, STORIES[story], state).items()))


def _predict(service: str, files: Frozen, dialect: Dialect) -> list[Answer]:
    stacks = resolve_all(service, reader(dict(files)), dialect=dialect)
    return [predict(stacks, sequence) for sequence in SEQUENCES]


def _note(judged: Judgement, told: Told, answers: Sequence[list[Answer]], who: str) -> None:
    """Compare the three versions, and look whether the rules were reached."""
    before, after, without = answers
    place = f"{judged.tree.name}, {judged.service}, {told.story}, the keyring {told.state}"
    for name, one in (("as it was", before), ("without any rule of the keyring", without)):
        if not same_for_others(one, after):
            judged.wrong.append(f"{place}: {who} says\n  {name}: {one}\n  after: {after}")
    made = judged.plan
    if told.state != "fails" or made is None:
        return
    for verdict in made.after:
        files = {**judged.tree.files, made.target: made.result}
        if verdict.problem or not verdict.applies:
            continue
        if b" ".join(GUARD) in made.result and told.story.startswith("root"):
            continue  # root passes the rules by
        wanted = must_reach(files, judged.service, STORIES[told.story], Dialect.DEBIAN_1_7)
        if verdict.group in wanted and not reached(after, verdict.group):
            judged.wrong.append(f"{place}: {who} does not reach the {verdict.group.value} rule")
