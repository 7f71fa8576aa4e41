"""Every edit that is planned in the corpora, run by each real libpam before and after."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import pytest

from creds_session.errors import InvalidData
from creds_session.pam.keyring_rules.plan import Options, Plan, plan
from creds_session.pam.modules.builtin import builtin_return
from creds_session.pam.stack.dispatch import Returns, dispatch
from creds_session.pam.stack.handlers import Handler
from creds_session.pam.stack.resolve import resolve_all
from creds_session.pam.syntax.terms import Call, Dialect, ManagementGroup, Pass, ReturnValue
from tests.oracle.oracle_corpus import Item, all_items
from tests.oracle.oracle_edits import (
    FEW,
    KEYRINGS,
    ODD,
    PASSWORDS,
    SEQUENCES,
    STORIES,
    Ours,
    Story,
    Teller,
    allowed_returns,
    nearest,
    others_said,
    with_stand_ins,
    without_keyring,
)
from tests.oracle.oracle_layouts import why_not_judged
from tests.oracle.oracle_libpam import Answer, CannotAsk, Case, ask, check, dialect_of
from tests.oracle.oracle_predict import predict, reader

TELLERS = {
    **{name: Teller(story) for name, story in STORIES.items()},
    **{f"anything, {seed}": Teller(None, seed) for seed in range(8)},
}
OPTIONS = {
    "as it is": Options(),
    "strict": Options(strict=True),
    "root passes": Options(skip_root=True),
    "only added": Options(only_add=True),
}
SUCCESS = int(ReturnValue.SUCCESS)
Files = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Told:
    """One story of one service: without pam_gnome_keyring, and with it in one of its ways."""

    place: str
    service: str
    before: Files
    after: Files


@dataclass(frozen=True)
class Libpam:
    """A root file system, and how its libpam reads files."""

    root: str
    dialect: Dialect


@pytest.fixture(scope="module")
def libpam(root: str) -> Libpam:
    try:
        check(root)
        return Libpam(root, dialect_of(root))
    except CannotAsk as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))


@lru_cache(maxsize=1)
def items() -> tuple[Item, ...]:
    return tuple(item for item in all_items() if not why_not_judged(item))


def planned(item: Item, dialect: Dialect, options: Options) -> Plan | None:
    """Plan a service; None if there is nothing to do, or no safe way."""
    try:
        made = plan(item.service, item.path, item.files.get, dialect, options)
    except InvalidData:
        return None
    # A rule that was unsafe already, and cannot be mended, goes on to change verdicts.
    is_as_unsafe = any(one.is_unsafe for one in made.after)
    return made if made.edits and not is_as_unsafe else None


def tales(item: Item, made: Plan, options: Options) -> Iterator[Told]:
    others, after = without_keyring(item.files), {**item.files, made.target: made.result}
    is_guarded = b"pam_succeed_if.so quiet uid = 0" in made.result
    ways = {**KEYRINGS, "is odd": ODD} if options.strict else KEYRINGS
    for story, teller in TELLERS.items():
        if item.service != "sshd" and story not in {*FEW, "anything, 0", "anything, 1"}:
            continue
        without = _frozen(with_stand_ins(others, teller, KEYRINGS["succeeds"]))
        for name, ours in ways.items():
            if name == "is passed by" and not is_guarded:
                continue
            place = f"{item.number}-{item.service}, {story}, the keyring {name}"
            yield Told(place, item.service, without, _frozen(with_stand_ins(after, teller, ours)))


def _frozen(files: dict[str, bytes]) -> Files:
    return tuple(sorted(files.items()))


def answers_to(root: str, asked: list[tuple[str, Files]]) -> dict[tuple[str, Files], list[Answer]]:
    """Ask libpam, about what is the same only once."""
    cases = list(dict.fromkeys(asked))
    answers = ask(root, [Case(dict(files), service, SEQUENCES) for service, files in cases])
    return {case: given * len(SEQUENCES) if len(given) == 1 else given
            for case, given in zip(cases, answers)}  # fmt: skip


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", OPTIONS)
def test_no_verdict_of_libpam_changes_and_no_other_module_runs_otherwise(
    libpam: Libpam, name: str
) -> None:
    dialect = libpam.dialect
    chosen = [item for item in items() if name == "as it is" or item.service == "sshd"]
    plans = [(item, planned(item, dialect, OPTIONS[name])) for item in chosen]
    told = [tale for item, made in plans if made for tale in tales(item, made, OPTIONS[name])]
    asked = [(t.service, files) for t in told for files in (t.before, t.after)]
    answers = answers_to(libpam.root, asked)
    differences = [
        f"{service}: {dict(files)}\n  we say {ours}\n  libpam {given}"
        for (service, files), given in answers.items()
        if given != (ours := expected(service, dict(files), dialect))
    ]
    for tale in told:
        before, after = (answers[tale.service, files] for files in (tale.before, tale.after))
        differences += [
            f"{tale.place}, {sequence}\n  before {was}\n  after  {now}"
            for sequence, was, now in zip(SEQUENCES, before, after)
            if others(was, sequence) != others(now, sequence)
        ]
    count = sum(made is not None for _, made in plans)
    print(
        f"{libpam.root} {dialect.name}, {name}: {count} edits, {len(told)} stories,"
        f" {len(answers)} services run by libpam, {len(differences)} differ"
    )
    assert not differences, f"{len(differences)} differ\n" + "\n".join(differences[:5])
    assert count


def expected(service: str, files: dict[str, bytes], dialect: Dialect) -> list[Answer]:
    stacks = resolve_all(service, reader(files), dialect=dialect)
    return [predict(stacks, sequence) for sequence in SEQUENCES]


def others(answer: Answer, sequence: tuple[str, ...]) -> Answer:
    """Leave out what pam_gnome_keyring and its guard said, and the verdict on a session's end."""
    kept = tuple(
        (0 if call == "close_session" else code, others_said(texts))
        for call, (code, texts) in zip(sequence, answer.answers)
    )
    return replace(answer, answers=kept)


WANTED = {
    ManagementGroup.AUTH: (Call.AUTHENTICATE, 0, 0, "auth=service_err"),
    ManagementGroup.SESSION: (Call.OPEN_SESSION, 1, 2, "open_session=service_err"),
    ManagementGroup.PASSWORD: (Call.CHAUTHTOK, 3, 0, "chauthtok=buf_err"),
}
"""Which answer to look at, and what only the failing stand-in says there."""


def test_pam_gnome_keyring_runs_in_libpam_where_the_plan_says_that_it_is_reached(
    libpam: Libpam,
) -> None:
    dialect = libpam.dialect
    asked = []
    for item in items():
        made = planned(item, dialect, Options()) if item.service == "sshd" else None
        after = {**item.files, made.target: made.result} if made else {}
        for verdict in made.after if made else ():
            if verdict.applies and verdict.reached:
                asked += [
                    (verdict.group, item, story, after) for story in ("right password",
                     "right password, known remotely", "right password, conditions are false")
                ]  # fmt: skip
    tellings = [
        (item.service, _frozen(with_stand_ins(after, TELLERS[story], KEYRINGS["fails"])))
        for _, item, story, after in asked
    ]
    answers = answers_to(libpam.root, tellings)
    reached = dict.fromkeys(WANTED, 0)
    for (group, item, story, after), telling in zip(asked, tellings):
        call, sequence, place, word = WANTED[group]
        code, said = answers[telling][sequence].answers[place]
        if code == SUCCESS and brings_password(after, item, call, dialect, STORIES[story]):
            assert word in said, f"{item.number}, {story}, {group.value}: {said}"
            reached[group] += 1
    print({group.value: count for group, count in reached.items()})
    assert all(reached.values())


def brings_password(
    files: dict[str, bytes], item: Item, call: Call, dialect: Dialect, story: Story
) -> bool:
    """Return whether a module that handles passwords succeeds in a call, if the call needs one."""
    if call is Call.OPEN_SESSION:
        return True
    stacks = resolve_all(item.service, files.get, dialect=dialect)
    verdict = dispatch(stacks, call, returns(story))
    return any(
        entry.handler.module.encode() in PASSWORDS and entry.returned == SUCCESS
        for entry in verdict.trace
        if entry.pass_ is not Pass.PRELIM
    )


def returns(story: Story) -> Returns:
    def answer(handler: Handler, pass_: Pass) -> int:
        known = builtin_return(handler, pass_)
        if known is not None:
            return int(known)
        module = handler.module.encode()
        words = tuple(word.encode() for word in handler.arguments)
        return int(nearest(story(module, pass_), allowed_returns(module, words, pass_)))

    return answer


def test_stand_ins_keep_controls_and_order() -> None:
    files = {"/etc/pam.d/s": b"# c\nauth [success=1\\\n default=bad] a.so x # c\n@include b\n"}
    made = with_stand_ins(files, TELLERS["right password"], Ours(b"k"))["/etc/pam.d/s"]
    lines = made.splitlines()
    assert lines[0] == b"auth [success=1\\"
    assert lines[1].startswith(b" default=bad] pam_debug.so auth=success cred=success acct=success")
    assert lines[2:] == [b"@include b"]
