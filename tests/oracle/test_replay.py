"""Updates of vendors replayed: each is rebased and proved, or refused; libpam sees no harm."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.depth import REPLAYED
from tests.oracle.oracle_edits import KEYRINGS, SEQUENCES, with_stand_ins, without_keyring
from tests.oracle.oracle_replay import REBASED, REFUSED, Kind, Replayed, made_pairs, pairs, replay
from tests.oracle.test_corpus_edits import (
    TELLERS,
    Files,
    Libpam,
    answers_to,
    libpam,
    others,
)

__all__ = ["libpam"]


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name.lower())
def test_each_update_is_rebased_safely_or_refused(
    libpam: Libpam,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: Kind,
) -> None:
    expected, made = zip(*made_pairs())
    chosen = [*made, *list(pairs())[::REPLAYED]]
    done = [
        replay(tmp_path / str(number), pair, libpam.dialect, kind)
        for number, pair in enumerate(chosen)
    ]
    wrong = [f"{one.name}: {text}" for one in done for text in one.harm]
    wrong += differences(libpam, [one for one in done if one.result == REBASED])
    counts = Counter(one.result for one in done[len(made) :])
    with capsys.disabled():
        print(f"\n{libpam.root} {libpam.dialect.name}, {kind.name}:")
        print("\n".join(f"  {count} {result}" for result, count in counts.most_common()))
        for one in done:
            if one.result == REFUSED:
                print(f"    {one.name}: {one.reason.splitlines()[0]}")
        print(f"  {len(wrong)} unsafe")
    assert not wrong, "\n".join(wrong[:5])
    assert all(one.reason for one in done if one.result == REFUSED)
    assert tuple(one.result for one in done[: len(made)]) == expected


def differences(asked: Libpam, done: list[Replayed]) -> list[str]:
    """Return where a verdict of libpam differs, with our rules and without them."""
    told: list[tuple[str, str, Files, Files]] = []
    for one in done:
        bare, whole = without_keyring(one.without or {}), one.after or {}
        for story, teller in TELLERS.items():
            before = frozen(with_stand_ins(bare, teller, KEYRINGS["succeeds"]))
            for state in ("succeeds", "fails", "is missing"):
                after = frozen(with_stand_ins(whole, teller, KEYRINGS[state]))
                told.append((f"{one.name}, {story}, {state}", one.service, before, after))
    answers = answers_to(
        asked.root, [(service, files) for _, service, *both in told for files in both]
    )
    return [
        f"{name}, {sequence}\n  before {was}\n  after  {now}"
        for name, service, before, after in told
        for sequence, was, now in zip(SEQUENCES, answers[service, before], answers[service, after])
        if others(was, sequence) != others(now, sequence)
    ]


def frozen(files: dict[str, bytes]) -> Files:
    """Return files in a form that can be a key."""
    return tuple(sorted(files.items()))
